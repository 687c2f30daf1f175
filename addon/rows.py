"""Rows of the lists, written from what the master has told.

To write a property of Blender takes about a microsecond of the window's thread, and a large farm has thousands of them:
what is as it was is left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import client
from .answers import sentence
from .lists import duration

if TYPE_CHECKING:
    import netrender_core as core

T = TypeVar("T")
Values = dict[str, Any]
# Names of slaves or jobs, by their ids.
Names = dict[str, str]


class Rows(Generic[T]):
    """The rows of one list, and what they were written from."""

    def __init__(self, values: Callable[[T, Names], Values]) -> None:
        self._values = values
        self._infos: list[T] = []
        self._names: Names = {}
        self._written: list[Values] = []

    def fill(self, rows: Any, infos: Sequence[T], names: Names | None = None) -> None:
        """Has a row for each of these; writes only what is not as it was."""
        names = names or {}
        if len(rows) != len(self._written):
            # Another file was opened, or a script has changed them.
            self.forget()
        while len(rows) > len(infos):
            rows.remove(len(rows) - 1)
        while len(rows) < len(infos):
            rows.add()
        before = self._infos if names == self._names else []
        written = []
        for index, info in enumerate(infos):
            old = self._written[index] if index < len(self._written) else {}
            if index >= len(before) or info != before[index]:
                written.append(_write(rows[index], self._values(info, names), old))
            else:
                written.append(old)
        self._infos, self._names, self._written = list(infos), names, written

    def forget(self) -> None:
        """Has all of them written at the next answer."""
        self._infos, self._written = [], []


def _write(row: Any, values: Values, old: Values) -> Values:
    for name, value in values.items():
        if name not in old or old[name] != value:
            setattr(row, name, value)
    return values


def index_of(rows: Any, name: str, chosen: object) -> int:
    """The row in which this property is so; -1 if there is none."""
    return next((index for index, row in enumerate(rows) if getattr(row, name) == chosen), -1)


def _job(info: core.JobInfo, _names: Names) -> Values:
    left = client.left_s(info)
    return {
        "name": info.name,
        "job_id": info.id,
        "piece": info.piece,
        "state": info.state,
        "frames": info.frames,
        "category": info.category,
        "tags": "; ".join(info.tags),
        "requirements": info.requirements,
        "priority": info.priority,
        "chunks": info.chunks,
        "blacklisted": info.blacklisted,
        "frame_total": info.frame_total,
        "total": info.total,
        "done": info.done,
        "failed": info.failed,
        "rendering": info.rendering,
        "seconds": info.frame_seconds or 0.0,
        "percent": info.percent or 0,
        "explanation": "\n".join(info.explanation),
        "told_done": f"{info.done} / {info.total}",
        "told_left": "" if left is None else duration(left),
    }


def _slave(info: core.SlaveInfo, jobs: Names) -> Values:
    job = ", ".join(sorted({jobs.get(one, one) for one in info.jobs}))
    state = slave_state(info)
    memory = f"{info.memory / 2**30:.0f} GiB" if info.memory else ""
    return {
        "name": info.name,
        "slave_id": info.id,
        "address": info.address,
        "state": state,
        "job": job,
        "tags": "; ".join(info.tags),
        "blenders": ", ".join(info.blenders),
        "machine": ", ".join(part for part in (f"{info.cores} cores", memory, info.os, *info.gpus) if part),
        "last_seen": str(info.last_seen),
        "load": info.load,
        "speed": info.speed,
        "done": info.done,
        "failed": info.failed,
        "explanation": "\n".join(info.explanation),
        "told_doing": job or sentence(state),
        "told_speed": f"{info.speed:.1f} x" if info.done else "",
    }


def slave_state(info: core.SlaveInfo) -> str:
    """What a slave does, in one word."""
    if not info.online:
        return "away"
    if info.set_aside:
        return "blacklisted"
    # It may render still: then its row tells the job.
    if info.paused:
        return "paused"
    if info.jobs:
        return "rendering"
    return "resting" if info.resting else "idle"


def _ban(found: tuple[str, core.Ban], _names: Names) -> Values:
    job, ban = found
    until = "" if ban.until is None else time.strftime("%H:%M", time.localtime(ban.until))
    return {"job_id": job, "name": ban.name, "slave_id": ban.slave, "cause": ban.cause, "reason": ban.reason, "until": until}


def _frame(info: core.FrameInfo, slaves: Names) -> Values:
    slave = info.slave or ""
    return {
        "name": info.bake or str(info.frame),
        "frame": info.frame,
        "state": info.state,
        "attempt": info.attempt,
        "slave": slaves.get(slave, slave),
        "seconds": info.seconds or 0.0,
        "percent": info.percent or 0,
        "failure": info.failure or "",
    }


jobs: Rows[core.JobInfo] = Rows(_job)
slaves: Rows[core.SlaveInfo] = Rows(_slave)
bans: Rows[tuple[str, core.Ban]] = Rows(_ban)
frames: Rows[core.FrameInfo] = Rows(_frame)
