"""The services that this Blender runs for the farm, and the timer that drains what happened.

Nothing here reads the scene, and services go on when another file is opened. No thread is started in Python and none of the
core's threads calls back: `pump` drains what happened, from a timer of Blender's main thread. Whatever goes wrong leaves here
as a `Failure` with one sentence.
"""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import bpy

from . import keys, moving, native, preferences, questions, timers
from .connection import Connection, forget, known_url
from .native import Failure
from .writing import write

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

Role = Literal["master", "slave"]
# In the order in which they end: slaves give back to the master what they have.
ROLES: tuple[Role, ...] = ("slave", "master")

# What a master is told that listens on all interfaces.
EVERYWHERE = "[default]"

# All services together, when Blender ends; the slave leaves the master some of it.
STOP_TIMEOUT_S = 5.0
SLAVE_STOP_TIMEOUT_S = 3.5
PUMP_S = 0.2

_LEVELS = {"error": "ERROR", "warning": "WARNING"}
_LOUDNESS = ("ERROR", "WARNING", "INFO")
# Nobody's address, kept for documents: nothing is ever sent to it.
_ELSEWHERE = ("192.0.2.1", 9)


@dataclass
class _Service:
    """A service, and what was last seen of it: drawing asks the core nothing.

    A question to the core lets other threads run. While a panel is drawn no render may begin in one: see `writing`.
    """

    handle: core.Master | core.Slave
    host: str | None = None
    """What other computers enter as the master's address; None if it is the one that it was told to listen at."""
    url: str | None = None
    key: str | None = None
    text: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)

    def look(self) -> None:
        """Sees what it does now."""
        if isinstance(self.handle, core.Master):
            now = self.handle.status()
            self.url, self.key, self.text = self.handle.url, self.handle.key, now.text
            frames = f"{now.frames_done} of {now.frames} done" if now.frames else "None"
            where = urlsplit(self.url)
            self.facts = [("Address", self.host or where.hostname or ""), ("Port", str(where.port))]
            self.facts += [("SSL", "On")] if where.scheme == "https" else []
            self.facts += [("Slaves", str(now.slaves)), ("Jobs", str(now.jobs)), ("Frames", frames)]
        else:
            mine = self.handle.status()
            doing = mine.text[:1].upper() + mine.text[1:]
            self.text = mine.text
            self.facts = [("Master", mine.master or "Not found yet"), ("Now", doing), ("Frames", f"{mine.done} rendered")]


_services: dict[Role, _Service] = {}
_stopping: set[Role] = set()
_last_words: dict[Role, str] = {}
# What the panels and the status bar were last drawn for.
_shown: list[str | None] = []


def start(role: Role, arguments: dict[str, Any]) -> None:
    """Starts a master or a slave in the background of this Blender; does nothing if it runs already.

    In a window a slave looks at its Blenders while the artist goes on: what is wrong with them ends it, and is its status.
    """
    if is_running(role):
        return
    _last_words.pop(role, None)
    _stopping.discard(role)
    try:
        with native.failures_told():
            if role == "master":
                listens_everywhere = arguments.get("address", EVERYWHERE) == EVERYWHERE
                service = _Service(core.Master.start(**arguments), _own_host() if listens_everywhere else None)
                keys.look()
            else:
                service = _Service(core.Slave.start(**arguments, wait=bpy.app.background))
            _services[role] = service
            service.look()
    except Failure as failure:
        raise Failure(f"the {role} does not start: {failure}") from failure


def _own_host() -> str:
    """The address at which others on the network see this computer; its name where there is no network."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ELSEWHERE)
        return str(probe.getsockname()[0])
    return socket.gethostname()


def stop(role: Role, timeout: float = STOP_TIMEOUT_S) -> None:
    """Ends a service within a bounded time; does nothing if it does not run."""
    service = _services.get(role)
    if service is None:
        return
    try:
        with native.failures_told():
            service.handle.stop(timeout=timeout)
    finally:
        _drain(role)
        _services.pop(role, None)
        _stopping.discard(role)


def stop_soon(role: Role) -> None:
    """Has a service end by itself, and returns at once; `status` tells until it has."""
    service = _services.get(role)
    if service is None:
        return
    _stopping.add(role)
    with native.failures_told(), contextlib.suppress(core.Timeout):
        service.handle.stop(timeout=0.0)


def is_running(role: Role) -> bool:
    """Whether the service runs in this Blender."""
    service = _services.get(role)
    return service is not None and service.handle.running


def is_stopping(role: Role) -> bool:
    """Whether it was told to end, and has not yet."""
    return role in _stopping and is_running(role)


def status(role: Role) -> str | None:
    """What a service does now in one line; if it ended by itself, why."""
    service = _services.get(role)
    if service is None or not service.handle.running:
        return _last_words.get(role)
    return "stopping…" if role in _stopping else service.text


def facts(role: Role) -> list[tuple[str, str]]:
    """What there is to know of a service that runs, with its names."""
    service = _services.get(role)
    return service.facts if service is not None and service.handle.running else []


def own_url() -> str | None:
    """Where the master that runs in this Blender is reached from here."""
    return _services["master"].url if is_running("master") else None


def farm_key() -> str | None:
    """The key of the master that runs here, or of one that has run here."""
    return _services["master"].key if is_running("master") else keys.own()


def monitor_url(connection: Connection) -> str | None:
    """Where the master's monitor is, if that is known without asking the network."""
    return own_url() or known_url(connection)


def pump() -> float:
    """Drains what there is to tell; returns when to call it again. A timer in a window, a loop without one."""
    global _shown
    told = _drain_questions()
    for role in list(_services):
        _drain(role)
        if is_running(role):
            # It may end between the two.
            with contextlib.suppress(Failure), native.failures_told():
                _services[role].look()
        else:
            _services.pop(role, None)
            _stopping.discard(role)
            told = True
    services = [status(role) for role in _services]
    now = services + [text for text, _ in moving.under_way()]
    if told or now != _shown:
        redraw_panels()
        if not moving.under_way():
            _redraw_status_bar()
    _shown = now
    return PUMP_S


def _drain_questions() -> bool:
    """Tells the answers to whoever asked, who may change the scene then."""
    told: list[bool] = []
    if questions.is_asking():
        write(lambda: told.append(questions.drain()))
    return any(told)


def _drain(role: Role) -> None:
    loudness = _LOUDNESS.index(preferences.read().log_level)
    for happening in _services[role].handle.events():
        if _LOUDNESS.index(_LEVELS.get(happening.kind, "INFO")) <= loudness:
            print(f"netrender {role}: {happening.text}", flush=True)
        # That it has stopped is no reason; what went wrong before is one.
        if happening.kind in ("warning", "error") or (happening.kind == "stopped" and role not in _last_words):
            _last_words[role] = happening.text


def redraw_panels() -> None:
    """Has all Properties editors drawn anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PROPERTIES":
                area.tag_redraw()


def _redraw_status_bar() -> None:
    """Blender has no other way than to set its text anew, which must not take the text of an operator that goes on."""
    for window in bpy.context.window_manager.windows:
        if not getattr(window, "modal_operators", ()):
            window.workspace.status_text_set_internal(None)


def register() -> None:
    """Starts the timer; without a window timers never fire, whoever waits there calls `pump` itself."""
    timers.start(pump)


def unregister() -> None:
    """Stops everything that runs; all of it within `STOP_TIMEOUT_S`."""
    timers.stop(pump)
    end = time.monotonic() + STOP_TIMEOUT_S
    questions.stop()
    moving.stop()
    forget()
    for role in ROLES:
        left = max(end - time.monotonic(), 0.0)
        with contextlib.suppress(Failure):
            stop(role, min(left, SLAVE_STOP_TIMEOUT_S) if role == "slave" else left)
