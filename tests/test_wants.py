"""What a scene wants besides its files is known before its first frame: scripts that may run, nodes that an add-on brings."""

from pathlib import Path
from typing import Any

import exr
import pytest
from scene_child import Lacking, Worker, collect

from farm import is_module, run_in_blender

SCENES = Path(__file__).parent / "scenes"


@pytest.fixture
def folder(tmp_path: Path, blender: str) -> Path:
    """A folder with the scenes of `scripted.py`."""
    made = tmp_path / "scenes"
    separator = ["--"] if is_module(blender) else []
    run_in_blender(blender, SCENES / "scripted.py", [*separator, str(made)], tmp_path / "log")
    return made


def test_only_what_changes_the_picture_is_wanted(folder: Path, tmp_path: Path, blender: str) -> None:
    def wants(name: str) -> Any:
        return collect(blender, folder / f"{name}.blend", tmp_path / name)["wants"]

    assert wants("simple") == {"scripts": [], "nodes": []}
    assert wants("scripted") == {"scripts": ["driver of Cube", "text handler.py"], "nodes": []}


def test_a_slave_that_lacks_something_says_so_before_the_first_frame(folder: Path, tmp_path: Path, blender: str) -> None:
    blend = folder / "scripted.blend"
    scripts = {"scripts": ["driver of Cube"], "nodes": []}
    with Worker(blender, tmp_path / "worker") as worker:
        with pytest.raises(Lacking, match=r"runs scripts \(driver of Cube\), which this slave does not allow: start it with"):
            worker.open(blend, wants=scripts)
        with pytest.raises(Lacking, match=r"nodes of an add-on that this Blender lacks: FancyNode$"):
            worker.open(blend, wants={"scripts": [], "nodes": ["FancyNode", "ShaderNodeEmission"]})
        worker.open(blend, wants=scripts, without_scripts=True)
        without = exr.read(worker.render(4, tmp_path / "without.exr"))
        worker.open(blend, wants=scripts, allow_scripts=True)
        allowed = exr.read(worker.render(4, tmp_path / "with.exr"))
        assert without.channels != allowed.channels, "scripts ran where they should not, or did not where they should"
