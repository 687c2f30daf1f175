"""A slave from outside: how it ends, rests and is paused, with a fake Blender that waits where the test wants it to."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm import Farm, Process, is_alive, wait_until

TESTS = Path(__file__).parent


class Blender:
    """A fake Blender of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "fake.py"
        shutil.copy(TESTS / "fake_blender.py", self.path)

    def does(self, **orders: object) -> None:
        """From the next order on it does this."""
        text = json.dumps(orders)
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path.with_suffix(".json"))

    def open_gate(self) -> None:
        """Frames that wait at the gate go on."""
        self.path.with_suffix(".open").touch()


@pytest.fixture
def blender(tmp_path: Path) -> Blender:
    """A fake Blender whose first frame waits at the gate."""
    blender = Blender(tmp_path)
    blender.does(gate_frames=[1])
    return blender


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm with a master."""
    with Farm(tmp_path / "farm") as farm:
        farm.start_master()
        yield farm


def submit(farm: Farm, blender: Blender, frames: str = "1-3", *options: str, chunks: int = 3) -> str:
    """Sends a job and returns its id."""
    blend = farm.folder / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    wanted = ("--blender", str(blender.path), "--frames", frames, "--chunks", str(chunks), "--master", farm.url, *options)
    sent = farm.run("submit", str(blend), *wanted)
    assert sent.returncode == 0, sent.stderr
    return farm.newest_job()


def rendering(farm: Farm, blender: Blender, *arguments: str) -> tuple[Process, str]:
    """A slave that stands at the gate with the first of three frames, and the job's id."""
    slave = farm.start_slave("slave1", str(blender.path), *arguments)
    job = submit(farm, blender)
    wait_until("the first frame is begun", lambda: "rendering frame 1" in slave.text())
    return slave, job


def done(farm: Farm, job: str) -> int:
    """How many frames of the job are done."""
    return int(json.loads(farm.run("job", job, "--json", "--master", farm.url).stdout)["done"])


def explained(farm: Farm) -> str:
    """Why the slave does what it does."""
    return farm.run("explain", "slave", "slave1", "--master", farm.url).stdout


def ended(slave: Process) -> int:
    """The slave's exit status, once it has ended by itself."""
    wait_until("the slave ends", lambda: slave.popen.poll() is not None, 30)
    return slave.popen.wait()


def test_a_slave_ends_after_its_frame_at_the_first_ctrl_c(farm: Farm, blender: Blender) -> None:
    slave, job = rendering(farm, blender)
    slave.popen.send_signal(signal.SIGINT)
    wait_until("it says so", lambda: "no more frames are begun" in slave.text())
    wait_until("the farm knows it", lambda: "takes no work: it ends after" in explained(farm))
    assert slave.popen.poll() is None
    blender.open_gate()
    assert ended(slave) == 0, slave.text()
    assert done(farm, job) == 1
    frames = json.loads(farm.run("job", job, "--json", "--master", farm.url).stdout)
    assert (frames["queued"], frames["rendering"]) == (2, 0), "what it had not begun is free for others"


def test_a_slave_ends_at_once_at_the_second_ctrl_c(farm: Farm, blender: Blender) -> None:
    slave, job = rendering(farm, blender)
    slave.popen.send_signal(signal.SIGINT)
    wait_until("it says so", lambda: "no more frames are begun" in slave.text())
    assert slave.stop(signal.SIGINT) == 0, slave.text()
    wait_until("its frame is free again", lambda: done(farm, job) == 0 and "idle" not in explained(farm))


def test_a_slave_without_work_ends_by_itself_if_it_may(farm: Farm, blender: Blender) -> None:
    nowhere = ("--master", "http://127.0.0.1:1", "--path", str(farm.folder / "slave2"), "--blender", str(blender.path))
    alone = farm.start("slave2", "slave", *nowhere, "--exit-when-idle", "1")
    blender.does()
    job = submit(farm, blender)
    slave = farm.start_slave("slave1", str(blender.path), "--exit-when-idle", "4")
    assert ended(slave) == 0, slave.text()
    assert done(farm, job) == 3
    assert ended(alone) == 0, alone.text()


def test_a_paused_slave_finishes_its_frame_and_waits(farm: Farm, blender: Blender) -> None:
    _, job = rendering(farm, blender)
    assert "is paused" in farm.run("pause-slave", "slave1", "--master", farm.url).stdout
    blender.open_gate()
    wait_until("its frame is done", lambda: done(farm, job) == 1)
    wait_until("it holds nothing", lambda: explained(farm).strip() == "paused: it gets nothing until it is resumed")
    assert "paused" in farm.run("slaves", "--master", farm.url).stdout
    assert "gets work again" in farm.run("resume-slave", "slave1", "--master", farm.url).stdout
    wait_until("the job is done", lambda: done(farm, job) == 3)
    assert "has the tags gpu, night" in farm.run("tag-slave", "slave1", "gpu", "night", "--master", farm.url).stdout
    assert "has its own tags again" in farm.run("tag-slave", "slave1", "--own", "--master", farm.url).stdout


def test_a_slave_ends_after_its_frame_if_the_master_says_so(farm: Farm, blender: Blender) -> None:
    slave, job = rendering(farm, blender)
    assert "told to end" in farm.run("end-slave", "slave1", "--master", farm.url).stdout
    wait_until("it hears of it", lambda: "the master wants this slave to end" in slave.text())
    blender.open_gate()
    assert ended(slave) == 0, slave.text()
    assert done(farm, job) == 1


def test_a_slave_whose_disk_is_full_takes_no_work_and_says_so(farm: Farm, blender: Blender) -> None:
    farm.start_slave("slave1", str(blender.path), "--disk-free-gib", "4000000")
    job = submit(farm, blender)
    wait_until("it says so", lambda: "takes no work: its disk has only" in explained(farm))
    assert "takes no work" in farm.run("slaves", "--master", farm.url).stdout
    assert done(farm, job) == 0


def everything_below(folder: Path) -> set[str]:
    """The names of all files below a folder."""
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_two_slots_render_at_the_same_time_with_blenders_of_their_own(farm: Farm, blender: Blender) -> None:
    blender.does(gate_frames=[1, 2], note_starts=True)
    slave = farm.start_slave("slave1", str(blender.path), "--slots", "2")
    job = submit(farm, blender, "1-4", chunks=1)
    wait_until("both slots render", lambda: "rendering frame 1" in slave.text() and "rendering frame 2" in slave.text())
    info = json.loads(farm.run("slaves", "--json", "--master", farm.url).stdout)[0]
    assert (info["slots"], len(info["holding"])) == (2, 2)
    blender.open_gate()
    wait_until("the job is done", lambda: done(farm, job) == 4)
    starts = blender.path.with_suffix(".starts").read_text().split("\n")
    assert sum(line.startswith("worker") for line in starts) == 2


def test_each_result_is_copied_to_a_folder_of_the_owners(farm: Farm, blender: Blender) -> None:
    share = farm.folder / "share"
    _, job = rendering(farm, blender, "--copy-to", str(share))
    blender.open_gate()
    wait_until("the job is done", lambda: done(farm, job) == 3)
    copies = [share / f"shot_{job}" / f"{frame:06}.exr" for frame in (1, 2, 3)]
    wait_until("all are copied", lambda: all(copy.exists() for copy in copies))
    folder = farm.folder / "gathered"
    assert farm.run("results", job, str(folder), "--master", farm.url).returncode == 0
    assert [copy.read_bytes() for copy in copies] == [(folder / copy.name).read_bytes() for copy in copies]


def test_a_folder_for_copies_that_cannot_be_written_is_told_at_the_start(farm: Farm, blender: Blender) -> None:
    (farm.folder / "file").touch()
    slave = farm.start_slave("slave1", str(blender.path), "--copy-to", str(farm.folder / "file"))
    assert ended(slave) == 1
    assert "cannot write copies into" in slave.text()


def test_files_of_the_next_job_come_while_the_present_one_renders(farm: Farm, blender: Blender) -> None:
    _, first = rendering(farm, blender)
    blend = farm.folder / "next.blend"
    blend.write_bytes(b"BLENDER-v304" + b"next" * 25)
    wanted = ("--blender", str(blender.path), "--frames", "5", "--master", farm.url)
    assert farm.run("submit", str(blend), *wanted).returncode == 0
    wait_until("its content is here", lambda: len(everything_below(next((farm.folder / "slave1").glob("slave_*/cache")))) == 2)
    assert done(farm, first) == 0, "the present job still stands at the gate"


def test_a_job_may_have_a_blender_for_each_chunk_and_gets_one_after_failures(farm: Farm, blender: Blender) -> None:
    def starts() -> int:
        return blender.path.with_suffix(".starts").read_text().count("worker")

    blender.does(note_starts=True)
    farm.start_slave("slave1", str(blender.path))
    kept = submit(farm, blender, "1-3", chunks=1)
    wait_until("the job is done", lambda: done(farm, kept) == 3)
    before = starts()
    fresh = submit(farm, blender, "1-4", "--fresh-blender", chunks=2)
    wait_until("the job is done", lambda: done(farm, fresh) == 4)
    assert starts() - before == 2
    blender.does(note_starts=True, crash_on_frames=[1, 2], times=2)
    before = starts()
    crashing = submit(farm, blender, "1-3", chunks=1)
    wait_until("the job is done", lambda: done(farm, crashing) == 3)
    # Two that crashed, and one for each of three frames: the empty one that is started ahead is among them.
    assert starts() - before >= 5


def test_what_a_killed_slave_left_running_ends_with_its_next_start(farm: Farm, blender: Blender) -> None:
    blender.does(gate_frames=[1], grandchild=True)
    slave, _ = rendering(farm, blender)
    grandchild = int((blender.path.parent / "grandchild.pid").read_text())
    assert is_alive(grandchild)
    slave.kill()
    blender.does(gate_frames=[1])
    farm.start_slave("slave1", str(blender.path))
    wait_until("it is gone", lambda: not is_alive(grandchild))


def test_a_process_that_left_everything_behind_ends_with_its_frame(farm: Farm, blender: Blender) -> None:
    blender.does(gate_frames=[1], deserter=True)
    _, job = rendering(farm, blender)
    deserter = int((blender.path.parent / "grandchild.pid").read_text())
    assert is_alive(deserter)
    assert farm.run("cancel", job, "--master", farm.url).returncode == 0
    wait_until("it is gone", lambda: not is_alive(deserter))


def test_a_slave_started_again_while_the_master_is_down_delivers_afterwards(farm: Farm, blender: Blender) -> None:
    slave, job = rendering(farm, blender)
    farm.processes[0].kill()
    blender.open_gate()
    outbox = next((farm.folder / "slave1").glob("slave_*/outbox"))
    wait_until("all is rendered", lambda: len(list(outbox.glob("*.json"))) == 3)
    slave.kill()
    blender.does(fail_on_frames=[1, 2, 3])
    again = farm.start_slave("slave1", str(blender.path))
    wait_until("it looks for the master", lambda: "cannot reach" in again.text())
    farm.start_master()
    wait_until("all is delivered", lambda: done(farm, job) == 3)
