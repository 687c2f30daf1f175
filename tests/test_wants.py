"""What a scene wants besides its files is known before its first frame: scripts that run, nodes of an add-on, a device."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import exr
import pytest
from scene_child import Lacking, Refused, Worker, collect

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
    assert wants("scripted") == {"scripts": ["driver of Cube", "text handler.py", "text mover.py"], "nodes": []}


def test_a_slave_that_lacks_something_says_so_before_the_first_frame(folder: Path, tmp_path: Path, blender: str) -> None:
    blend = folder / "scripted.blend"
    scripts = {"scripts": ["driver of Cube"], "nodes": []}
    with Worker(blender, tmp_path / "worker") as worker:
        with pytest.raises(Lacking, match=r"runs scripts \(driver of Cube\), which this slave does not allow: start it with"):
            worker.open(blend, wants=scripts)
        with pytest.raises(Lacking, match=r"nodes of an add-on that this Blender lacks: FancyNode$"):
            worker.open(blend, wants={"scripts": [], "nodes": ["FancyNode", "ShaderNodeEmission"]})
        with pytest.raises(Lacking, match=r"is to render with cuda:7, which its Blender does not find$"):
            worker.open(blend, wants=scripts, without_scripts=True, devices=["cuda:7", "cpu"])
        with pytest.raises(Refused, match="one kind of device at a time, not with cuda:0 and optix:0"):
            worker.open(blend, wants=scripts, without_scripts=True, devices=["optix:0", "cuda:0"])
        worker.open(blend, wants=scripts, without_scripts=True, devices=["cpu"])
        without = exr.read(worker.render(4, tmp_path / "without.exr"))
        worker.open(blend, wants=scripts, allow_scripts=True)
        allowed = exr.read(worker.render(4, tmp_path / "with.exr"))
        assert without.channels != allowed.channels, "scripts ran where they should not, or did not where they should"


ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import texts
print(json.dumps([texts.changes_pictures(source) for source in json.load(sys.stdin)]))
"""
RIG = """
import bpy
class Panel(bpy.types.Panel):
    def draw(self, context):
        bpy.ops.pose.select_all()
def later():
    bpy.data.objects.clear()
def register():
    bpy.utils.register_class(Panel)
    bpy.types.Object.layer = bpy.props.IntProperty(get=lambda self: len(bpy.data.objects))
register()
"""


def test_texts_of_rigs_change_no_picture_and_all_that_touch_the_scene_do() -> None:
    changes = [
        "import bpy\nbpy.data.objects['Cube'].location.x = 1",
        "import bpy as b\ndef more():\n    b.context.scene.cycles.samples = 2\ndef main():\n    more()\nmain()",
        "from bpy import data\ndata.objects['Cube'].hide_render = True",
        "import bpy.ops\nif True:\n    bpy.ops.object.delete()",
        "import bpy\nbpy.app.driver_namespace['a'] = 1",
    ]
    leaves = [RIG, "print('hello')", "this is no Python (", "import bpy\nprint(bpy.app.version)"]
    asked = json.dumps(changes + leaves)
    scripts = Path(__file__).resolve().parent.parent / "src/blender"
    child = subprocess.run([sys.executable, "-c", ASK, scripts], input=asked, capture_output=True, text=True, check=True)
    assert json.loads(child.stdout) == [True] * len(changes) + [False] * len(leaves)
