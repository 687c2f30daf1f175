"""What goes wrong on a farm, seen by whoever typed the command: one clear sentence each time, and nothing lost or left over."""

import json
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from farm import SCENES, Farm, Process, is_alive, run_in_blender, wait_until

FAKE = Path(__file__).parent / "fake_blender.py"
OTHER_KEY = "cd" * 32
MEBIBYTE = 1 << 20


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A folder for a farm that is not started yet."""
    with Farm(tmp_path / "farm") as farm:
        yield farm


@pytest.fixture
def running(farm: Farm) -> Farm:
    """A farm with its master."""
    farm.start_master()
    return farm


@pytest.fixture
def scene(tmp_path: Path) -> str:
    """A .blend that the fake Blender takes for one."""
    blend = tmp_path / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return str(blend)


def told_to(folder: Path, **orders: object) -> str:
    """A fake Blender of its own that does as it is told."""
    folder.mkdir()
    blender = folder / FAKE.name
    shutil.copy(FAKE, blender)
    blender.chmod(blender.stat().st_mode | stat.S_IXUSR)
    blender.with_suffix(".json").write_text(json.dumps(orders))
    return str(blender)


def complaint(status: int, text: str) -> str:
    """The one sentence of a command that failed; progress may come before it, a hint after it."""
    assert status == 1, text
    for inner in ("Traceback", "panicked", "os error", "Error {", "Some("):
        assert inner not in text, text
    sentences = [line.removeprefix("netrender: ") for line in text.splitlines() if line.startswith("netrender: ")]
    assert len(sentences) == 1, text
    return sentences[0]


def refused(result: "subprocess.CompletedProcess[str]") -> str:
    return complaint(result.returncode, result.stderr)


def jobs(farm: Farm) -> list[dict[str, object]]:
    return list(json.loads(farm.run("jobs", "--json", "--master", farm.url).stdout))


def told_of(farm: Farm, job: str) -> str:
    return farm.run("job", job, "--master", farm.url).stdout


def wait_for_text(process: Process, words: str) -> None:
    wait_until(f"{process.name} says {words!r}; it said {process.text()!r}", lambda: words in process.text())


def interrupted(process: Process) -> None:
    """Ends a command by one Ctrl-C."""
    process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait(10) == 130, process.text()


def test_scenes_that_blender_cannot_render_are_refused(running: Farm, tmp_path: Path, blender_executable: str) -> None:
    run_in_blender(blender_executable, SCENES / "faulty.py", [str(tmp_path)], tmp_path / "faulty.log")
    whole = (tmp_path / "no_camera.blend").read_bytes()
    (tmp_path / "truncated.blend").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "newer.blend").write_bytes(b"BLENDER17-01v9900" + bytes(100))
    (tmp_path / "empty.blend").touch()
    for name, options, words in (
        ("none", (), "there is no file"),
        ("empty", (), "empty.blend is no .blend file"),
        ("truncated", (), "cannot open truncated.blend, it may be truncated or damaged: "),
        ("newer", (), "newer.blend was saved by Blender 99.0, which is newer than this Blender"),
        ("no_camera", (), "the scene 'Scene' has no camera"),
        ("other_engine", (), "wants the render engine LUXURY"),
        ("net_render", ("--engine", "LUXURY"), "has no render engine 'LUXURY', only "),
    ):
        path = str(tmp_path / f"{name}.blend")
        to = ("--master", running.url, "--blender", blender_executable)
        assert words in refused(running.run("submit", path, *to, *options))
    assert jobs(running) == []


def test_missing_files_are_all_listed_and_the_user_chooses(running: Farm, tmp_path: Path, scene: str) -> None:
    missing = [{"path": f"/textures/{number}.png", "kind": "image"} for number in range(8)]
    to = ("--master", running.url, "--blender", told_to(tmp_path / "fake", collected={"missing": missing}))
    result = running.run("submit", scene, *to)
    assert refused(result).startswith("the scene needs files that cannot be found or read: /textures/0.png, ")
    assert all(f"missing: {file['path']} (image)" in result.stderr for file in missing)
    assert jobs(running) == []
    sent = running.run("submit", scene, *to, "--allow-missing", "--json")
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["missing"] == [file["path"] for file in missing]


def test_a_job_whose_blender_no_slave_has_waits_and_says_so(running: Farm, tmp_path: Path, scene: str) -> None:
    why = "waiting: needs Blender 5.1, which no slave has (slaves have 3.4)"
    slave = running.start_slave("slave1", str(FAKE))
    slave.wait_for_word("works")
    newer = told_to(tmp_path / "newer", version=[5, 1, 0])
    options = ("--blender", newer, "--frames", "1-3", "--wait", "--master", running.url)
    waiting = running.start("waiting", "submit", scene, *options)
    wait_for_text(waiting, why)
    assert why in told_of(running, running.newest_job())
    running.start_slave("slave2", newer)
    assert waiting.popen.wait(60) == 0, waiting.text()


@pytest.mark.parametrize("with_results", [False, True])
def test_a_wait_outlives_a_master_that_dies_and_comes_back(running: Farm, tmp_path: Path, scene: str, with_results: bool) -> None:
    results = tmp_path / "results"
    how = ("--results", str(results)) if with_results else ("--wait",)
    waiting = running.start("waiting", "submit", scene, "--blender", str(FAKE), *how, "--master", running.url)
    wait_for_text(waiting, "waiting: no slave is there")
    running.processes[0].kill()
    wait_for_text(waiting, "connection refused, trying again")
    running.start_master()
    running.start_slave("slave1", str(FAKE))
    assert waiting.popen.wait(60) == 0, waiting.text()
    assert "is finished: 10 frames" in waiting.text()
    assert len(list(results.glob("*.exr"))) == (10 if with_results else 0)


@pytest.mark.parametrize("with_results", [False, True])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_wait_for_a_master_that_stays_away_ends_by_ctrl_c(
    running: Farm, tmp_path: Path, scene: str, how: int, with_results: bool
) -> None:
    wanted = ("--results", str(tmp_path / "results")) if with_results else ("--wait",)
    waiting = running.start("waiting", "submit", scene, "--blender", str(FAKE), *wanted, "--master", running.url)
    wait_for_text(waiting, "waiting: no slave is there")
    running.processes[0].popen.send_signal(how)
    if how == signal.SIGKILL:
        wait_for_text(waiting, "trying again")
    interrupted(waiting)
    assert "goes on" in waiting.text()


class Future(BaseHTTPRequestHandler):
    """A master of another version: says hello, and cannot be understood beyond that."""

    api = 2

    def do_GET(self) -> None:
        """Answers whatever is asked."""
        said = {"product": "netrender", "version": "9.0.0", "api": self.api, "farm": "7k3vq9xd", "name": "future"}
        body = json.dumps({**said, "access": "key", "proof": ""}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


class Past(Future):
    """One that is older than this."""

    api = 0


@pytest.mark.parametrize(("kind", "who"), [(Future, "on this machine"), (Past, "on the master")])
def test_a_master_of_another_version_is_told_from_a_broken_one(farm: Farm, scene: str, kind: type[Future], who: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            farm.url = f"http://127.0.0.1:{server.server_address[1]}"
            words = f"speaks version {kind.api} of the protocol (9.0.0), this is version 1 "
            for command in (("jobs",), ("submit", scene, "--blender", str(FAKE))):
                result = farm.run(*command, "--master", farm.url)
                assert words in refused(result)
                assert f"hint: update netrender {who}" in result.stderr
            slave = farm.start_slave("slave1", str(FAKE))
            wait_for_text(slave, words)
            assert slave.stop() == 0
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (OTHER_KEY, "the key belongs to farm"),
        ("", "no key for farm"),
        ("abc", "this is no farm key"),
    ],
)
def test_a_slave_without_the_farms_key_says_once_what_to_do(running: Farm, tmp_path: Path, key: str, words: str) -> None:
    stranger = {"NETRENDER_CONFIG": str(tmp_path / "stranger"), "NETRENDER_KEY": key}
    slave = running.start_slave("slave1", str(FAKE), **stranger)
    wait_for_text(slave, words)
    wait_for_text(slave, "on the master's machine")
    assert slave.stop() == 0
    assert slave.text().count(words) == 1, slave.text()
    assert running.run("slaves", "--master", running.url).stdout == "no slaves\n"


def test_a_slave_that_cannot_work_does_not_start(running: Farm, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for blender, path, words in (
        (str(tmp_path / "none"), "s", "cannot start"),
        ("/bin/sh", "s", "is neither Blender nor Python"),
        (str(tmp_path), "s", "is a folder, not the program of a Blender"),
        (str(FAKE), "file/below", "cannot make the folder"),
    ):
        options = ("--master", running.url, "--blender", blender, "--path", str(tmp_path / path))
        assert words in refused(running.run("slave", *options))
    usage = running.run("slave", "--hang-timeout", "0")
    assert (usage.returncode, "--hang-timeout" in usage.stderr) == (2, True)


def test_results_that_cannot_be_written_are_told_before_anything_is_sent(running: Farm, tmp_path: Path, scene: str) -> None:
    (tmp_path / "file").write_text("in the way")
    to = ("--blender", str(FAKE), "--master", running.url)
    below = str(tmp_path / "file" / "below")
    assert refused(running.run("submit", scene, "--results", below, *to)).startswith(f"cannot make the folder {below}")
    if Path("/proc/sys").is_dir():
        refusal = refused(running.run("submit", scene, "--results", "/proc/sys", *to))
        assert refusal.startswith("cannot write into the folder /proc/sys: ")
    assert jobs(running) == []


@pytest.mark.parametrize("how", ["crash_on_start", "crash_on_open"])
def test_a_blender_that_always_crashes_does_not_use_up_the_job(running: Farm, tmp_path: Path, scene: str, how: str) -> None:
    broken = running.start_slave("broken", told_to(tmp_path / "broken", **{how: True}))
    to = ("--master", running.url)
    assert running.run("submit", scene, "--blender", str(FAKE), "--frames", "1-200", *to).returncode == 0
    job = running.newest_job()
    wait_until("the job rests", lambda: "failed time after time on every slave" in told_of(running, job))
    assert "frame 1 failed" in told_of(running, job)
    assert jobs(running)[0]["state"] == "queued"
    running.start_slave("sound", str(FAKE))
    wait_until("the job is over", lambda: jobs(running)[0]["state"] in {"finished", "failed"})
    # With nobody else to try it, the first frame may have used up its attempts; the others were left alone.
    assert jobs(running)[0]["failed"] in {0, 1}
    assert broken.stop() == 0, broken.text()


def test_a_blender_that_hangs_is_ended_and_the_frame_rendered_again(running: Farm, tmp_path: Path, scene: str) -> None:
    hanging = told_to(tmp_path / "hanging", hang_on_frames=[2], times=1)
    slave = running.start_slave("slave1", hanging, "--hang-timeout", "1")
    sent = running.run("submit", scene, "--blender", hanging, "--frames", "1-3", "--wait", "--master", running.url)
    assert sent.returncode == 0, sent.stderr
    wait_for_text(slave, "frame 2 failed: Blender hung: it said nothing for 1 s while rendering frame 2")


def test_a_hundred_megabytes_of_log_are_cut_and_the_frame_is_done(running: Farm, tmp_path: Path, scene: str) -> None:
    loud = told_to(tmp_path / "loud", print_bytes=100_000_000)
    running.start_slave("slave1", loud)
    to = ("--master", running.url)
    sent = running.run("submit", scene, "--blender", str(FAKE), "--frames", "1", "--wait", *to)
    assert sent.returncode == 0, sent.stderr
    log = running.run("log", running.newest_job(), "1", *to)
    assert log.returncode == 0, log.stderr
    assert 0 < len(log.stdout) <= 16 * MEBIBYTE


def test_nothing_of_this_leaves_a_process(running: Farm, tmp_path: Path, scene: str) -> None:
    folder = tmp_path / "hanging"
    slave = running.start_slave("slave1", told_to(folder, hang_on_frames=[1], grandchild=True))
    to = ("--master", running.url)
    running.run("submit", scene, "--blender", str(FAKE), "--frames", "1", *to)
    wait_until("Blender hangs", lambda: (folder / "grandchild.pid").exists() and (folder / "grandchild.pid").read_text() != "")
    grandchild = int((folder / "grandchild.pid").read_text())
    # At Ctrl-C it would end after its frame, which never comes.
    assert slave.stop(signal.SIGTERM) == 0
    wait_until("its tree is gone", lambda: not is_alive(grandchild))
