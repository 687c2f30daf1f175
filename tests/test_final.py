"""Final frames (C12): composited, colour-managed, in the scene's own format, equal to what a local render writes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import exr
import png
import pytest

from farm import SCENES, Farm, run_in_blender

NAMES = ("shot_002_v2", "shot_003_v2")


def jpeg_picture(path: Path) -> bytes:
    """All segments that make the picture: not texts, nor what programs note."""
    data, position, kept = path.read_bytes(), 2, b""
    while data[position + 1] != 0xDA:
        size = int.from_bytes(data[position + 2 : position + 4], "big") + 2
        is_note = data[position + 1] == 0xFE or 0xE0 <= data[position + 1] <= 0xEF
        kept += b"" if is_note else data[position : position + size]
        position += size
    return kept + data[position:]


def exr_picture(path: Path) -> dict[str, bytes]:
    return exr.read(path).channels


FORMATS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "png8": ("png", png.pixels),
    "png16": ("png", png.pixels),
    "jpeg": ("jpg", jpeg_picture),
    "half": ("exr", exr_picture),
    "float": ("exr", exr_picture),
}


@pytest.fixture
def farm(tmp_path: Path, blender: str) -> Iterator[Farm]:
    """A farm of one slave, and scenes that were rendered locally below `tmp_path / "scenes"`."""
    (tmp_path / "scenes").mkdir()
    run_in_blender(blender, SCENES / "finals.py", [str(tmp_path / "scenes")], tmp_path / "scenes.log")
    with Farm(tmp_path / "farm") as farm:
        farm.start_master()
        farm.start_slave("slave1", blender)
        yield farm


def submit(farm: Farm, blend: Path, blender: str, *options: str) -> str:
    sent = farm.run("submit", str(blend), "--master", farm.url, "--blender", blender, *options)
    assert sent.returncode == 0, sent.stderr
    return farm.newest_job()


def test_final_frames_made_by_the_client_equal_a_local_render(farm: Farm, tmp_path: Path, blender: str) -> None:
    scenes = tmp_path / "scenes"
    jobs = {name: submit(farm, scenes / f"{name}.blend", blender) for name in FORMATS}
    for name in FORMATS:
        folder = tmp_path / "final" / name
        made = farm.run("results", jobs[name], str(folder), "--final", "--wait", "--master", farm.url, "--blender", blender)
        assert made.returncode == 0, made.stderr
        assert "2 of 2 frames are finished" in made.stdout
        assert_equal(folder, scenes / "local" / name, name)
    folder = tmp_path / "final" / "at once"
    submit(farm, scenes / "png8.blend", blender, "--results", str(folder), "--final", "client")
    assert_equal(folder, scenes / "local" / "png8", "png8")
    assert farm.stop() == []


def test_final_frames_made_by_slaves_equal_a_local_render(farm: Farm, tmp_path: Path, blender: str) -> None:
    scenes = tmp_path / "scenes"
    jobs = {name: submit(farm, scenes / f"{name}.blend", blender, "--final", "slaves") for name in ("png16", "float")}
    for name, job in jobs.items():
        made = farm.run("results", job, str(tmp_path / name), "--final", "--wait", "--master", farm.url)
        assert made.returncode == 0, made.stderr
        assert_equal(tmp_path / name, scenes / "local" / name, name)
    layers = farm.run("results", jobs["float"], str(tmp_path / "layers"), "--master", farm.url)
    assert "2 of 2 frames" in layers.stdout, "the layers are there as ever"
    assert farm.stop() == []


def assert_equal(folder: Path, local: Path, name: str) -> None:
    """The same files, and nothing else, with the same pictures."""
    ending, picture = FORMATS[name]
    files = [f"{title}.{ending}" for title in NAMES]
    assert sorted(path.name for path in folder.iterdir()) == files, name
    for file in files:
        assert picture(folder / file) == picture(local / file), f"{name}/{file}"


def test_final_frames_are_not_made_by_another_blender(
    blender_executable: str, bpy_python: str, tmp_path: Path, core: Path
) -> None:
    (tmp_path / "scenes").mkdir()
    run_in_blender(blender_executable, SCENES / "finals.py", [str(tmp_path / "scenes"), "png8"], tmp_path / "scenes.log")
    with Farm(tmp_path / "farm") as farm:
        farm.start_master()
        job = submit(farm, tmp_path / "scenes/png8.blend", blender_executable)
        wrong = farm.run("results", job, str(tmp_path / "final"), "--final", "--master", farm.url, "--blender", bpy_python)
        assert wrong.returncode != 0
        assert "pictures differ" in wrong.stderr
        assert list((tmp_path / "final").iterdir()) == [], "something was left behind"


def test_a_movie_is_not_made_by_slaves(blender_executable: str, tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    run_in_blender(blender_executable, SCENES / "finals.py", [str(tmp_path / "scenes"), "movie"], tmp_path / "scenes.log")
    with Farm(tmp_path / "farm") as farm:
        farm.start_master()
        movie = str(tmp_path / "scenes/movie.blend")
        refused = farm.run("submit", movie, "--master", farm.url, "--blender", blender_executable, "--final", "slaves")
        assert refused.returncode != 0
        assert "is a movie" in refused.stderr
