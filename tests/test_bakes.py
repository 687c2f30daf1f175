"""Every kind of simulation is baked in a Blender of its own, and played back elsewhere: each vertex where a local bake has it.

Frames are visited out of order, so that nothing can be simulated instead of being read, and with the files of one frame only.
Not shown, because the module crashes at it: fluids with `bpy`. The executable of the tests is too old for simulation nodes.
"""

import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scene_child import Refused, Worker, collect, lay_out

from farm import is_module, run_in_blender

SCENE = Path(__file__).parent / "scenes/simulated.py"
OUT_OF_ORDER = [5, 2, 8, 1, 3]
ALONE = 6

EVERYWHERE = {
    "rigid bodies of Scene": [],
    "cloth of Cape": ["rigid bodies of Scene"],
    "cloth of Flag": ["rigid bodies of Scene"],
    "particles of Flag": ["rigid bodies of Scene", "cloth of Flag"],
    "soft body of Jelly": ["rigid bodies of Scene"],
    "dynamic paint of Canvas": ["soft body of Jelly"],
}
OF_EXECUTABLE = {"fluid of Smoke": []}
OF_MODULE = {
    "simulation nodes of Grown": ["cloth of Flag", "particles of Flag"],
    "bake node of Grown": ["cloth of Flag", "particles of Flag", "simulation nodes of Grown"],
}


@dataclass
class Baked:
    """The scene, what a plan made of it, and the folder of a job that holds what its bakes delivered."""

    blender: str
    folder: Path
    answer: dict[str, Any]
    indices: list[dict[str, Any]]
    seen: dict[str, Any]

    @property
    def job(self) -> Path:
        """Where a slave would lay out the job."""
        return self.folder / "job"

    def shapes(self, frame: int) -> dict[str, Any]:
        """What the artist's Blender shows."""
        shapes: dict[str, Any] = json.loads((self.folder / "local.json").read_text())[str(frame)]
        return shapes


def do(blender: str, folder: Path, name: str, *what: list[object]) -> None:
    request = folder / f"{name}.json"
    request.write_text(json.dumps(what))
    run_in_blender(blender, SCENE, [str(request)], folder / f"{name}.log")


@pytest.fixture(scope="module", params=["executable", "module"])
def baked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Baked:
    blender = str(request.getfixturevalue("blender_executable" if request.param == "executable" else "bpy_python"))
    folder = tmp_path_factory.mktemp("bakes")
    do(blender, folder, "make", ["make", str(folder)])
    answer = collect(blender, folder / "main.blend", folder / "collected")
    lay_out(answer, folder / "job")
    main = answer["main"]["virtual_path"]
    indices: list[dict[str, Any]] = []
    with Worker(blender, folder / "worker") as worker:
        for number, task in enumerate(answer["bakes"], 1):
            output = folder / f"{number}.zip"
            order = {"blend": str(folder / "job" / main), "allow_scripts": False, "threads": 1, "wants": answer["wants"]}
            bake = {**task, "number": number}
            names = {"main": main, "beside": f"netrender_bake_{number}", "output": str(output)}
            worker.ask(order="bake", **order, bake=bake, baked=indices, **names)
            indices.append(unpacked(output, folder / "job"))
    lean = folder / "lean"
    shutil.copytree(folder / "job", lean)
    for file in (file for index in indices for file in index["files"]):
        if file["frames"] and not file["frames"][0] <= ALONE <= file["frames"][1]:
            (lean / file["path"]).unlink()
    scripts = str(folder / "collected/scripts")
    circle = ["plan", scripts, str(folder / "circle.blend")]
    do(
        blender,
        folder,
        "look",
        ["play", scripts, str(folder / "job" / main), indices, OUT_OF_ORDER, str(folder / "whole.json")],
        ["play", scripts, str(lean / main), indices, [ALONE], str(folder / "alone.json")],
        [*circle, "", str(folder / "circle.json")],
        [*circle, "Upper, cloth of Lower, Nobody", str(folder / "ordered.json")],
    )
    seen = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("whole", "alone", "circle", "ordered")}
    return Baked(blender, folder, answer, indices, seen)


def unpacked(output: Path, job: Path) -> dict[str, Any]:
    """Puts the files of a bake where the next one finds them, as master and slave do; tells what the bake says of itself."""
    with zipfile.ZipFile(output) as archive:
        first, *others = archive.infolist()
        assert first.filename == "bake.json"
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in (first, *others))
        index: dict[str, Any] = json.loads(archive.read(first))
        assert [file["path"] for file in index["files"]] == [entry.filename for entry in others]
        for entry in others:
            target = job / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.write_bytes(archive.read(entry))
    return index


def test_each_bake_comes_after_what_it_depends_on(baked: Baked) -> None:
    bakes = baked.answer["bakes"]
    after = {bake["name"]: [bakes[number - 1]["name"] for number in bake["after"]] for bake in bakes}
    expected = EVERYWHERE | (OF_MODULE if is_module(baked.blender) else OF_EXECUTABLE)
    assert {name: set(names) for name, names in after.items()} == {name: set(names) for name, names in expected.items()}
    assert all(number < place for place, bake in enumerate(bakes, 1) for number in bake["after"])
    assert baked.answer["bakes_told"] == []


def test_it_plays_back_as_a_local_bake_does(baked: Baked) -> None:
    assert baked.seen["whole"]["told"] == []
    for frame in OUT_OF_ORDER:
        shown, local = baked.seen["whole"]["shapes"][str(frame)], baked.shapes(frame)
        assert {name for name in local if shown[name] != local[name]} == set(), f"frame {frame}"


def test_the_files_of_one_frame_are_enough_for_it(baked: Baked) -> None:
    shown, local = baked.seen["alone"]["shapes"][str(ALONE)], baked.shapes(ALONE)
    assert baked.seen["alone"]["told"] == []
    assert {name for name in local if shown[name] != local[name]} == set()
    numbered = [file for index in baked.indices for file in index["files"] if file["frames"]]
    assert len([file for file in numbered if not (baked.folder / "lean" / file["path"]).exists()]) > len(numbered) / 3


def test_everything_moves_so_that_a_rest_would_be_seen(baked: Baked) -> None:
    local = baked.shapes(8)
    still = {name for name, shape in baked.shapes(1).items() if shape == local[name]}
    assert still <= {"Smoke", "Source"}


def test_the_log_tells_each_frame_once(baked: Baked) -> None:
    log = (baked.folder / "worker/log").read_text(errors="replace")
    told = [line for line in log.splitlines() if line.startswith("netrender: bake cloth of Cape: ")]
    assert [line.rpartition(": ")[2] for line in told][-2:] == ["frame 7 of 1-8 (87 %)", "frame 8 of 1-8 (100 %)"]
    assert len(told) == 8


def test_nothing_else_stays_beside_the_scene(baked: Baked) -> None:
    beside = {path.name for path in (baked.job / baked.answer["main"]["virtual_path"]).parent.iterdir()}
    # Dynamic paint always keeps its frame of the moment on the disk, which is nobody's wish.
    assert beside - {"blendcache_main"} == {"main.blend", "netrender_bakes"}


def test_a_circle_is_told_as_it_is_and_an_order_breaks_it(baked: Baked) -> None:
    circle, ordered = baked.seen["circle"], baked.seen["ordered"]
    assert [(bake["name"], bake["after"]) for bake in circle["bakes"]] == [("cloth of Lower", [2]), ("cloth of Upper", [1])]
    assert [(bake["name"], bake["after"]) for bake in ordered["bakes"]] == [("cloth of Upper", []), ("cloth of Lower", [1])]
    assert ordered["bakes_told"] == ["the order of bakes names Nobody, of which there is no bake"]


def test_what_cannot_be_baked_is_refused_in_a_sentence(baked: Baked, tmp_path: Path) -> None:
    task = {**baked.answer["bakes"][1], "object": "Nobody", "name": "cloth of Nobody", "number": 9}
    main = baked.answer["main"]["virtual_path"]
    order = {"blend": str(baked.job / main), "allow_scripts": False, "threads": 1, "main": main, "beside": "netrender_bake_9"}
    output = str(tmp_path / "none.zip")
    with Worker(baked.blender, tmp_path / "worker") as worker, pytest.raises(Refused, match="has no cloth of Nobody"):
        worker.ask(order="bake", **order, bake=task, output=output)
    assert not (tmp_path / "none.zip").exists()
