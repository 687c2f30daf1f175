"""Whatever is killed in the middle of a job, it ends with every frame, and each is what a local Blender renders."""

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import netrender_core
import pytest

from farm import Farm, is_alive, make_orrery, processes_below, render_locally, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")
FRAMES = 16
FRAME_MS = "120"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm of fake Blenders that take a while for each frame."""
    with Farm(tmp_path / "farm", FAKE_BLENDER_FRAME_MS=FRAME_MS) as farm:
        yield farm


def connect(farm: Farm) -> netrender_core.Client:
    """A client with the farm's key."""
    return netrender_core.Client.connect(master=farm.url, key_file=str(farm.folder / "config" / "farm.key"))


def submit(farm: Farm, blend: Path, blender: str, frames: int = FRAMES) -> str:
    """Sends a job of one frame per lease and returns its id."""
    with connect(farm) as client:
        job = client.submit(str(blend), blender=[blender], frames=f"1-{frames}", chunks=1).wait(120)
    assert job is not None
    return job


def done(farm: Farm, job: str) -> int:
    """How many frames of the job are done."""
    with connect(farm) as client:
        return client.job(job).done


def wait_for_end(farm: Farm, job: str, frames: int = FRAMES) -> None:
    """Waits for the job and checks that every frame is done once and none failed for good."""

    def over() -> bool:
        with connect(farm) as client:
            return client.job(job).state in ("finished", "failed")

    wait_until("the job ends", over, 180)
    with connect(farm) as client:
        info = client.job(job)
        assert (info.state, info.done, info.failed) == ("finished", frames, 0)
        assert [frame.frame for frame in client.frames(job)] == list(range(1, frames + 1))
    folder = farm.folder / "gathered"
    gathered = farm.run("results", job, str(folder), "--master", farm.url)
    assert gathered.returncode == 0, gathered.stderr
    assert sorted(path.name for path in folder.iterdir()) == [f"{frame:06}.exr" for frame in range(1, frames + 1)]


def fake_scene(folder: Path) -> Path:
    """A .blend that the fake Blender takes for one."""
    blend = folder / "fake.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return blend


@pytest.mark.parametrize("done_before", [0, 1, 5, FRAMES - 1])
def test_a_master_killed_in_the_middle_resumes_and_the_slaves_deliver(farm: Farm, tmp_path: Path, done_before: int) -> None:
    master = farm.start_master()
    slaves = [farm.start_slave(f"slave{number}", FAKE) for number in (1, 2)]
    job = submit(farm, fake_scene(tmp_path), FAKE)
    wait_until(f"{done_before} frames are done", lambda: done(farm, job) >= done_before)
    master.kill()
    farm.start_master()
    wait_for_end(farm, job)
    assert all(slave.popen.poll() is None for slave in slaves), "a slave ended with the master"
    assert farm.stop() == []


def test_a_master_killed_again_and_again_loses_nothing(farm: Farm, tmp_path: Path) -> None:
    seed = int(os.environ.get("NETRENDER_SEED", random.randrange(1 << 32)))
    print(f"NETRENDER_SEED={seed}")
    chance = random.Random(seed)
    master = farm.start_master()
    for number in (1, 2):
        farm.start_slave(f"slave{number}", FAKE)
    job = submit(farm, fake_scene(tmp_path), FAKE)
    for target in sorted(chance.sample(range(FRAMES), 5)):
        wait_until(f"{target} frames are done", lambda target=target: done(farm, job) >= target)
        before = done(farm, job)
        master.kill()
        master = farm.start_master()
        assert done(farm, job) >= before, "a frame that was done is not any more"
    wait_for_end(farm, job)


def test_a_killed_slave_that_comes_back_gets_its_frames_again(farm: Farm, tmp_path: Path) -> None:
    farm.start_master()
    slave = farm.start_slave("slave1", FAKE)
    job = submit(farm, fake_scene(tmp_path), FAKE)
    wait_until("frames come in", lambda: done(farm, job) >= 2)
    below = processes_below(slave.pid)
    slave.kill()
    wait_until("its Blender is gone too", lambda: not any(is_alive(pid) for pid in below), 5)
    farm.start_slave("slave1", FAKE)
    wait_for_end(farm, job)


def test_the_frames_of_a_slave_that_stays_away_go_to_another(farm: Farm, tmp_path: Path) -> None:
    farm.start_master()
    assert farm.run("settings", "--silence-time", "30", "--master", farm.url).returncode == 0
    lost, other = farm.start_slave("slave1", FAKE), farm.start_slave("slave2", FAKE)
    job = submit(farm, fake_scene(tmp_path), FAKE)
    wait_until("frames come in", lambda: done(farm, job) >= 2)
    lost.kill()
    wait_for_end(farm, job)
    assert other.popen.poll() is None


def test_a_killed_blender_costs_one_attempt(farm: Farm, tmp_path: Path) -> None:
    farm.start_master()
    slave = farm.start_slave("slave1", FAKE)
    job = submit(farm, fake_scene(tmp_path), FAKE)
    for target in (1, 4, 9):
        wait_until(f"{target} frames are done", lambda target=target: done(farm, job) >= target)
        for pid in processes_below(slave.pid):
            os.kill(pid, signal.SIGKILL)
    wait_for_end(farm, job)
    assert slave.popen.poll() is None, "the slave ended with its Blender"


def test_a_stopped_slave_gives_its_frames_back_at_once(farm: Farm, tmp_path: Path) -> None:
    farm.start_master()
    first = farm.start_slave("slave1", FAKE)
    job = submit(farm, fake_scene(tmp_path), FAKE)
    wait_until("frames come in", lambda: done(farm, job) >= 1)
    below = processes_below(first.pid)
    assert first.stop(signal.SIGTERM) == 0
    assert not any(is_alive(pid) for pid in below), "a Blender was left behind"
    farm.start_slave("slave2", FAKE)
    wait_for_end(farm, job)


def test_what_a_killed_command_left_beside_the_final_files_goes_with_the_next_one(farm: Farm, tmp_path: Path) -> None:
    farm.start_master()
    sent = ("submit", str(fake_scene(tmp_path)), "--blender", FAKE, "--final", "slaves", "--master", farm.url)
    assert farm.run(*sent).returncode == 0
    folder = tmp_path / "finals"
    waiting = ("results", farm.newest_job(), str(folder), "--final", "--wait", "--master", farm.url)

    def beside() -> list[str]:
        return [path.name for path in folder.glob(".netrender-final-*") if (path / "lock").exists()]

    first = farm.start("results", *waiting)
    wait_until("it has a folder of its own", lambda: len(beside()) == 1)
    second = farm.start("results", *waiting)
    wait_until("so has another one", lambda: len(beside()) == 2)
    first.kill()
    assert len(beside()) == 2, "who is killed removes nothing"
    third = farm.start("results", *waiting)
    wait_until("what it left is gone", lambda: f"-{first.pid}-" not in " ".join(beside()) and len(beside()) == 2)
    for command in (second, third):
        assert command.stop() != 0
    assert list(folder.iterdir()) == []


def test_real_frames_are_identical_after_master_slave_and_blender_were_killed(tmp_path: Path, blender: str) -> None:
    frames = 8
    with Farm(tmp_path / "farm") as farm:
        scene = make_orrery(blender, tmp_path / "scene", frames, "light")
        render_locally(blender, scene, tmp_path / "local", f"1-{frames}")
        master = farm.start_master()
        slaves = [farm.start_slave(f"slave{number}", blender) for number in (1, 2)]
        job = submit(farm, scene, blender, frames)
        # Nothing may reach the originals from now on: slaves have copies of their own.
        shutil.move(tmp_path / "scene", tmp_path / "elsewhere")
        wait_until("a frame is done", lambda: done(farm, job) >= 1)
        master.kill()
        farm.start_master()
        wait_until("another frame is done", lambda: done(farm, job) >= 2)
        for pid in processes_below(slaves[0].pid):
            os.kill(pid, signal.SIGKILL)
        wait_until("and another", lambda: done(farm, job) >= 3)
        slaves[1].kill()
        farm.start_slave("slave2", blender)
        wait_for_end(farm, job, frames)
        compared = farm.run("compare", str(farm.folder / "gathered"), str(tmp_path / "local"))
        assert compared.returncode == 0 and f"identical: {frames}/{frames} frames" in compared.stdout, compared.stdout
