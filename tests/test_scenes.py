"""Scenes that nobody of this project made, rendered over a farm by both Blenders: each frame equals a local render."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from farm import Farm, render_locally

SMALL = ("--engine", "CYCLES", "--resolution", "10", "--samples", "4")


@dataclass(frozen=True)
class Scene:
    """A real scene: what lies in its folder, which file is opened, which frames are rendered."""

    folder: str
    blend: str
    frames: str


SCENES: Sequence[Scene] = (
    Scene("earth", "blend/earth.blend", "1-3"),
    Scene("knight", "knight.blend", "1-3"),
    Scene("linked-libraries", "file_to_pack.blend", "1-2"),
    Scene("animated", "scene.blend", "10-12"),
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.folder)
def test_a_real_scene_is_identical_over_the_farm(tmp_path: Path, blender: str, scenes: Path, scene: Scene) -> None:
    original, copy = tmp_path / "original", tmp_path / "local copy"
    shutil.copytree(scenes / scene.folder, original)
    shutil.copytree(original, copy)
    with Farm(tmp_path / "farm") as farm:
        farm.start_master()
        sent = farm.run(
            *("submit", str(original / scene.blend), "--master", farm.url, "--blender", blender),
            # One has a driver that needs Python, which runs neither here nor there.
            *("--frames", scene.frames, "--without-scripts", "--json", *SMALL),
        )
        assert sent.returncode == 0, sent.stderr
        # The slave starts only now, when the originals are gone: all that it opens came over the wire.
        original.rename(tmp_path / "out of reach")
        farm.start_slave("slave1", blender)
        results = tmp_path / "frames"
        job = farm.newest_job()
        gathered = farm.run("results", job, str(results), "--wait", "--master", farm.url)
        assert gathered.returncode == 0, gathered.stderr
        render_locally(blender, copy / scene.blend, tmp_path / "local", scene.frames, *SMALL)
        compared = farm.run("compare", str(results), str(tmp_path / "local"))
        assert compared.returncode == 0, compared.stdout + compared.stderr
        assert farm.stop() == []
