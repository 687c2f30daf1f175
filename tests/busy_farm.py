"""A farm that looks busy: slaves that only pretend, on a real master with open access. For the monitor's tests and pictures.

Every pretended slave speaks the interface as a real one does; nothing is rendered and there are no result files.
"""

import contextlib
import json
import random
import threading
import urllib.request
from typing import Any

ANSWER_TIMEOUT_S = 20.0
MACHINE = {"os": "Debian GNU/Linux 12", "cores": 16, "threads": 16, "memory_bytes": 64 << 30, "disk_free_bytes": 400 << 30}


class Api:
    """The calls of a master that asks nobody for a key."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: object = None, *, text: str | None = None) -> Any:
        """Asks, and returns the JSON of the answer, if it has some."""
        data = text.encode() if text is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, method=method)
        request.add_header("content-type", "application/json" if text is None else "text/plain")
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def job(self, name: str, frames: str = "1-10", **more: object) -> str:
        """Announces a job without files."""
        return str(self.ask("POST", "jobs", {"name": name, "frames": frames, **more})["job"])

    def slave(self, name: str, **more: object) -> str:
        """Registers a slave."""
        blenders = [{"version": "3.4.1"}]
        return str(
            self.ask(
                "POST", "slaves", {"name": name, "slots": 1, "denoises": True, "blenders": blenders, "machine": MACHINE, **more}
            )["id"]
        )

    def work(self, slave: str, *reports: object, want: bool = True, wait_ms: int = 0) -> Any:
        """Reports, and asks for frames; returns the lease or nothing."""
        wanted = {"reports": list(reports), "want": want, "wait_ms": wait_ms}
        return self.ask("POST", f"slaves/{slave}/work", wanted).get("lease")

    def log(self, slave: str, job: str, task: dict[str, Any], text: str, offset: int = 0) -> None:
        """Adds to a frame's log."""
        path = f"jobs/{job}/tasks/{task['task']}/attempts/{task['attempt']}/log?slave={slave}&offset={offset}"
        self.ask("PUT", path, text=text)


def report(job: str, task: dict[str, Any], **what: object) -> dict[str, object]:
    """What a slave says of one frame."""
    return {"job": job, "task": task["task"], "attempt": task["attempt"], **what}


class Pretender:
    """One slave in a thread of its own: takes frames, lets time go by, and says that they are done."""

    def __init__(self, api: Api, name: str, pace_s: float, stop: threading.Event, **more: object) -> None:
        self.api, self.pace_s, self.stop = api, pace_s, stop
        self.id = api.slave(name, **more)
        self.chance = random.Random(name)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """Until it is stopped, or its master is."""
        with contextlib.suppress(ConnectionError):
            self.work()

    def work(self) -> None:
        """Takes one chunk after the other."""
        reports: list[dict[str, object]] = []
        while not self.stop.is_set():
            lease = self.api.work(self.id, *reports, wait_ms=1_000)
            reports = []
            self.live(busy=lease is not None)
            if lease is None:
                continue
            for task in lease["tasks"]:
                reports.append(self.render(lease["job"], task))
                if self.stop.is_set():
                    return

    def render(self, job: str, task: dict[str, Any]) -> dict[str, object]:
        """One frame, of which one in sixty fails."""
        self.api.log(self.id, job, task, f"Fra:{task['frame']} Mem:812.40M (Peak 1.24G) | Rendering 1 / 64 samples\n")
        seconds = self.pace_s * self.chance.lognormvariate(0, 0.25)
        self.stop.wait(seconds)
        if self.chance.random() < 1 / 60:
            return report(job, task, kind="failed", reason="CUDA error: out of memory in cuMemAlloc")
        return report(job, task, kind="done", seconds=round(seconds * 40, 2))

    def live(self, *, busy: bool) -> None:
        """How the machine does."""
        load = self.chance.uniform(0.86, 0.99) if busy else self.chance.uniform(0.01, 0.06)
        machine = MACHINE | {"load": load, "memory_used_bytes": int(self.chance.uniform(9, 40)) << 30}
        self.api.ask("POST", f"slaves/{self.id}/orders", {"wait_ms": 0, "after": 0, "machine": machine})
