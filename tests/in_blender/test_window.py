"""What artists see: the panels in a real window."""

import json
import re
from pathlib import Path

import pytest
from blender_child import Blender

from farm import is_alive

# All panels of a mode at once.
LARGE = (1000, 1400)
PICTURES = (
    *("net_render_render_client", "net_render_render_master", "net_render_render_slave", "cycles_render_client"),
    *("master_runs", "slave_runs"),
)


@pytest.mark.usefixtures("core")
def test_every_panel_draws_in_a_window(windowed: Blender, virtual_display: str, tmp_path: Path) -> None:
    windowed.finish(windowed.window_command(virtual_display, "window.py", tmp_path, size=LARGE))
    for name in PICTURES:
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000, name


@pytest.mark.usefixtures("core", "keyboard")
def test_keys_gather_frames_and_escape_gives_up(windowed: Blender, virtual_display: str, tmp_path: Path) -> None:
    scene = tmp_path / "scene.blend"
    (tmp_path / "slave").mkdir()
    (tmp_path / "output").mkdir()
    windowed.run("scene.py", scene)
    windowed.run("recipe.py", "slave", tmp_path / "slave", tmp_path, blend=scene)
    story = windowed.window_command(virtual_display, "keys.py", tmp_path / "slave", tmp_path / "output", blend=scene)
    told = windowed.finish(story)
    assert "story told" in told
    assert "state 'RENDER_" not in told, "all that is the add-on's is taken back when Blender ends"


@pytest.mark.usefixtures("core")
def test_nobody_waits_for_a_master_that_never_answers(windowed: Blender, virtual_display: str, tmp_path: Path) -> None:
    assert "nobody waited" in windowed.finish(windowed.window_command(virtual_display, "hanging.py", tmp_path))
    for name in ("asking", "trouble"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000, name


@pytest.mark.usefixtures("core", "keyboard")
def test_the_window_never_waits_for_an_address_that_takes_no_connection(
    windowed: Blender, virtual_display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a graphics card other threads draw, and the main one waits for them.
    monkeypatch.setenv("LP_NUM_THREADS", "0")
    said = windowed.finish(windowed.window_command(virtual_display, "gaps.py", "dead", tmp_path), given_up=True)
    told = json.loads(next(line for line in said.splitlines() if line.startswith("gaps ")).removeprefix("gaps "))
    assert "does not answer" in told["trouble"]
    assert not told["undrawn"], "panels of every mode are drawn"
    assert told["patience"] == [0.0], "somebody stopped the window to wait"
    # Who waits for the network does so until its time-out; Blender itself waits for the disk when it saves.
    away, much = told["away"], told["time_out"] / 2
    assert max(away.values()) < 3 * away["quiet"] + much, away


@pytest.mark.usefixtures("core", "keyboard")
def test_one_button_makes_a_farm_and_renders_a_scene_that_was_never_saved(
    windowed: Blender, virtual_display: str, tmp_path: Path
) -> None:
    story = windowed.window_command(virtual_display, "one_button.py", tmp_path)
    told = windowed.finish(story, given_up=True)
    assert "story told" in told
    # It ended while its slave rendered a frame that would have taken days.
    children = re.findall(r"^children (.+)$", told, re.MULTILINE)[0].split()
    assert not [pid for pid in children if is_alive(int(pid))], "a Blender was left behind"
