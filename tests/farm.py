"""A farm of real processes on this machine: what the demonstration, the benchmarks and the tests start and end.

Nothing here knows pytest. Every wait is bounded, every process ended by its own id.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.05

SCENES = Path(__file__).parent / "scenes"


class Failed(Exception):
    """Something did not come about; the text says what, and what the process printed."""


def wait_until(what: str, condition: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
    """Waits for something to become true, at most so long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(POLL_S)


def processes_below(pid: int) -> list[int]:
    """The ids of all processes below one, from the system's own table."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[1])
            except OSError:
                continue
    found, border = [], [pid]
    while border:
        border = [child for child, parent in parents.items() if parent in border]
        found += border
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Process:
    """One `netrender` process; what it prints goes to a file of its own."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: dict[str, str]) -> None:
        self.name, self.log = name, log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The id by which it is ended."""
        return self.popen.pid

    def text(self) -> str:
        """All that it has printed."""
        return self.log.read_text(errors="replace")

    def wait_for_word(self, beginning: str) -> str:
        """Waits until it prints a word that begins like this, and returns that word without punctuation."""
        found: list[str] = []

        def printed() -> bool:
            found[:] = [word.rstrip("/.,;)") for word in self.text().split() if word.startswith(beginning)]
            if not found and self.popen.poll() is not None:
                raise Failed(f"{self.name} ended with status {self.popen.returncode}: {self.text().strip()}")
            return bool(found)

        wait_until(f"{self.name} prints {beginning!r}; it printed {self.text().strip()!r}", printed)
        return found[0]

    def kill(self) -> None:
        """Ends it as a power cut would: no goodbye."""
        self.popen.kill()
        self.popen.wait()

    def stop(self, how: int = signal.SIGINT) -> int:
        """Ends it as one Ctrl-C does, and returns its exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(how)
        try:
            return self.popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not end within {STOP_TIMEOUT_S:.0f} s: {self.text().strip()}") from None


class Farm:
    """A master and its slaves below one folder, with a key of their own. Use it in `with`: leaving ends them all."""

    def __init__(self, folder: Path, command: str = "netrender", **env: str) -> None:
        self.folder, self.command = folder, command
        self.env = {**os.environ, "NETRENDER_CONFIG": str(folder / "config"), **env}
        self.processes: list[Process] = []
        self.port = 0
        self.url = ""
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Farm":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            if process.popen.poll() is None:
                process.kill()

    def start(self, name: str, *arguments: str, **env: str) -> Process:
        """Starts one `netrender` process."""
        number = len(self.processes)
        process = Process(name, [self.command, *arguments], self.folder / f"{number:02}-{name}.log", {**self.env, **env})
        self.processes.append(process)
        return process

    def start_master(self, *arguments: str, port: int | None = None) -> Process:
        """Starts the master; the second time on the port and path that the first one had, so that it resumes."""
        port = self.port if port is None else port
        path = str(self.folder / "master")
        process = self.start(
            "master",
            "master",
            "--path",
            path,
            "--address",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-broadcast",
            *arguments,
        )
        self.url = process.wait_for_word("http")
        self.port = int(self.url.rsplit(":", 1)[1])
        return process

    def start_slave(self, name: str, blender: str, *arguments: str, **env: str) -> Process:
        """Starts a slave that renders with one thread in the given Blender."""
        path = str(self.folder / name)
        options = ("--master", self.url, "--path", path, "--blender", blender, "--threads", "1", "--name", name)
        return self.start(name, "slave", *options, *arguments, **env)

    def run(self, *arguments: str, timeout_s: float = 300.0) -> "subprocess.CompletedProcess[str]":
        """Runs a `netrender` command to its end."""
        command = [self.command, *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=timeout_s, check=False)

    def newest_job(self) -> str:
        """The id of the job that came last."""
        jobs = json.loads(self.run("jobs", "--json", "--master", self.url).stdout)
        return str(jobs[0]["id"])

    def stop(self) -> list[str]:
        """Ends the slaves, then the master, as Ctrl-C does; returns the names of those that did not end with status 0."""
        running = [process for process in reversed(self.processes) if process.popen.poll() is None]
        ended = [(process.name, process.stop()) for process in running]
        return [f"{name} (status {status})" for name, status in ended if status != 0]


def is_module(blender: str) -> bool:
    """Whether this is a Python with the `bpy` module rather than Blender's executable."""
    return "python" in Path(blender).name


def run_in_blender(
    blender: str, script: Path, arguments: Sequence[str], log: Path, blend: Path | None = None, threads: int = 0
) -> None:
    """Runs a script in Blender to its end, on a .blend if one is given; raises what it printed if it fails.

    The script finds its arguments after `--` in an executable; in a module after the .blend and the threads, if given.
    """
    if is_module(blender):
        opened = [str(blend), str(threads)] if blend else []
        command = [blender, "-W", "ignore", str(script), *opened, *arguments]
    else:
        opened = [str(blend)] if blend else ["--factory-startup"]
        options = [*opened, "-t", str(threads), "--python-exit-code", "1"]
        command = [blender, "-b", *options, "-P", str(script), "--", *arguments]
    with log.open("wb") as output:
        if subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode != 0:
            raise Failed(f"{script.name} failed in {blender}: {log.read_text(errors='replace')[-2000:]}")


def make_orrery(blender: str, folder: Path, frames: int, *options: str) -> Path:
    """Makes the demonstration scene below the folder and returns its .blend; `light` makes one for quick tests."""
    folder.mkdir(parents=True, exist_ok=True)
    run_in_blender(blender, SCENES / "orrery.py", [str(folder), str(frames), *options], folder / "scene.log")
    return folder / "shots/orrery.blend"


def render_locally(blender: str, blend: Path, folder: Path, frames: str, *options: str, threads: int = 2) -> float:
    """Renders frames such as `1-24` with one Blender of this machine; returns the seconds it took, start included."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    run_in_blender(blender, SCENES / "local_render.py", [str(folder), frames, *options], folder / "local.log", blend, threads)
    return time.monotonic() - began
