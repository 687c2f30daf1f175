"""A whole job over a wire that is late, torn and cut: all is there once, and as it was."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from hashlib import blake2b
from pathlib import Path

import fake_blender
import netrender_core as core
import pytest
from torn_wire import TornWire

from farm import wait_until

FAKE = str(Path(fake_blender.__file__))
# The same on every run; a bad one that is found is added.
SEEDS = (1, 12)
CUTS = 24
FRAMES = 24
SIDE_PIXELS = 96
TEXTURES = 12
WAIT_S = 120.0


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[core.Master]:
    """A running master of a user of its own, who is sent every file."""
    monkeypatch.setenv("NETRENDER_CONFIG", str(tmp_path / "config"))
    path = str(tmp_path / "master")
    with core.Master.start(path=path, address="127.0.0.1", port=0, broadcast=False, force_upload=True) as master:
        yield master


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .blend with textures beside it, long ones and short ones, none of which can be packed."""
    folder = tmp_path / "artist"
    folder.mkdir()
    blend = folder / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + random.Random(0).randbytes(1 << 20))
    textures = [folder / f"{number}.png" for number in range(TEXTURES)]
    for number, texture in enumerate(textures):
        texture.write_bytes(random.Random(number).randbytes(400_000 if number % 3 == 0 else 3_000 + number))
    files = [{"disk_path": str(path), "virtual_path": f"shots/{path.name}", "kind": "image"} for path in textures]
    orders = {"size": [SIDE_PIXELS, SIDE_PIXELS], "render_ms": 20, "collected": {"files": files}}
    monkeypatch.setenv("FAKE_BLENDER", json.dumps(orders))
    return blend


def hashes(paths: list[Path]) -> dict[str, str]:
    """The content of each file, by name."""
    return {path.name: blake2b(path.read_bytes()).hexdigest() for path in paths}


def picture(frame: int) -> str:
    """What the fake Blender writes for a frame."""
    return blake2b(fake_blender.exr([[frame / 1000] * SIDE_PIXELS] * SIDE_PIXELS)).hexdigest()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_job_over_a_torn_wire_is_there_once_and_as_it_was(master: core.Master, scene: Path, tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    with ExitStack() as stack:
        wire = stack.enter_context(TornWire(int(master.url.rsplit(":", 1)[1]), seed, CUTS))
        calm = stack.enter_context(core.Client.connect(master=master.url))
        client = stack.enter_context(core.Client.connect(master=wire.url))
        wire.rage()
        submission = client.submit(str(scene), blender=[FAKE], frames=f"1-{FRAMES}", chunks=2)
        for name in ("one", "two"):
            path = str(tmp_path / name)
            slave = core.Slave.start(master=wire.url, path=path, blenders=[FAKE], name=name, clear_on_exit=False)
            stack.enter_context(slave)
        job = submission.wait(WAIT_S)
        assert job is not None
        gather = begin_to_gather(client, job, str(tmp_path / "frames"))
        assert gather.wait(WAIT_S), f"not gathered: {calm.job(job)}, {[frame.state for frame in calm.frames(job)]}"
        assert sum(wire.cut.values()) == CUTS and min(wire.cut.values()) > 0, wire.cut
        assert_once(calm, job)
    expected = {f"{frame:06}.exr": picture(frame) for frame in range(1, FRAMES + 1)}
    assert hashes(list((tmp_path / "frames").iterdir())) == expected
    results = list((tmp_path / "master").glob(f"master_*/jobs/{job}/results/*.exr"))
    assert sorted(hashes(results).values()) == sorted(expected.values())
    originals = hashes(list(scene.parent.iterdir()))
    for name in ("one", "two"):
        folder = next((tmp_path / name).glob(f"slave_*/jobs/{job}"))
        assert hashes([path for path in folder.rglob("*") if path.is_file()]) == originals


def begin_to_gather(client: core.Client, job: str, folder: str) -> core.Gather:
    """A gathering, which itself asks once for the job: each answer that is lost takes one of the cuts."""
    for _ in range(CUTS):
        with suppress(core.Unreachable):
            return client.gather(job, folder)
    return client.gather(job, folder)


def assert_once(calm: core.Client, job: str) -> None:
    """One job, each of its frames done by one slave, and nothing printed twice."""
    assert [info.id for info in calm.jobs()] == [job]
    info = calm.job(job)
    assert (info.state, info.total, info.done, info.failed) == ("finished", FRAMES, FRAMES, 0)
    frames = calm.frames(job)
    assert [(frame.frame, frame.state, frame.failure) for frame in frames] == [(n, "done", None) for n in range(1, FRAMES + 1)]
    slaves = calm.slaves()
    assert sorted(slave.name for slave in slaves) == ["one", "two"]
    assert sum(slave.done for slave in slaves) == FRAMES
    for frame in frames:
        line = f"Fra:{frame.frame} "
        wait_until(f"the log of frame {frame.frame} is there", lambda at=frame, line=line: line in calm.log(job, at.frame))
        assert calm.log(job, frame.frame).count(line) == 1, calm.log(job, frame.frame)
