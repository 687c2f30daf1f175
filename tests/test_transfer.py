"""Jobs on a wire that breaks: what has arrived is not sent again, and taking a job back leaves nothing."""

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import netrender_core as core
import pytest
from cutting_proxy import CuttingProxy

FAKE = str(Path(__file__).parent / "fake_blender.py")
SCENE_BYTES = 8 << 20
CUT_AFTER_BYTES = 3 << 20
WAIT_S = 60.0


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a running master."""
    monkeypatch.setenv("NETRENDER_CONFIG", str(tmp_path / "config"))
    path = str(tmp_path / "master")
    with core.Master.start(path=path, address="127.0.0.1", port=0, broadcast=False, force_upload=True) as master:
        yield int(master.url.rsplit(":", 1)[1])


@pytest.fixture
def scene(tmp_path: Path) -> str:
    """A large .blend that the fake Blender takes for one, and that cannot be packed."""
    blend = tmp_path / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + random.Random(1).randbytes(SCENE_BYTES))
    return str(blend)


def wait_for_stage(submission: core.Submission, stage: str) -> core.Progress:
    """Waits until the submission is at a stage, and returns its progress."""
    pause = threading.Event()
    for _ in range(int(WAIT_S * 100)):
        progress = submission.progress()
        if progress.stage == stage:
            return progress
        pause.wait(0.01)
    raise AssertionError(f"not {stage}: {submission.progress()}")


def test_an_upload_goes_on_where_the_wire_broke(port: int, scene: str) -> None:
    with CuttingProxy(port, cuts=2, after=CUT_AFTER_BYTES) as wire, core.Client.connect(master=wire.url) as client:
        submission = client.submit(scene, blender=[FAKE], frames="1-2")
        job = submission.wait(WAIT_S)
        assert job is not None
        assert wire.cut == 2
        progress = submission.progress()
        assert progress.done == progress.total == Path(scene).stat().st_size
        assert client.job(job).state == "queued"
        again = client.submit(scene, blender=[FAKE], frames="1-2")
        assert again.wait(WAIT_S) is not None
        assert (again.progress().done, again.progress().total) == (0, 0)


def test_only_what_changed_is_sent_again(port: int, scene: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    textures = [tmp_path / f"{name}.png" for name in ("wood", "bark", "moss")]
    for texture in textures:
        texture.write_bytes(random.Random(texture.name).randbytes(160_000))
    files = [{"disk_path": str(path), "virtual_path": f"shots/{path.name}", "kind": "image"} for path in textures]
    monkeypatch.setenv("FAKE_BLENDER", json.dumps({"collected": {"files": files}}))
    size = sum(path.stat().st_size for path in [Path(scene), *textures])
    talk = 100_000  # requests, the manifest among them
    with CuttingProxy(port, cuts=0, after=0) as wire, core.Client.connect(master=wire.url) as client:

        def send() -> tuple[core.Progress, int]:
            before = wire.passed_up
            submission = client.submit(scene, blender=[FAKE], frames="1-2")
            assert submission.wait(WAIT_S) is not None
            return submission.progress(), wire.passed_up - before

        progress, on_the_wire = send()
        assert (progress.done, progress.files_done) == (progress.total, progress.files_total) == (size, 4)
        assert size < on_the_wire < size + talk
        progress, on_the_wire = send()
        assert (progress.total, progress.files_total) == (0, 0)
        assert on_the_wire < talk
        textures[1].write_bytes(random.Random(2).randbytes(400_000))
        progress, on_the_wire = send()
        assert (progress.done, progress.files_done) == (400_000, 1)
        assert 400_000 < on_the_wire < 400_000 + talk
        assert [job.state for job in client.jobs()] == ["queued"] * 3


def test_what_gets_smaller_is_packed_on_the_wire(port: int, scene: str) -> None:
    Path(scene).write_bytes(b"BLENDER-v304" + bytes(range(256)) * (SCENE_BYTES // 256))
    with CuttingProxy(port, cuts=0, after=0) as wire, core.Client.connect(master=wire.url) as client:
        submission = client.submit(scene, blender=[FAKE], frames="1-2")
        job = submission.wait(WAIT_S)
        assert job is not None
        assert client.job(job).state == "queued"
        assert submission.progress().done == Path(scene).stat().st_size
        assert wire.passed_up < SCENE_BYTES // 10


def test_a_file_that_the_master_can_read_is_not_sent(scene: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRENDER_CONFIG", str(tmp_path / "config"))
    start = {"path": str(tmp_path / "master"), "address": "127.0.0.1", "port": 0, "broadcast": False}
    with core.Master.start(**start) as master:
        port = int(master.url.rsplit(":", 1)[1])
        with CuttingProxy(port, cuts=0, after=0) as wire, core.Client.connect(master=wire.url) as client:
            submission = client.submit(scene, blender=[FAKE], frames="1-2")
            job = submission.wait(WAIT_S)
            assert job is not None
            assert client.job(job).state == "queued"
            assert (submission.progress().files_done, submission.progress().files_total) == (1, 1)
            assert wire.passed_up < 100_000


def test_a_job_is_taken_back_in_the_middle_of_its_upload(port: int, scene: str) -> None:
    wire = CuttingProxy(port, cuts=1, after=CUT_AFTER_BYTES, hold=True)
    with wire, core.Client.connect(master=wire.url) as client:
        submission = client.submit(scene, blender=[FAKE])
        assert wire.held.wait(WAIT_S)
        assert submission.progress().stage == "sending"
        assert [job.state for job in client.jobs()] == ["waiting"]
        submission.cancel()
        wait_for_stage(submission, "cancelled")
        assert client.jobs() == []


def test_a_job_is_taken_back_before_the_master_heard_of_it(port: int, scene: str) -> None:
    with core.Client.connect(master=f"127.0.0.1:{port}") as client:
        submission = client.submit(scene, blender=[FAKE])
        submission.cancel()
        wait_for_stage(submission, "cancelled")
        with pytest.raises(core.Stopped):
            submission.wait(WAIT_S)
        assert client.jobs() == []


def test_a_job_whose_answer_was_lost_is_there_once(port: int, scene: str) -> None:
    wire = CuttingProxy(port, cuts=2, after=0, lose=b"POST /api/v1/jobs ")
    with wire, core.Client.connect(master=wire.url) as client:
        submission = client.submit(scene, blender=[FAKE], frames="1-2")
        job = submission.wait(WAIT_S)
        assert wire.cut == 2
        assert [info.id for info in client.jobs()] == [job]
        assert client.jobs()[0].state == "queued"


def test_a_job_whose_answers_are_all_lost_is_taken_back(port: int, scene: str) -> None:
    wire = CuttingProxy(port, cuts=1_000, after=0, lose=b"POST /api/v1/jobs ")
    with wire, core.Client.connect(master=wire.url) as client:
        submission = client.submit(scene, blender=[FAKE], frames="1-2")
        while "trying again" not in submission.progress().text:
            threading.Event().wait(0.01)
        assert len(client.jobs()) == 1
        submission.cancel()
        wait_for_stage(submission, "cancelled")
        assert client.jobs() == []


def test_a_client_that_is_closed_ends_its_submission(port: int, scene: str) -> None:
    with CuttingProxy(port, cuts=1, after=CUT_AFTER_BYTES, hold=True) as wire:
        client = core.Client.connect(master=wire.url)
        submission = client.submit(scene, blender=[FAKE])
        assert wire.held.wait(WAIT_S)
        client.close()
        with pytest.raises(core.Stopped):
            submission.wait(WAIT_S)
