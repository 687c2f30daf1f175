"""Keeps what is shown of the farm up to date: asks the master while somebody looks, and fills the view with the answers.

A panel says by `see` what it shows whenever it is drawn; nothing is asked there. A timer asks for what was drawn since it
asked last: what nobody looks at costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import bpy

from . import client, job, native, questions
from .answers import sentence
from .connection import Connection
from .lists import ago, duration
from .native import Failure
from .view import NetworkRenderBan, NetworkRenderFrame, NetworkRenderJob, NetworkRenderSlave, view_of

if TYPE_CHECKING:
    import netrender_core as core

Subject = Literal["jobs", "slaves", "bans", "rules", "frames"]

TICK_S = 0.5
# Ticks between two questions; after one that failed, somebody may have to wait for the other side's time-out.
REFRESH_TICKS = 6
RETRY_TICKS = 30
# The name of the question that nobody pressed a button for.
LOOK = "look"

_drawn: set[Subject] = set()
_ticks_left = 0
_asked: tuple[Connection, str] | None = None
_rules: core.Rules | None = None
_answers = 0


def see(subject: Subject) -> None:
    """Says that something of the farm is shown."""
    _drawn.add(subject)


def rules() -> core.Rules | None:
    """The rules of balancing as they were told last."""
    return _rules


def answers() -> int:
    """How many answers were shown: what is made of one need not be made anew at every redraw."""
    return _answers


def everything(context: bpy.types.Context) -> client.Wanted:
    """All that can be shown, for scripts."""
    return client.Wanted(slaves=True, bans=True, rules=True, frames=True, job=_job(context))


def what_is_drawn(context: bpy.types.Context) -> client.Wanted:
    """What somebody looks at."""
    return client.Wanted(
        slaves="slaves" in _drawn,
        bans="bans" in _drawn,
        rules="rules" in _drawn,
        frames="frames" in _drawn,
        job=_job(context),
    )


def soon() -> None:
    """Has the timer ask at its next tick."""
    global _ticks_left
    _ticks_left = 0


def show(seen: client.Seen) -> None:
    """Shows an answer, and keeps what is selected."""
    global _rules, _answers
    _answers += 1
    context = bpy.context
    view = view_of(context)
    names = {info.id: info.name for info in seen.jobs}
    selected = view.active_job()
    chosen = selected.job_id if selected is not None else job.settings_in(context).job_id
    _fill(view.jobs, seen.jobs, _write_job)
    view.active_job_index = _index(view.jobs, "job_id", chosen)
    if seen.slaves is not None:
        slave = view.active_slave()
        chosen = slave.slave_id if slave is not None else ""
        _fill(view.slaves, seen.slaves, lambda row, info: _write_slave(row, info, names))
        view.active_slave_index = _index(view.slaves, "slave_id", chosen)
    if seen.bans is not None:
        _fill(view.bans, seen.bans, _write_ban)
        view.active_ban_index = min(view.active_ban_index, len(view.bans) - 1)
    if seen.wanted.frames:
        slaves = {info.id: info.name for info in seen.slaves or ()}
        frame = view.active_frame() if view.frames_job == seen.wanted.job else None
        number = frame.frame if frame is not None else None
        view.frames_job = seen.wanted.job
        _fill(view.frames, seen.frames, lambda row, info: _write_frame(row, info, slaves))
        view.active_frame_index = _index(view.frames, "frame", number)
    _rules = seen.rules or _rules
    view.is_known, view.trouble = True, ""


def show_trouble(text: str) -> None:
    """Shows why there was no answer; what was shown before stays."""
    global _ticks_left
    _ticks_left = RETRY_TICKS
    view_of(bpy.context).trouble = sentence(text)


def tick() -> float:
    """Asks for what is shown; returns when to be called again. A timer in a window."""
    global _ticks_left, _asked
    _ticks_left -= 1
    if not _drawn or native.obstacle() is not None or questions.is_asking(LOOK):
        return TICK_S
    connection = job.settings_in(bpy.context).connection()
    now = connection, _job(bpy.context)
    if _asked is not None and _asked[0] != connection:
        forget()
    if _ticks_left > 0 and _asked == now:
        return TICK_S
    wanted = what_is_drawn(bpy.context)
    _drawn.clear()
    _ticks_left, _asked = REFRESH_TICKS, now
    try:
        questions.ask(LOOK, client.look(connection, wanted), show, show_trouble)
    except Failure as failure:
        show_trouble(str(failure))
    return TICK_S


def forget() -> None:
    """Empties all lists: they were another master's."""
    global _rules, _answers
    _answers += 1
    _rules = None
    view = view_of(bpy.context)
    for rows in (view.jobs, view.slaves, view.bans, view.frames):
        rows.clear()
    view.active_job_index = view.active_slave_index = view.active_ban_index = view.active_frame_index = -1
    view.is_known, view.trouble, view.frames_job = False, "", ""


def _job(context: bpy.types.Context) -> str:
    selected = view_of(context).active_job()
    return selected.job_id if selected is not None else ""


def _fill(rows: Any, found: Sequence[Any], write: Callable[[Any, Any], None]) -> None:
    while len(rows) > len(found):
        rows.remove(len(rows) - 1)
    while len(rows) < len(found):
        rows.add()
    for row, info in zip(rows, found, strict=True):
        write(row, info)


def _index(rows: Any, name: str, chosen: object) -> int:
    return next((index for index, row in enumerate(rows) if getattr(row, name) == chosen), -1)


def _write_job(row: NetworkRenderJob, info: core.JobInfo) -> None:
    row.name, row.job_id, row.state, row.frames = info.name, info.id, info.state, info.frames
    row.bakes = info.kind == "bake"
    row.category, row.tags, row.requirements = info.category, "; ".join(info.tags), info.requirements
    row.priority, row.chunks, row.blacklisted = info.priority, info.chunks, info.blacklisted
    row.total, row.done, row.failed, row.rendering = info.total, info.done, info.failed, info.rendering
    row.seconds, row.percent = info.frame_seconds or 0.0, info.percent or 0
    row.explanation = "\n".join(info.explanation)
    left = row.seconds_left()
    row.told_done, row.told_left = f"{info.done} / {info.total}", "" if left is None else duration(left)


def _write_slave(row: NetworkRenderSlave, info: core.SlaveInfo, names: dict[str, str]) -> None:
    row.name, row.slave_id, row.address = info.name, info.id, info.address
    row.state = slave_state(info)
    row.job = ", ".join(sorted({names.get(one, one) for one in info.jobs}))
    row.tags, row.blenders = "; ".join(info.tags), ", ".join(info.blenders)
    memory = f"{info.memory / 2**30:.0f} GiB" if info.memory else ""
    row.machine = ", ".join(part for part in (f"{info.cores} cores", memory, info.os, *info.gpus) if part)
    row.seen = ago(max(0.0, time.time() - info.last_seen))
    row.load, row.speed, row.done, row.failed = info.load, info.speed, info.done, info.failed
    row.explanation = "\n".join(info.explanation)
    row.told_doing, row.told_speed = row.job or sentence(row.state), f"{info.speed:.1f} x" if info.done else ""


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


def _write_ban(row: NetworkRenderBan, found: tuple[str, core.Ban]) -> None:
    row.job_id, ban = found
    row.name, row.slave_id, row.cause, row.reason = ban.name, ban.slave, ban.cause, ban.reason
    row.until = "" if ban.until is None else time.strftime("%H:%M", time.localtime(ban.until))


def _write_frame(row: NetworkRenderFrame, info: core.FrameInfo, slaves: dict[str, str]) -> None:
    row.name, row.frame, row.state, row.attempt = info.bake or str(info.frame), info.frame, info.state, info.attempt
    row.slave = slaves.get(info.slave or "", info.slave or "")
    row.seconds, row.percent, row.failure = info.seconds or 0.0, info.percent or 0, info.failure or ""


def register() -> None:
    """Starts the timer; without a window nobody looks."""
    if not bpy.app.background:
        bpy.app.timers.register(tick, persistent=True)


def unregister() -> None:
    """Ends it."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
