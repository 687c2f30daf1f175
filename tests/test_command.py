"""The `netrender` command from outside: what it says, its exit status, and how it ends."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm import Farm, Process, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")
OTHER_KEY = "ab" * 32


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A folder for a farm that is not started yet."""
    with Farm(tmp_path / "farm") as farm:
        yield farm


@pytest.fixture
def running(farm: Farm) -> Farm:
    """A farm with its master."""
    farm.start_master("--clear-on-exit")
    return farm


def refused(result: "subprocess.CompletedProcess[str]", words: str, status: int = 1) -> None:
    """A command that failed as it should: a sentence and perhaps a hint, nothing else."""
    assert result.returncode == status, result
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert 1 <= len(lines) <= 2, result.stderr
    assert lines[0].startswith("netrender: ")
    assert words in lines[0], result.stderr
    assert all(line.startswith("hint: ") for line in lines[1:])


def fake_scene(folder: Path) -> Path:
    """A .blend that the fake Blender takes for one."""
    blend = folder / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return blend


def ended(process: Process) -> int:
    """The exit status of a process that ends by itself."""
    return process.popen.wait(30)


def test_an_idle_farm_is_told_in_words_and_in_json(running: Farm) -> None:
    assert running.run("jobs", "--master", running.url).stdout == "no jobs\n"
    assert running.run("slaves", "--master", running.url).stdout == "no slaves\n"
    for question in ("jobs", "slaves"):
        answer = running.run(question, "--json", "--master", running.url)
        assert (answer.returncode, json.loads(answer.stdout), answer.stderr) == (0, [], "")
    by_variable = subprocess.run(
        [running.command, "jobs"],
        env={**running.env, "NETRENDER_MASTER": running.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert by_variable.stdout == "no jobs\n"


def test_help_and_version_are_no_failures(farm: Farm) -> None:
    assert "submit" in farm.run("--help").stdout
    assert farm.run("--version").stdout.startswith("netrender ")
    for command in ("master", "slave", "submit", "jobs", "results", "compare", "key", "trust", "masters"):
        assert farm.run(command, "--help").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("jobz",), "jobz"),
        (("submit", "a.blend", "--frames", "5-1"), "runs backwards"),
        (("submit", "a.blend", "--frames", "a-b"), "not a frame"),
        (("submit", "a.blend", "--frames", ""), "no frames given"),
        (("submit", "a.blend", "--frames", "1-10000000"), "outside of what Blender knows"),
        (("submit", "a.blend", "--frames", "-1000000-1000000"), "more than 1000000 frames"),
        (("master", "--port", "65536"), "65536"),
        (("master", "--access", "anybody"), "anybody"),
        (("log", "7k3vq9xd", "one"), "one"),
        (("submit", "a.blend", "--priority", "high"), "--priority <PRIORITY> wants a whole number, not 'high'"),
        (("submit", "a.blend", "--attempts", "0"), "wants a whole number from 1 on, not 0"),
        (("submit", "a.blend", "--tags", ";;"), "nothing is named; names are written as gpu;fast"),
        (("slave", "--slots", "0"), "wants a whole number from 1 to"),
        (("submit",), "FILE"),
    ],
)
def test_what_is_written_wrongly_is_refused_with_status_2(farm: Farm, arguments: tuple[str, ...], words: str) -> None:
    refused(farm.run(*arguments), words, status=2)


def test_a_master_that_is_not_there_is_told(farm: Farm) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    refused(farm.run("jobs", "--master", address), "cannot reach the master")
    refused(farm.run("jobs", "--master", "ftp://x"), "no address of a master")


def test_what_listens_there_may_be_no_master(farm: Farm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(20)
        port = other.getsockname()[1]
        asking = farm.start("asking", "jobs", "--master", f"127.0.0.1:{port}")
        connection, _ = other.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
            assert ended(asking) == 1
    assert "no netrender master" in asking.text()


def test_without_the_farms_key_nothing_is_told(running: Farm, tmp_path: Path) -> None:
    elsewhere = {**running.env, "NETRENDER_CONFIG": str(tmp_path / "elsewhere")}

    def run(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        command = [running.command, *arguments]
        return subprocess.run(command, env={**elsewhere, **env}, capture_output=True, text=True, timeout=60, check=False)

    refused(run("jobs", "--master", running.url), "no key for farm")
    refused(run("jobs", "--master", running.url, NETRENDER_KEY=OTHER_KEY), "the key belongs to farm")
    refused(run("jobs", "--master", running.url, NETRENDER_KEY="abc"), "no farm key")
    refused(run("jobs", "--master", running.url, "--key-file", str(tmp_path / "none")), "cannot read the key file")

    key = running.run("key").stdout.strip()
    (tmp_path / "key").write_text(key)
    assert run("jobs", "--master", running.url, "--key-file", str(tmp_path / "key")).returncode == 0
    assert run("jobs", "--master", running.url, NETRENDER_KEY=key).returncode == 0
    refused(run("key"), "no farm key of its own")
    assert run("key", "add", key).returncode == 0
    assert run("jobs", "--master", running.url).returncode == 0


def test_a_key_is_taken_from_the_standard_input_too(farm: Farm) -> None:
    added = subprocess.run(
        [farm.command, "key", "add", "-"],
        env=farm.env,
        input=OTHER_KEY + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("kept the key of farm ")
    refused(farm.run("key", "add", "abc"), "no farm key")


def test_files_that_cannot_be_sent_are_told(running: Farm, tmp_path: Path) -> None:
    def submit(path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
        return running.run("submit", str(path), "--master", running.url, "--blender", FAKE, *options)

    text = tmp_path / "notes.blend"
    text.write_text("these are notes")
    refused(submit(tmp_path / "gone.blend"), "there is no file")
    refused(submit(tmp_path), "is no file")
    refused(running.run("submit", str(fake_scene(tmp_path)), "--master", running.url, "--blender", str(text)), "notes")
    for option, value, words in (
        ("--priority", "11", "priority 11 is not from 1 to 10"),
        ("--chunks", "70000", "chunks of 70000"),
    ):
        # The master's word, after the scene was read: a slow machine shows that meanwhile.
        late = submit(fake_scene(tmp_path), option, value)
        told = [line for line in late.stderr.splitlines() if line.startswith("netrender: ")]
        assert (late.returncode, len(told), words in told[0]) == (1, 1, True), late.stderr
    not_blend = submit(text)
    assert not_blend.returncode == 1
    assert "notes.blend" in not_blend.stderr
    assert json.loads(running.run("jobs", "--json", "--master", running.url).stdout) == []


def test_unknown_jobs_are_told(running: Farm) -> None:
    to = ("--master", running.url)
    for command in ("job", "pause", "resume", "cancel"):
        refused(running.run(command, "7k3vq9xd", *to), "7k3vq9xd")
        refused(running.run(command, "7k", *to), "no job's id begins with")
    refused(running.run("log", "7k3vq9xd", "1", *to), "7k3vq9xd")


def test_a_job_is_sent_paused_resumed_and_cancelled(running: Farm, tmp_path: Path) -> None:
    to = ("--master", running.url)
    scene = str(fake_scene(tmp_path))
    sent = running.run("submit", scene, "--blender", FAKE, "--frames", "1-3,7", "--name", "Opening", "--json", *to)
    assert sent.returncode == 0, sent.stderr
    answer = json.loads(sent.stdout)
    assert (answer["name"], answer["frames"], answer["total"]) == ("Opening", "1-3,7", 4)
    assert answer["uploaded_bytes"] > 0
    job = answer["job"]
    again = running.run("submit", scene, "--blender", FAKE, "--json", *to)
    assert json.loads(again.stdout)["uploaded_bytes"] == 0, "an unchanged scene was sent a second time"

    assert "Opening" in running.run("jobs", *to).stdout
    prefix = next(job[:length] for length in range(1, 9) if not json.loads(again.stdout)["job"].startswith(job[:length]))
    assert json.loads(running.run("job", prefix, "--json", *to).stdout)["id"] == job
    for command, state in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        changed = running.run(command, prefix, "--json", *to)
        assert json.loads(changed.stdout)["state"] == state
    results = running.run("results", job, str(tmp_path / "results"), "--json", *to)
    assert (results.returncode, json.loads(results.stdout)["here"]) == (0, 0)


def test_waiting_brings_the_frames_and_comparing_finds_them_identical(running: Farm, tmp_path: Path) -> None:
    running.start_slave("slave1", FAKE)
    to = ("--master", running.url)
    first, second = tmp_path / "first", tmp_path / "second"
    options = ("--blender", FAKE, "--frames", "-1-4", "--results", str(first))
    sent = running.run("submit", str(fake_scene(tmp_path)), *options, *to)
    assert sent.returncode == 0, sent.stderr
    assert "is finished: 6 frames" in sent.stdout
    names = ["-00001.exr", "000000.exr", "000001.exr", "000002.exr", "000003.exr", "000004.exr"]
    assert sorted(path.name for path in first.iterdir()) == names

    job = running.newest_job()
    brought = running.run("results", job, str(second), "--frames", "1-4", *to)
    assert brought.returncode == 0, brought.stderr
    assert brought.stdout.startswith("4 of 4 frames")
    refused(running.run("results", job, str(second), "--frames", "9", *to), "none of the frames 9")
    assert running.run("log", job, "1", *to).returncode == 0

    one = running.run("compare", str(first / "000001.exr"), str(second / "000001.exr"))
    assert (one.returncode, one.stdout) == (0, "identical: 1/1 frames\n")
    folders = running.run("compare", str(first), str(second), "--json")
    assert folders.returncode == 1
    answer = json.loads(folders.stdout)
    assert (answer["frames"], answer["identical"]) == (6, 4)
    refused(running.run("compare", str(first), str(tmp_path / "gone")), "cannot read")
    refused(running.run("compare", str(first), str(first / "000001.exr")), "a file and a folder")


def test_an_interrupted_wait_leaves_the_job_alone(running: Farm, tmp_path: Path) -> None:
    waiting = running.start("submit", "submit", str(fake_scene(tmp_path)), "--blender", FAKE, "--wait", "--master", running.url)
    waiting.wait_for_word("master:")
    waiting.popen.send_signal(signal.SIGINT)
    assert ended(waiting) == 130
    assert "goes on" in waiting.text()
    job = json.loads(running.run("job", running.newest_job(), "--json", "--master", running.url).stdout)
    assert job["state"] == "queued"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_master_and_slave_with_status_0(farm: Farm, how: int) -> None:
    master = farm.start_master()
    slave = farm.start_slave("slave1", FAKE)
    wait_until("the slave is there", lambda: '"online": true' in farm.run("slaves", "--json", "--master", farm.url).stdout)
    assert slave.stop(how) == 0, slave.text()
    assert master.stop(how) == 0, master.text()
    for process in (slave, master):
        assert "panicked" not in process.text()


def test_open_access_is_said_loudly(farm: Farm, tmp_path: Path) -> None:
    master = farm.start_master("--access", "open")
    assert "WARNING: access is open" in master.text() or master.wait_for_word("WARNING")
    stranger = {**farm.env, "NETRENDER_CONFIG": str(tmp_path / "stranger")}
    command = [farm.command, "jobs", "--master", farm.url]
    jobs = subprocess.run(command, env=stranger, capture_output=True, text=True, timeout=60, check=False)
    assert jobs.stdout == "no jobs\n"


def test_two_masters_share_neither_a_path_nor_a_port(running: Farm, tmp_path: Path) -> None:
    options = ("--address", "127.0.0.1", "--no-broadcast")
    path = str(running.folder / "master")
    refused(running.run("master", "--path", path, "--port", "0", *options), "master")
    refused(running.run("master", "--path", str(tmp_path / "b"), "--port", str(running.port), *options), "is taken")
    assert not (tmp_path / "b").exists(), "a master that could not listen left something behind"


def test_a_path_that_cannot_be_written_is_told(farm: Farm, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    options = ("--port", "0", "--address", "127.0.0.1", "--no-broadcast")
    refused(farm.run("master", "--path", str(tmp_path / "file" / "below"), *options), str(tmp_path / "file"))
    refused(farm.run("master", "--path", "/proc/netrender", *options), "/proc/netrender")


def test_a_reader_that_goes_away_is_no_failure(running: Farm) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [running.command, "jobs", "--json", "--master", running.url]
    try:
        result = subprocess.run(
            command, env=running.env, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")
