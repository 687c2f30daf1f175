"""Keeps what is shown of the farm up to date: asks the master while somebody looks, and fills the view with the answers.

A panel says by `see` what it shows whenever it is drawn; nothing is asked there. A timer asks for what was drawn since it
asked last: what nobody looks at costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import bpy

from . import client, job, native, questions, rows, timers
from .answers import sentence
from .connection import Connection
from .native import Failure
from .view import view_of

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
    selected = view.active_job()
    chosen = selected.job_id if selected is not None else job.settings_in(context).job_id
    rows.jobs.fill(view.jobs, seen.jobs)
    view.active_job_index = rows.index_of(view.jobs, "job_id", chosen)
    if seen.slaves is not None:
        slave = view.active_slave()
        chosen = slave.slave_id if slave is not None else ""
        rows.slaves.fill(view.slaves, seen.slaves, {info.id: info.name for info in seen.jobs})
        view.active_slave_index = rows.index_of(view.slaves, "slave_id", chosen)
    if seen.bans is not None:
        rows.bans.fill(view.bans, seen.bans)
        view.active_ban_index = min(view.active_ban_index, len(view.bans) - 1)
    if seen.wanted.frames:
        frame = view.active_frame() if view.frames_job == seen.wanted.job else None
        number = frame.frame if frame is not None else None
        view.frames_job = seen.wanted.job
        rows.frames.fill(view.frames, seen.frames, {info.id: info.name for info in seen.slaves or ()})
        view.active_frame_index = rows.index_of(view.frames, "frame", number)
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
    view = view_of(bpy.context)
    # Another file brings an empty view.
    is_shown = view.is_known or view.trouble
    if _ticks_left > 0 and _asked == now and is_shown:
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
    for shown in (view.jobs, view.slaves, view.bans, view.frames):
        shown.clear()
    view.active_job_index = view.active_slave_index = view.active_ban_index = view.active_frame_index = -1
    view.is_known, view.trouble, view.frames_job = False, "", ""


def _job(context: bpy.types.Context) -> str:
    selected = view_of(context).active_job()
    return selected.job_id if selected is not None else ""


def register() -> None:
    """Starts the timer; without a window nobody looks."""
    timers.start(tick)


def unregister() -> None:
    """Ends it."""
    timers.stop(tick)
