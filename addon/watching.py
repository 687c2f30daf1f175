"""The jobs that were sent from this Blender: how far they are, and that they are over. They outlive the file they came from.

Only with a window: a script asks by itself. Nothing waits for the master; while it is away, it is asked less often.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from . import client, notices, questions, timers
from .connection import Connection
from .native import Failure

if TYPE_CHECKING:
    from netrender_core import JobInfo

LOOK_S = 2.0
LOOK_WHILE_AWAY_S = 10.0
# More than anybody follows by eye.
JOBS_MAX = 8


@dataclass
class Watched:
    """A job that was sent from here, as of the last look."""

    connection: Connection
    job: str
    info: JobInfo | None = None
    trouble: str | None = None
    """Why there was no answer at the last look."""

    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.info is not None and self.info.state in client.OVER


_watched: list[Watched] = []
_said: str | None = None


def add(connection: Connection, job: str) -> None:
    """Follows a job that was just sent; those that are over are let go."""
    _watched[:] = [one for one in _watched if not one.is_over()][-JOBS_MAX + 1 :]
    _watched.append(Watched(connection, job))


def jobs() -> list[Watched]:
    """Those that are followed, the latest last."""
    return list(_watched)


def forget(job: str) -> None:
    """Follows a job no longer."""
    _watched[:] = [one for one in _watched if one.job != job]


def say(text: str | None) -> None:
    """What the panel shows of a job that is being sent; None once it is over."""
    global _said
    _said = text


def said() -> str | None:
    """Where a job that is being sent stands."""
    return _said


def _look() -> float:
    """Asks each master of a job that is not over."""
    open_jobs = [one for one in _watched if not one.is_over()]
    for connection in {one.connection for one in open_jobs}:
        what = f"watched jobs of {connection.address}"
        if not questions.is_asking(what):
            try:
                questions.ask(what, client.jobs(connection), partial(_seen, connection), partial(_lost, connection))
            except Failure as failure:
                _lost(connection, str(failure))
    return LOOK_WHILE_AWAY_S if any(one.trouble for one in open_jobs) else LOOK_S


def _seen(connection: Connection, found: list[JobInfo]) -> None:
    by_id = {info.id: info for info in found}
    for one in [one for one in _watched if one.connection == connection and not one.is_over()]:
        one.trouble = None
        info = by_id.get(one.job)
        if info is None or info.state == "cancelled":
            # Somebody took it away on purpose.
            _watched.remove(one)
            continue
        one.info = info
        if info.state in client.OVER:
            _tell(info)


def _lost(connection: Connection, sentence: str) -> None:
    for one in _watched:
        if one.connection == connection:
            one.trouble = sentence


def _tell(info: JobInfo) -> None:
    noun, made = f"{info.piece}s", {"bake": "made", "task": "done"}.get(info.piece, "rendered")
    if info.state == "finished":
        notices.tell(f"{info.name} is finished: {info.done} of {info.total} {noun}")
    else:
        notices.tell(f"{info.name} has failed: {info.failed} of {info.total} {noun} could not be {made}", failed=True)


def register() -> None:
    """Starts to look."""
    timers.start(_look, after_s=LOOK_S)


def unregister() -> None:
    """Follows nothing any more."""
    timers.stop(_look)
    _watched.clear()
    say(None)
