"""Every kind of file that a scene can need is found, and the scene renders elsewhere as it does at its artist's.

One scene shows them all, each in a cell of its picture (`scenes/everything.py`): a cell that is as it should be although only
the .blend is there would prove nothing, so that is looked at, too. Not shown, because no Blender here can make them without a
window or can show them: caches of oceans, scripts in Open Shading Language; and with `bpy` 5.0 fluids, whose baking crashes.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exr
import pytest
from scene_child import Worker, collect, lay_out, may_read

from farm import is_module, render_locally, run_in_blender

SCENES = Path(__file__).parent / "scenes"
COLUMNS, PIXELS = 8, 8
# Out of order, so that no simulation can be run instead of being read; first one that is not the one at which the file opens.
FRAMES = (3, 1, 4, 2)
PACKED = "packed"

PICTURES = {
    *("same name, first", "same name, second", "absolute", "UDIM tiles", "film", "letters", "backslashes"),
    *("a folder that only leads up", "above the root", "upper case", "lower case", "forbidden signs", "a device's name"),
    *("very long", "through a link", "round in a circle", "sequence", "sequence with another number of digits"),
}
LIBRARIES = {"library", "library of a library", "library of a library, relative"}
SHAPES = {"volume", "volumes", "font", "mesh cache", "IES lamp", "multiresolution"}
CACHES = {"baked simulation", "simulation baked elsewhere"}
OF_EXECUTABLE = {"fluid"}
OF_MODULE = {
    *("Alembic", "USD", "USD of layers", "Alembic, a file each frame", "imported by a node", "imported by a modifier"),
    *("simulation nodes", "simulation nodes baked elsewhere"),
}
# What the scene names and no picture of a slave shows.
UNSEEN = {"voice.wav", "c_01.png", "c_02.png", "notes.txt", "film.avi", "s.png", "glow.osl", "lamp.h", "common.h"}


@dataclass
class Sent:
    """The scene on its way: where it was made, what was collected, and what its frames have to be."""

    blender: str
    original: Path
    answer: dict[str, Any]
    changed: set[str]
    cells: list[str]
    folder: Path
    is_same_again: bool
    # Files that the collector may not read: none where nobody can be kept from reading.
    shut: list[str]

    def local(self, frame: int) -> exr.Exr:
        """A frame as the artist's Blender renders it."""
        return exr.read(self.folder / f"local/{frame:06}.exr")

    def names(self) -> dict[str, dict[str, Any]]:
        """The files by their paths inside the project, or whole where they lie elsewhere."""
        root = str(self.original).lstrip("/") + "/"
        return {file["virtual_path"].removeprefix(root): file for file in self.answer["files"]}


@pytest.fixture(scope="module", params=["executable", "module"])
def sent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """The scene, made, rendered and collected; then its folder is moved away."""
    blender = str(request.getfixturevalue("blender_executable" if request.param == "executable" else "bpy_python"))
    folder = tmp_path_factory.mktemp("everything")
    original = folder / "original"
    original.mkdir()
    separator = ["--"] if is_module(blender) else []
    run_in_blender(blender, SCENES / "everything.py", [*separator, str(original)], folder / "log")
    blend = original / "project/shot/main.blend"
    render_locally(blender, blend, folder / "local", f"1-{len(FRAMES)}", threads=1)
    before = state(original)
    answer = collect(blender, blend, folder / "collected", folder / "copies")
    again = collect(blender, blend, folder / "again", folder / "copies")
    same = again == answer and not any(part.name.endswith(".part") for part in (folder / "copies").iterdir())
    shut = [str(path) for path in [blend.parent / "shut.png"] if not may_read(path)]
    changed = {path for path, _ in before.items() ^ state(original).items()}
    away = folder / "out of reach"
    for file in (answer["main"], *answer["files"]):
        file["disk_path"] = file["disk_path"].replace(str(original), str(away))
    cells = json.loads((original / "cells.json").read_text())
    original.rename(away)
    yield Sent(blender, original, answer, changed, cells, folder, same, shut)


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that could be seen to change below a folder."""
    found = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    whole = {path: path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else b"" for path in found}
    return {str(path): (facts.st_mtime_ns, facts.st_mode, facts.st_size, whole[path]) for path, facts in found.items()}


def cell(image: exr.Exr, place: int) -> list[bytes]:
    """The pixels of a cell, channel by channel."""
    left, top = place % COLUMNS * PIXELS, place // COLUMNS * PIXELS
    starts = [(row * image.width + left) * 4 for row in range(top, top + PIXELS)]
    channels = [image.channels[f"ViewLayer.Combined.{name}"] for name in "RGBA"]
    return [channel[start : start + PIXELS * 4] for channel in channels for start in starts]


def alike(one: exr.Exr, other: exr.Exr, cells: list[str]) -> set[str]:
    """The cells that are the same in both."""
    return {name for place, name in enumerate(cells) if cell(one, place) == cell(other, place)}


def test_it_renders_the_same_elsewhere_and_nothing_of_it_can_be_left_out(sent: Sent, tmp_path: Path) -> None:
    job, alone = tmp_path / "job", tmp_path / "alone"
    lay_out({**sent.answer, "files": []}, alone)
    main = sent.answer["main"]["virtual_path"]
    with Worker(sent.blender, tmp_path / "worker") as worker:
        for frame in FRAMES:
            # Only what this frame needs is fetched, as by a slave.
            if lay_out(sent.answer, job, frame) or frame == FRAMES[0]:
                worker.open(job / main)
            rendered = exr.read(worker.render(frame, tmp_path / f"{frame}.exr"))
            local = sent.local(frame)
            assert set(sent.cells) - alike(rendered, local, sent.cells) == set(), f"frame {frame}"
            assert rendered.channels == local.channels, f"frame {frame}"
        worker.open(alone / main)
        without = exr.read(worker.render(3, tmp_path / "alone.exr"))
    assert alike(without, sent.local(3), sent.cells) == {PACKED}


def test_every_kind_was_asked_about(sent: Sent) -> None:
    of_version = OF_MODULE if is_module(sent.blender) else OF_EXECUTABLE
    assert set(sent.cells) == {PACKED} | PICTURES | LIBRARIES | SHAPES | CACHES | of_version
    assert {path.rsplit("/", 1)[-1] for path in sent.names()} >= UNSEEN
    assert sent.answer["warnings"] == []


def test_nothing_of_the_artist_is_touched(sent: Sent) -> None:
    assert sent.changed == set()


def test_an_unchanged_scene_is_the_same_content_again(sent: Sent) -> None:
    assert sent.is_same_again


def test_what_is_not_there_is_told_by_the_names_that_people_know(sent: Sent) -> None:
    shot = f"{sent.original}/project/shot"
    told = [file["path"] for file in sent.answer["missing"]]
    layers = [f"{sent.original}/project/cache/layers/gone.usda"] if is_module(sent.blender) else []
    shown = [f"{shot}/gone.png", *sent.shut]
    assert told == ["/", "/dev/zero", *layers, shot, *shown, "D:/gone.png", r"\\server/share/gone.png"]
    kinds = {file["path"]: file["kind"] for file in sent.answer["missing"]}
    assert [kinds[path] for path in sent.shut] == ["image, not readable"] * len(sent.shut)


def test_only_what_a_frame_needs_is_for_it(sent: Sent) -> None:
    def window(path: str) -> tuple[int, int] | None:
        return tuple(sent.names()[path]["frames"] or ()) or None

    first, last = -(2**31), 2**31 - 1
    sequence = {number: window(f"project/seq/f2_{number:04}.png") for number in (1, 2, 3, 4)}
    # The second one is the one that the .blend names.
    assert sequence == {1: (first, 2), 2: None, 3: (2, 4), 4: (3, last)}
    assert "project/seq/f2_0005.png" not in sent.names(), "no frame shows it"
    assert window("project/seq/more101.png") == (2, 4)
    assert window("project/seq/fog_003.vdb") == (2, 4)
    points = "project/cache/points/fall_000002_00.bphys"
    assert window(points) == (1, 3)
    assert {path for path, file in sent.names().items() if file["at_opening"]} == {
        path for path in sent.names() if path.endswith(".bphys")
    }


def test_names_that_some_systems_cannot_have_are_replaced(sent: Sent) -> None:
    names = set(sent.names())
    assert {"project/tex/a_ b .png", "project/tex/_aux/_nul.png", "project/tex/Größe und 木.png"} <= names
    assert {"project/tex/Case/Wood.png", "project/tex/_2_case/wood.png"} <= names
    assert [path for path in names if path.startswith("_long/")] == [path for path in names if path.endswith("/long.png")]
