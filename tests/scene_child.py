"""The scripts that netrender has Blender run, run by the tests in the same way: the collector, and the worker that renders."""

import json
import os
import shutil
import socket
import subprocess
import uuid
from pathlib import Path
from typing import Any

from farm import is_module

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 600


def command(blender: str, folder: Path, script: str, *arguments: object) -> list[str]:
    """How a script is started, with scripts inside of .blend files switched off; all scripts are put into the folder first."""
    scripts = folder / "scripts"
    scripts.mkdir()
    for path in (*(ROOT / "src/blender").glob("*.py"), ROOT / "addon/passes.py", ROOT / "addon/simulations.py"):
        shutil.copy(path, scripts)
    options = [] if is_module(blender) else ["-b", "-noaudio", "-Y", "--python-exit-code", "1", "-P"]
    return [blender, *options, str(scripts / script), *(["--", *map(str, arguments)] if arguments else [])]


# For whoever may read everything, as root: may not any more.
HUMBLE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def humbly() -> tuple[str, ...]:
    """What a command begins with so that the permissions of files hold for it; nothing where that cannot be had."""
    if os.geteuid() != 0 or shutil.which(HUMBLE[0]) is None:
        return ()
    return HUMBLE if subprocess.run([*HUMBLE, "true"], check=False, capture_output=True).returncode == 0 else ()


def may_read(path: Path) -> bool:
    """Whether a collector may read a file."""
    return subprocess.run([*humbly(), "test", "-r", str(path)], check=False).returncode == 0


def collect(blender: str, blend: Path, folder: Path, copies: Path | None = None) -> dict[str, Any]:
    """What the collector answers; copies of .blends lie in a folder of their own, else below the given one."""
    folder.mkdir(parents=True)
    request, result = folder / "request.json", folder / "result.json"
    request.write_text(json.dumps({"blend": str(blend), "copies": str(copies or folder / "copies"), "result": str(result)}))
    with (folder / "log").open("wb") as log:
        started = [*humbly(), *command(blender, folder, "collect.py", request)]
        status = subprocess.run(started, stdout=log, stderr=log, check=False).returncode
    assert status == 0, (folder / "log").read_text(errors="replace")
    answer: dict[str, Any] = json.loads(result.read_text())
    return answer


def lay_out(answer: dict[str, Any], folder: Path, frame: int | None = None) -> bool:
    """Puts into a job's folder, as a slave does, what the frame needs and is not there; whether Blender has to open it again."""
    again = False
    for file in [answer["main"], *answer["files"]]:
        target = folder / file["virtual_path"]
        first, last = file["frames"] or (frame, frame)
        if target.exists() or (frame is not None and not first <= frame <= last):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file["disk_path"], target)
        target.chmod(0o444)
        again |= file["at_opening"]
    return again


class Refused(Exception):
    """What the worker would not do, in its sentence."""


class Lacking(Exception):
    """What another slave may have, and this one lacks, in the worker's sentence."""


class Worker:
    """A warm Blender; a context manager, so that none is left behind."""

    def __init__(self, blender: str, folder: Path) -> None:
        folder.mkdir()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(TIMEOUT_S)
        token = uuid.uuid4().hex
        env = {
            **os.environ,
            "NETRENDER_WORKER": f"{listener.getsockname()[1]}:{token}",
            "NETRENDER_PARENT": str(os.getpid()),
            "TMPDIR": str(folder),
        }
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command(blender, folder, "worker.py"), stdout=log, stderr=log, env=env)
        self.link, _ = listener.accept()
        listener.close()
        self.link.settimeout(TIMEOUT_S)
        self.lines = self.link.makefile("r", encoding="utf-8")
        self.marks = 0
        assert json.loads(self.lines.readline())["token"] == token

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.lines.close()
        self.link.close()

    def open(self, blend: Path, **settings: object) -> None:
        """Opens a scene in place of the one that was open."""
        self.ask(**{"order": "open", "blend": str(blend), "allow_scripts": False, "threads": 1, "devices": [], **settings})

    def render(self, frame: int, output: Path) -> Path:
        """Renders a frame of it."""
        self.ask(order="render", frame=frame, output=str(output))
        return output

    def ask(self, **order: object) -> dict[str, Any]:
        """Gives an order and waits for its answer; raises `Refused` or `Lacking` with the reason if there is one."""
        self.marks += 1
        self.link.sendall(json.dumps({"mark": self.marks, **order}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self.lines.readline() or "{}")
        assert answer, self.log.read_text(errors="replace")[-3000:]
        if answer["reply"] == "failed":
            raise Refused(answer["reason"])
        if answer["reply"] == "lacks":
            raise Lacking(answer["reason"])
        return answer
