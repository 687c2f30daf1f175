"""What an artist has baked is known as baked, however Blender keeps it, and left alone; bakes lie where they meet no others.

The executable of the tests has no nodes that bake.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from scene_child import ROOT, Worker

from farm import SCENES, is_module, run_in_blender

WHOLE = {"scene": "Scene", "kind": "cloth", "object": "Flag", "item": "Cloth", "name": "cloth of Flag", "number": 1}


@pytest.fixture(scope="module", params=["executable", "module"])
def blender(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("blender_executable" if request.param == "executable" else "bpy_python"))


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the core has its Blenders run."""
    folder = tmp_path_factory.mktemp("scripts")
    for path in (*(ROOT / "src/blender").glob("*.py"), ROOT / "addon/simulations.py"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def folder(blender: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own(blender: str, folder: Path, scripts: Path) -> dict[str, Any]:
    beside = folder / "scene"
    beside.mkdir()
    do(blender, folder, ["own", str(scripts), str(beside), str(folder / "own.json")])
    answer: dict[str, Any] = json.loads((folder / "own.json").read_text())
    return answer


def do(blender: str, folder: Path, *what: list[object]) -> None:
    (folder / "request.json").write_text(json.dumps(what))
    run_in_blender(blender, SCENES / "simulated.py", [str(folder / "request.json")], folder / "log")


def test_only_what_is_not_baked_is_planned(blender: str, own: dict[str, Any]) -> None:
    names = [bake["name"] for bake in own["plan"]["bakes"]]
    assert names == ["cloth of Gone", *(["bake node of Grown"] if is_module(blender) else [])]


def test_bakes_from_elsewhere_take_the_place_of_none_of_the_artists(blender: str, own: dict[str, Any]) -> None:
    kept = ["cloth of Kept", *(["simulation nodes of Grown"] if is_module(blender) else [])]
    assert sorted(own["told"]) == [
        f"the {name} was left alone, for it is baked in this file: free that bake to play back this one" for name in kept
    ]
    assert all(own["shapes"][frame]["Kept"] == own["before"][frame]["Kept"] for frame in ("5", "2", "8"))
    assert own["before"]["8"]["Kept"] != own["before"]["2"]["Kept"]


def test_asking_leaves_nothing_behind(blender: str, own: dict[str, Any]) -> None:
    assert own["left"] == own["files"]
    assert own["objects"] == sorted(["Camera", "Gone", "Kept", *(["Flag", "Grown"] if is_module(blender) else [])])


def test_a_copy_elsewhere_plays_back_what_lies_beside_the_original(
    blender: str, own: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "elsewhere" / "own_baked.blend"
    output.parent.mkdir()
    order = {"blend": str(folder / "scene/own.blend"), "name": "own.blend", "baked": [], "output": str(output)}
    with Worker(blender, tmp_path / "worker") as worker:
        assert worker.ask(order="copy", **order)["told"] == []
    do(blender, tmp_path, ["look", str(output), [7, 2, 8], str(tmp_path / "seen.json")])
    seen = json.loads((tmp_path / "seen.json").read_text())
    for frame in ("7", "2", "8"):
        assert seen[frame]["Kept"] == own["before"][frame]["Kept"]


def test_a_copy_elsewhere_plays_back_nodes_from_where_they_were_baked(bpy_python: str, scripts: Path, tmp_path: Path) -> None:
    """Blender does not write the folders of nodes anew in a copy that is saved elsewhere."""
    home, output = tmp_path / "home", tmp_path / "elsewhere" / "nodes_baked.blend"
    home.mkdir()
    output.parent.mkdir()
    do(bpy_python, tmp_path, ["nodes", str(scripts), str(home), str(tmp_path / "here.json")])
    here = json.loads((tmp_path / "here.json").read_text())
    order = {"blend": str(home / "nodes.blend"), "name": "nodes.blend", "baked": [], "output": str(output)}
    with Worker(bpy_python, tmp_path / "worker") as worker:
        assert worker.ask(order="copy", **order)["told"] == []
    do(bpy_python, tmp_path, ["look", str(output), [7, 2, 8], str(tmp_path / "seen.json")])
    seen = json.loads((tmp_path / "seen.json").read_text())
    for frame in ("7", "2", "8"):
        assert seen[frame]["Grown"] == here[frame]["Grown"]
    assert here["2"]["Grown"] != here["8"]["Grown"]


def test_bakes_of_other_scenes_and_objects_have_other_folders(blender: str, scripts: Path, tmp_path: Path) -> None:
    """Also where the readable part is the same: cut off, or without a letter that every disk can write."""
    twins = [
        ("shot_v01.blend", {}),
        ("shot_v02.blend", {}),
        ("shots/shot_v01.blend", {"object": "Cape"}),
        ("shot_v01.blend", {"scene": "Other"}),
        ("shot_v01.blend", {"object": "旗", "name": "cloth of 旗"}),
        ("shot_v01.blend", {"object": "帆", "name": "cloth of 帆"}),
        ("镜头.blend", {}),
        ("场景.blend", {}),
    ]
    script = tmp_path / "folders.py"
    script.write_text(
        "import json, os, sys\n"
        f"sys.path.insert(0, {str(scripts)!r})\n"
        "import baking\n"
        f"twins = json.loads({json.dumps(json.dumps(twins))})\n"
        f"whole = json.loads({json.dumps(json.dumps(WHOLE))})\n"
        "found = [baking.folder_of({**whole, **other}, main) for main, other in twins]\n"
        "found.append(baking.folder_of({**whole, 'number': 7}, 'shot_v01.blend'))\n"
        "open(sys.argv[-1], 'w').write(json.dumps(found))\n"
        "os._exit(0)\n"
    )
    run_in_blender(blender, script, [str(tmp_path / "found.json")], tmp_path / "log")
    *found, again = json.loads((tmp_path / "found.json").read_text())
    assert len(set(found)) == len(twins), found
    assert again == found[0], "baked once more it takes its own place"
    assert found[0].startswith("netrender_bakes/shot_v01_cloth_of_Flag_")
    assert all(len(Path(each).name) <= 100 and each.isascii() for each in found)
