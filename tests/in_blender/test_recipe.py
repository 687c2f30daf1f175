"""What a client ends up with is bit for bit what a local render gives."""

from pathlib import Path

import exr
import png
import pytest
from blender_child import Blender

FRAMES = (1, 2)


@pytest.fixture
def rendered(netrender: Blender, tmp_path: Path) -> Path:
    """A folder with the scene, rendered locally and over a farm whose network is a folder."""
    for name in ("slave", "local", "gather"):
        (tmp_path / name).mkdir()
    scene = tmp_path / "scene.blend"
    netrender.run("scene.py", scene)
    for step in ("slave", "local", "gather"):
        said = netrender.run("recipe.py", step, tmp_path / "slave", tmp_path / step, blend=scene)
    assert said.count("gathering stopped") == 3, "each render stops its own gathering"
    return tmp_path


def test_gathered_frames_are_identical_to_a_local_render(rendered: Path) -> None:
    for frame in FRAMES:
        name = f"picture_{frame:04}.png"
        assert png.pixels(rendered / "local" / name) == png.pixels(rendered / "gather" / name), name
    for name in (*(f"layers_{frame:04}.exr" for frame in FRAMES), "still.exr"):
        local, gathered = exr.read(rendered / "local" / name), exr.read(rendered / "gather" / name)
        assert len(local.channels) > 30
        assert local.channels.keys() == gathered.channels.keys(), name
        different = [channel for channel in local.channels if local.channels[channel] != gathered.channels[channel]]
        assert not different, f"{name}: {different}"
        kept = {key: text for key, text in local.metadata.items() if key.startswith("cryptomatte/")}
        assert kept, "the scene has a cryptomatte"
        assert kept == {key: text for key, text in gathered.metadata.items() if key.startswith("cryptomatte/")}


def test_tiles_are_shown_in_all_view_layers_and_within_a_border(netrender: Blender, tmp_path: Path) -> None:
    assert "all shown" in netrender.run("tiles_shown.py", tmp_path)


def test_what_cannot_be_gathered_is_told_and_not_written(netrender: Blender, tmp_path: Path) -> None:
    assert "all told" in netrender.run("failures.py", tmp_path, given_up=True)


def test_what_cannot_be_sent_is_told_before_a_master_is_asked(netrender: Blender, tmp_path: Path) -> None:
    assert "all told" in netrender.run("unsendable.py", tmp_path / "shot.blend")
