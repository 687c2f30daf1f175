"""Final frames (C12): composited, colour-managed, in the scene's own format, equal to what a local render writes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


@dataclass
class Finals:
    """Scenes, what a local render of each writes, and jobs of them whose final frames slaves make."""

    scenes: Path
    farm: Farm
    blender: str
    jobs: dict[str, str]

    def assert_equal(self, folder: Path, name: str) -> None:
        """The same files as a local render's, and nothing else, with the same pictures of the same .blend."""
        ending, picture = FORMATS[name]
        files = [f"{title}.{ending}" for title in NAMES]
        assert sorted(path.name for path in folder.iterdir()) == files, name
        blend = str(self.scenes / f"{name}.blend").encode()
        for made, local in ((folder / file, self.scenes / "local" / name / file) for file in files):
            assert picture(made) == picture(local), f"{name}/{made.name}"
            assert (blend in local.read_bytes(), blend in made.read_bytes()) == (True, True), f"{name}/{made.name}"


@pytest.fixture(scope="module", params=["executable", "module"])
def finals(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finals]:
    """For each kind of Blender: a farm of one slave, which renders each format once for all tests."""
    blender = str(request.getfixturevalue("blender_executable" if request.param == "executable" else "bpy_python"))
    folder = tmp_path_factory.mktemp("finals")
    (folder / "scenes").mkdir()
    run_in_blender(blender, SCENES / "finals.py", [str(folder / "scenes")], folder / "scenes.log")
    with Farm(folder / "farm") as farm:
        farm.start_master()
        farm.start_slave("slave1", blender)
        blends = {name: folder / "scenes" / f"{name}.blend" for name in FORMATS}
        jobs = {name: submit(farm, blend, blender, "--final", "slaves") for name, blend in blends.items()}
        yield Finals(folder / "scenes", farm, blender, jobs)
        assert farm.stop() == []


def submit(farm: Farm, blend: Path, blender: str, *options: str) -> str:
    sent = farm.run("submit", str(blend), "--master", farm.url, "--blender", blender, *options)
    assert sent.returncode == 0, sent.stderr
    return farm.newest_job()


@pytest.mark.parametrize("name", FORMATS)
def test_final_frames_equal_a_local_render_whoever_makes_them(finals: Finals, name: str, tmp_path: Path) -> None:
    # A Blender that is named makes them anew; else those of the slaves are taken.
    for folder, options in ((tmp_path / "slaves", ()), (tmp_path / "client", ("--blender", finals.blender))):
        wanted = ("results", finals.jobs[name], str(folder), "--final", "--wait", "--master", finals.farm.url)
        made = finals.farm.run(*wanted, *options)
        assert made.returncode == 0, made.stderr
        assert "2 of 2 frames are finished" in made.stdout
        finals.assert_equal(folder, name)


def test_final_frames_are_made_while_the_frames_come_in(finals: Finals, tmp_path: Path) -> None:
    folder = tmp_path / "at once"
    submit(finals.farm, finals.scenes / "png8.blend", finals.blender, "--results", str(folder), "--final", "client")
    finals.assert_equal(folder, "png8")
    layers = finals.farm.run("results", finals.jobs["float"], str(tmp_path / "layers"), "--wait", "--master", finals.farm.url)
    assert "2 of 2 frames" in layers.stdout, "the layers of those that slaves finish are there as ever"


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
