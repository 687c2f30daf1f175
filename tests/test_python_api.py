"""The Python face of the core: each handle from its start to after its end, misused on the way."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import netrender_core as core
import pytest

from farm import wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")
JOB = "7k3vq9xd"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of its own, whose farm key is made by the first master."""
    folder = tmp_path / "config"
    monkeypatch.setenv("NETRENDER_CONFIG", str(folder))
    return folder


@pytest.fixture
def master(config: Path, tmp_path: Path) -> Iterator[core.Master]:
    """A running master."""
    assert not config.exists()
    with core.Master.start(path=str(tmp_path / "master"), address="127.0.0.1", port=0, broadcast=False) as master:
        yield master


@pytest.fixture
def client(master: core.Master) -> Iterator[core.Client]:
    """A connection to it."""
    with core.Client.connect(master=master.url) as client:
        yield client


@pytest.fixture
def scene(tmp_path: Path) -> str:
    """A .blend that the fake Blender takes for one."""
    blend = tmp_path / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return str(blend)


def threads() -> set[str]:
    """The ids of this process's threads, as the system counts them."""
    return {entry.name for entry in Path("/proc/self/task").iterdir()}


def test_handles_are_only_made_by_starting() -> None:
    for kind in (core.Master, core.Slave, core.Client, core.Later, core.Submission, core.Gather, core.JobInfo):
        with pytest.raises(TypeError):
            kind()


def test_wrong_arguments_are_told_before_anything_starts(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="access"):
        core.Master.start(path=str(tmp_path), access="anybody")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        core.Master.start(str(tmp_path))  # type: ignore[misc]
    with pytest.raises(OverflowError):
        core.Master.start(port=70_000)
    with pytest.raises(core.InvalidJob, match="no address of a master"):
        core.Slave.start(master="ftp://node1")
    with pytest.raises(TypeError):
        core.Slave.start(blenders="blender")
    for wrong in ({"slots": 0}, {"hang_timeout": 0}, {"gpus": ["abacus:0"]}):
        with pytest.raises(core.InvalidJob):
            core.Slave.start(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not both"):
        core.Client.connect(key="ab" * 32, key_file="key")
    with pytest.raises(ValueError, match="no time to wait"):
        core.Client.connect(timeout=-1)
    assert not config.exists()


def test_a_master_lives_from_start_to_stop(master: core.Master) -> None:
    assert master.running
    assert master.url.startswith("http://127.0.0.1:")
    assert master.key is not None
    assert len(master.key) == 64
    status = master.status()
    assert (status.slaves, status.jobs, status.frames) == (0, 0, 0)
    assert status == master.status()
    assert [event.kind for event in master.events()][:1] == ["started"]
    assert master.events() == []
    master.stop()
    master.stop()
    assert not master.running
    assert master.status().slaves == 0


def test_a_master_leaves_no_thread(config: Path, tmp_path: Path) -> None:
    before = threads()
    for _ in range(3):
        master = core.Master.start(path=str(tmp_path / "master"), address="127.0.0.1", port=0, broadcast=False)
        client = core.Client.connect(master=master.url)
        assert client.jobs() == []
        client.close()
        master.stop()
    # A thread that has said its last word is in the system's table for a moment longer.
    wait_until("its threads are gone", lambda: threads() <= before, 5)


def test_an_open_master_has_no_key(config: Path, tmp_path: Path) -> None:
    with core.Master.start(path=str(tmp_path / "m"), address="127.0.0.1", port=0, broadcast=False, access="open") as master:
        assert master.key is None
        with core.Client.connect(master=master.url) as client:
            assert client.jobs() == []


def test_a_taken_path_or_port_is_an_oserror(master: core.Master, tmp_path: Path) -> None:
    port = int(master.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="taken"):
        core.Master.start(path=str(tmp_path / "other"), address="127.0.0.1", port=port, broadcast=False)
    with pytest.raises((OSError, core.NetrenderError)):
        core.Master.start(path=str(tmp_path / "master"), address="127.0.0.1", port=0, broadcast=False)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        core.Master.start(path=str(tmp_path / "file" / "below"), address="127.0.0.1", port=0, broadcast=False)


def test_a_client_answers_until_it_is_closed(client: core.Client, master: core.Master, tmp_path: Path) -> None:
    assert client.url == master.url
    assert client.jobs() == []
    assert client.slaves() == []
    for question in (client.job, client.frames, client.pause, client.resume, client.cancel, client.remove):
        with pytest.raises(core.NotFound, match=JOB) as caught:
            question(JOB)
        assert caught.value.code == "not_found"
        with pytest.raises(core.InvalidJob):
            question("no id")
    with pytest.raises(core.NotFound):
        client.log(JOB, 1)
    with pytest.raises(core.NotFound):
        client.gather(JOB, str(tmp_path / "frames"))
    assert not (tmp_path / "frames").exists()
    client.close()
    client.close()
    with pytest.raises(core.Stopped):
        client.jobs()


def test_questions_are_answered_without_waiting(client: core.Client, master: core.Master, scene: str, tmp_path: Path) -> None:
    connected = core.Client.start_connect(master=master.url).wait(60)
    assert connected is not None
    job = connected.submit(scene, blender=[FAKE], frames="1-3").wait(60)
    assert job is not None
    jobs = client.later.jobs()
    assert [info.id for info in jobs.wait(60) or []] == [job]
    assert [info.id for info in jobs.wait(0) or []] == [job], "an answer stays"
    assert client.later.frames(job, offset=1, limit=1).wait(60) == client.frames(job)[1:2]
    gather = client.later.gather(job, str(tmp_path / "frames")).wait(60)
    assert gather is not None
    assert client.later.cancel(job).wait(60)
    assert gather.frame(1, 60).state == "cancelled"
    assert client.later.remove(job).wait(60)
    for question in (client.later.frames(job), client.later.cancel(job), client.later.remove(job)):
        with pytest.raises(core.NotFound, match=job):
            question.wait(60)
    with pytest.raises(core.InvalidJob):
        client.later.cancel("no id")
    connected.close()
    with pytest.raises(core.Stopped):
        connected.later.jobs()


def test_later_answers_what_the_client_answers(client: core.Client, scene: str) -> None:
    job = client.submit(scene, blender=[FAKE], frames="1-3").wait(60)
    assert job is not None
    later = client.later
    assert later.pause(job).wait(60)
    assert client.job(job).state == "paused"
    assert later.resume(job).wait(60)
    edited = later.edit(job, priority=3, tags=["gpu"]).wait(60)
    assert edited is not None
    assert (edited.priority, edited.tags, edited.state) == (3, ["gpu"], "queued")
    assert later.reset(job, everything=True).wait(60)
    assert later.explain_job(job).wait(60) == client.explain_job(job)
    assert later.slaves().wait(60) == client.slaves() == []
    assert later.blacklist(job).wait(60) == later.blacklist().wait(60) == []
    assert later.lift_ban(job=job).wait(60)
    rules = later.set_rules(share=50, new_first=False).wait(60)
    assert rules == later.rules().wait(60) == client.rules()
    assert rules is not None
    assert (rules.share.limit, rules.new_first.enabled) == (50, False)
    for question in (
        later.log(job, 1),
        later.thumbnail(job, 1),
        later.explain_slave(JOB),
        later.pause_slave(JOB),
        later.resume_slave(JOB),
        later.end_slave(JOB),
        later.tag_slave(JOB, ["gpu"]),
        later.tag_slave(JOB, None),
        later.ban(JOB),
    ):
        with pytest.raises(core.NetrenderError, match=r"no |not "):
            question.wait(60)


def test_a_master_that_never_answers_keeps_nobody_waiting(config: Path) -> None:
    # The system takes the connections; nobody reads what comes in.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        question = core.Client.start_connect(master=f"127.0.0.1:{silent.getsockname()[1]}", key="ab" * 32)
        assert question.wait(0) is None
        assert question.wait(0.1) is None
        question.stop()
        question.stop()
        with pytest.raises(core.Stopped, match="given up"):
            question.wait(0)
        told = core.Client.start_connect(master=f"127.0.0.1:{silent.getsockname()[1]}", key="ab" * 32)
        with pytest.raises(core.Unreachable, match="does not answer in time"):
            told.wait(60)


def test_who_cannot_prove_the_key_is_refused(master: core.Master, tmp_path: Path) -> None:
    with pytest.raises(core.Refused, match="the key belongs to farm") as caught:
        core.Client.connect(master=master.url, key="ab" * 32)
    assert caught.value.code == "unauthorized"
    with pytest.raises(core.InvalidJob, match="no farm key"):
        core.Client.connect(master=master.url, key="abc")
    with pytest.raises(OSError, match="key file"):
        core.Client.connect(master=master.url, key_file=str(tmp_path / "none"))
    with pytest.raises(core.Unreachable):
        core.Client.connect(master="127.0.0.1:9")
    assert core.Client.connect(master=master.url, key=master.key).jobs() == []


def test_a_submission_lives_from_collecting_to_sent(client: core.Client, scene: str) -> None:
    submission = client.submit(scene, blender=[FAKE], frames="1-3", name="Opening", priority=2)
    job = submission.wait(60)
    assert job is not None
    progress = submission.progress()
    assert (progress.stage, progress.job) == ("sent", job)
    assert submission.wait(0) == job
    info = client.job(job)
    assert (info.name, info.frames, info.total, info.priority) == ("Opening", "1-3", 3, 2)
    assert [frame.frame for frame in client.frames(job)] == [1, 2, 3]
    assert [frame.frame for frame in client.frames(job, offset=1, limit=1)] == [2]
    assert info == client.job(job) or info.usage != client.job(job).usage
    client.pause(job)
    assert client.job(job).state == "paused"
    client.resume(job)
    client.cancel(job)
    assert client.job(job).state == "cancelled"
    client.remove(job)
    assert client.jobs() == []


def test_a_submission_can_be_taken_back_even_after_it_was_sent(client: core.Client, scene: str) -> None:
    submission = client.submit(scene, blender=[FAKE])
    assert submission.wait(60) is not None
    submission.cancel()
    submission.cancel()
    while submission.progress().stage != "cancelled":
        threading.Event().wait(0.01)
    assert client.jobs() == []
    with pytest.raises(core.Stopped):
        submission.wait(1)


def test_what_cannot_be_sent_is_told(client: core.Client, scene: str, tmp_path: Path) -> None:
    for arguments, words in (
        ({"blend": str(tmp_path / "gone.blend")}, "there is no file"),
        ({"blend": scene, "frames": "5-1"}, "runs backwards"),
        ({"blend": scene, "frames": ""}, "no frames given"),
        ({"blend": scene, "priority": 0}, "priority 0"),
        ({"blend": scene, "chunks": 70_000}, "chunks of 70000"),
        ({"blend": scene, "samples": 0}, "one sample"),
        ({"blend": scene, "resolution_percent": 0}, "0 %"),
    ):
        with pytest.raises(core.InvalidJob, match=words):
            client.submit(**arguments)  # type: ignore[arg-type]
    failed = client.submit(scene, blender=[str(tmp_path / "no-blender")])
    with pytest.raises((core.InvalidJob, OSError), match="no-blender"):
        failed.wait(60)
    assert failed.progress().stage == "failed"
    assert client.jobs() == []


def test_frames_are_gathered_as_they_get_done(master: core.Master, client: core.Client, scene: str, tmp_path: Path) -> None:
    job = client.submit(scene, blender=[FAKE], frames="1-4").wait(60)
    assert job is not None
    gather = client.gather(job, str(tmp_path / "frames"))
    waiting = gather.frame(1, 0.3)
    assert (waiting.state, waiting.path) == ("queued", None)
    assert gather.frame(9, 0.1).state == "unknown"
    with core.Slave.start(master=master.url, path=str(tmp_path / "slave"), blenders=[FAKE], threads=1, tags=["gpu"]) as slave:
        assert slave.running
        for frame in (2, 1, 3, 4):
            gathered = gather.frame(frame, 60)
            assert gathered.state == "here", gathered.text
            assert gathered.path == str(tmp_path / "frames" / f"{frame:06}.exr")
            assert core.exr_info(gathered.path).width > 0
        assert gather.done() == 4
        status = slave.status()
        assert status.master == master.url
        assert status.id is not None
        assert [it.id for it in client.slaves()] == [status.id]
        assert client.log(job, 1) is not None
        slave.stop()
        slave.stop()
        assert not slave.running
        assert slave.status().state == "stopped"
    gather.stop()
    gather.stop()
    assert gather.frame(1, 0).state == "here"


def test_a_slave_is_started_as_by_the_command(master: core.Master, client: core.Client, scene: str, tmp_path: Path) -> None:
    places = {"master": master.url, "path": str(tmp_path / "slave"), "blenders": [FAKE], "copy_to": str(tmp_path / "share")}
    limits = {"cache_gib": 1, "hang_timeout": 60, "disk_free_gib": 0, "exit_when_idle": 3600}
    job = client.submit(scene, blender=[FAKE], frames="1-4", chunks=1).wait(60)
    assert job is not None
    with core.Slave.start(**places, **limits, slots=2, gpus=["cuda:0", "cpu"]) as slave:  # type: ignore[arg-type]
        wait_until("all is rendered", lambda: client.job(job).done == 4)
        info = client.slaves()[0]
        assert (info.slots, info.gpus) == (2, ["cuda"])
        assert slave.running
        assert not slave.draining
        slave.drain()
        wait_until("it has ended by itself", lambda: not slave.running)
        assert slave.draining
    copies = (tmp_path / "share" / f"shot_{job}").iterdir()
    assert sorted(copy.name for copy in copies) == [f"{frame:06}.exr" for frame in (1, 2, 3, 4)]


def test_a_cancelled_job_ends_the_wait_for_its_frames(client: core.Client, scene: str, tmp_path: Path) -> None:
    job = client.submit(scene, blender=[FAKE], frames="1-4").wait(60)
    assert job is not None
    gather = client.gather(job, str(tmp_path))
    client.cancel(job)
    assert gather.frame(1, 30).state == "cancelled"
    client.close()
    with pytest.raises(core.Stopped):
        client.gather(job, str(tmp_path))


def test_a_wait_outlives_a_master_that_is_started_again(
    config: Path, master: core.Master, client: core.Client, scene: str, tmp_path: Path
) -> None:
    port = int(master.url.rsplit(":", 1)[1])
    job = client.submit(scene, blender=[FAKE], frames="1-2").wait(60)
    assert job is not None
    gather = client.gather(job, str(tmp_path / "frames"))
    assert gather.frame(1, 0.3).state == "queued"
    master.stop()
    while "trying again" not in gather.frame(1, 0.1).text:
        pass
    again = core.Master.start(path=str(tmp_path / "master"), address="127.0.0.1", port=port, broadcast=False)
    with again, core.Slave.start(master=again.url, path=str(tmp_path / "slave"), blenders=[FAKE]):
        assert gather.frame(1, 60).state == "here"
        assert gather.frame(2, 60).state == "here"


def test_a_forked_child_cannot_use_the_handles(client: core.Client, master: core.Master) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            client.jobs()
        except core.Stopped:
            status = 0 if not master.running else 2
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.jobs() == []


def test_the_command_returns_its_status(capfd: pytest.CaptureFixture[str], config: Path) -> None:
    assert core.main(["--version"]) == 0
    assert capfd.readouterr().out == f"netrender {core.__version__}\n"
    assert core.main(["jobz"]) == 2
    assert core.main(["key"]) == 1
    assert "no farm key of its own" in capfd.readouterr().err
    with pytest.raises(TypeError):
        core.main("jobs")


def test_a_picture_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        core.exr_info(str(tmp_path / "none.exr"))
    (tmp_path / "text.exr").write_text("no picture")
    with pytest.raises(core.InvalidJob, match="damaged or no EXR"):
        core.exr_info(str(tmp_path / "text.exr"))


def test_the_exceptions_form_one_tree() -> None:
    for kind in (core.Unreachable, core.Refused, core.NotFound, core.InvalidJob, core.Stopped, core.Timeout):
        assert issubclass(kind, core.NetrenderError)
    assert issubclass(core.VersionMismatch, core.Refused)
    assert core.NetrenderError.code == "internal"
