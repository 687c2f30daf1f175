"""The scripts in `examples/` do what they say, against a real master and slaves with a fake Blender."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import netrender_core
import pytest

from farm import Farm

ROOT = Path(__file__).resolve().parent.parent
FAKE = str(Path(__file__).parent / "fake_blender.py")
FRAMES = 4


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm of one slave."""
    with Farm(tmp_path / "farm") as farm:
        farm.start_master()
        farm.start_slave("slave1", FAKE)
        yield farm


def example(farm: Farm, name: str, *arguments: str) -> str:
    """Runs a script to its end; returns what it printed."""
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / name), *arguments, "--master", farm.url]
    ran = subprocess.run(command, env=farm.env, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    return ran.stdout


def scene(folder: Path) -> str:
    """A .blend that the fake Blender takes for one."""
    blend = folder / "fake.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return str(blend)


def test_a_job_is_sent_waited_for_watched_archived_and_restored(farm: Farm, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    said = example(farm, "submit_and_wait.py", scene(tmp_path), str(frames), "--frames", f"1-{FRAMES}", "--blender", FAKE)
    assert f"{FRAMES} of {FRAMES} frames are in {frames}" in said
    rendered = {path.name: path.read_bytes() for path in frames.glob("*.exr")}
    assert len(rendered) == FRAMES

    assert "0 jobs to do" in example(farm, "watch_farm.py")

    assert example(farm, "archive_old_jobs.py", str(tmp_path / "archive"), "--days", "1") == ""
    said = example(farm, "archive_old_jobs.py", str(tmp_path / "archive"), "--days", "0")
    (zipped,) = (tmp_path / "archive").glob("*.zip")
    assert str(zipped) in said
    with netrender_core.Client.connect(master=farm.url, key_file=str(farm.folder / "config" / "farm.key")) as client:
        assert client.jobs() == []
        job = client.restore(str(zipped))
        assert job == zipped.stem
        assert client.job(job).state == "finished"
    again = tmp_path / "again"
    assert farm.run("results", job, str(again), "--master", farm.url).returncode == 0
    assert {path.name: path.read_bytes() for path in again.glob("*.exr")} == rendered
