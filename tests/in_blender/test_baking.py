"""Bake on Network and Get Bakes: an artist's scene plays back what slaves have baked, each vertex where a local bake has it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import png
import pytest
from blender_child import Blender

from farm import SCENES, run_in_blender

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture
def master_url(windowed: Blender, tmp_path: Path) -> Iterator[str]:
    """A farm of one slave; beside it a scene of three simulations, and how a local bake of them looks."""
    import netrender_core as core

    (tmp_path / "make.json").write_text(json.dumps([["few", str(tmp_path)]]))
    run_in_blender(windowed.program, SCENES / "simulated.py", [str(tmp_path / "make.json")], tmp_path / "make.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETRENDER_CONFIG", str(windowed.home / "netrender"))
        place = {"address": "127.0.0.1", "port": 0, "broadcast": False}
        with (
            core.Master.start(path=str(tmp_path / "master"), **place) as master,
            core.Slave.start(master=master.url, path=str(tmp_path / "slave"), blenders=[windowed.program], name="node1"),
        ):
            yield master.url


def test_buttons_have_a_scene_baked_first_rendered_and_played_back(
    windowed: Blender, virtual_display: str, master_url: str, tmp_path: Path
) -> None:
    blend, output = tmp_path / "few.blend", tmp_path / "output"
    story = windowed.window_command(virtual_display, "baking_window.py", master_url, output, tmp_path / "few.json", blend=blend)
    assert "story told" in windowed.finish(story)
    local = ["-b", str(tmp_path / "local/few.blend"), "-noaudio", "-o", f"{output}/local_####", "-s", "7", "-e", "8", "-a"]
    subprocess.run([windowed.program, *local], env=windowed.environment(), check=True, capture_output=True)
    for frame in (7, 8):
        pictures = {png.pixels(output / f"{name}_{frame:04}.png") for name in ("network", "local")}
        assert len(pictures) == 1, f"frame {frame} differs"


def test_an_artist_has_a_scene_baked_and_played_back(windowed: Blender, master_url: str, tmp_path: Path) -> None:
    said = windowed.run("baking.py", master_url, tmp_path / "few.json", blend=tmp_path / "few.blend")
    assert "all play back" in said
    assert "2 of 3 bakes play back in this scene: save the file to keep that" in said
    assert "are baked inside of few_baked.blend" in said
    assert (tmp_path / "few_baked.blend").is_file()
