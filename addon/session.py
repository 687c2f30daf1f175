"""The services that this Blender runs for the farm, and the timer that drains what happened.

Nothing here reads the scene. No thread is started in Python and none of the core's threads calls back: `pump` drains
what happened, from a timer of Blender's main thread. Whatever goes wrong leaves here as a `Failure` with one sentence.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

import bpy

from . import moving, native, questions
from .connection import Connection, forget, known_url
from .native import Failure

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

Role = Literal["master", "slave"]

STOP_TIMEOUT_S = 5.0
PUMP_S = 0.2

_services: dict[Role, core.Master | core.Slave] = {}
_last_words: dict[Role, str] = {}


def start(role: Role, arguments: dict[str, Any]) -> None:
    """Starts a master or a slave in the background of this Blender; does nothing if it runs already."""
    if is_running(role):
        return
    _last_words.pop(role, None)
    try:
        with native.failures_told():
            _services[role] = core.Master.start(**arguments) if role == "master" else core.Slave.start(**arguments)
    except Failure as failure:
        raise Failure(f"the {role} does not start: {failure}") from failure


def stop(role: Role) -> None:
    """Ends a service within `STOP_TIMEOUT_S`; does nothing if it does not run."""
    service = _services.get(role)
    if service is None:
        return
    try:
        with native.failures_told():
            service.stop(timeout=STOP_TIMEOUT_S)
    finally:
        _drain(role)
        _services.pop(role, None)


def is_running(role: Role) -> bool:
    """Whether the service runs in this Blender."""
    service = _services.get(role)
    return service is not None and service.running


def status(role: Role) -> str | None:
    """What a service does now in one line; if it ended by itself, why."""
    service = _services.get(role)
    if service is not None and service.running:
        return service.status().text
    return _last_words.get(role)


def _master() -> core.Master | None:
    """The master that runs here."""
    master = _services.get("master")
    return master if master is not None and isinstance(master, core.Master) and master.running else None


def farm_key() -> str | None:
    """The key of the master that runs here."""
    master = _master()
    return master.key if master is not None else None


def monitor_url(connection: Connection) -> str | None:
    """Where the master's monitor is, if that is known without asking the network."""
    master = _master()
    return master.url if master is not None else known_url(connection)


def pump() -> float:
    """Drains what there is to tell; returns when to call it again. A timer in a window, a loop without one."""
    asking = questions.is_asking()
    told = questions.drain()
    for role in list(_services):
        _drain(role)
        if not is_running(role):
            _services.pop(role, None)
            told = True
    if told or asking or _services:
        _redraw_properties()
    return PUMP_S


def _drain(role: Role) -> None:
    for happening in _services[role].events():
        print(f"netrender {role}: {happening.text}", flush=True)
        if happening.kind in ("warning", "error", "stopped"):
            _last_words[role] = happening.text


def _redraw_properties() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PROPERTIES":
                area.tag_redraw()


def register() -> None:
    """Starts the timer; without a window timers never fire, whoever waits there calls `pump` itself."""
    if not bpy.app.background:
        bpy.app.timers.register(pump, persistent=True)


def unregister() -> None:
    """Stops everything that runs; each part within its own bound."""
    if bpy.app.timers.is_registered(pump):
        bpy.app.timers.unregister(pump)
    questions.stop()
    moving.stop()
    forget()
    for role in ("slave", "master"):
        with contextlib.suppress(Failure):
            stop(role)
