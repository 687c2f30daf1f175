"""The only door to the native core: what this Blender runs for the farm, and what it last heard.

Nothing here reads the scene. No thread is started in Python and none of the core's threads calls back: `pump` drains
what happened, from a timer of Blender's main thread. Calls that reach the network say so; no panel, poll or update
callback makes them. Whatever goes wrong leaves here as a `Failure` with one sentence.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import shutil
import socket
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import bpy

if TYPE_CHECKING:
    import netrender_core as core

_BUNDLED = f"{__package__}.netrender_core"
_core_error: str | None = None
if not TYPE_CHECKING:
    # The copy inside the add-on goes first: it is of the add-on's own version.
    _name = _BUNDLED if importlib.util.find_spec(_BUNDLED) else "netrender_core"
    try:
        core = importlib.import_module(_name)
    except ImportError as error:
        core = None
        _core_error = f"the add-on's native part does not load here: {error}"
        if error.name == _name:
            _core_error = "the add-on's native part is missing: install the add-on from its zip"

Role = Literal["master", "slave"]

# The core may take each of them twice: to look around, then for the answer.
CONNECT_TIMEOUT_S = 5.0
WINDOW_CONNECT_TIMEOUT_S = 1.0
LISTEN_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 5.0
PUMP_BUSY_S = 0.25
PUMP_IDLE_S = 1.0
FRAMES_PER_PAGE = 1000


class Failure(Exception):
    """What went wrong, as one sentence for people."""


@dataclass(frozen=True)
class Connection:
    """How a master is reached."""

    address: str
    """A URL, `host:port`, or "auto" to find it by its broadcast."""
    key_file: str | None = None


_services: dict[Role, core.Master | core.Slave] = {}
_last_words: dict[Role, str] = {}
_client: tuple[Connection, core.Client] | None = None
_submissions: list[core.Submission] = []
_gatherings: list[Gathering] = []


def obstacle() -> str | None:
    """Why nothing can be run in this Blender, in one sentence."""
    return _core_error


# Services ------------------------------------------------------------------------------------------------------------


def start(role: Role, arguments: dict[str, Any]) -> None:
    """Starts a master or a slave in the background of this Blender; does nothing if it runs already."""
    if is_running(role):
        return
    _last_words.pop(role, None)
    try:
        with _failures_told():
            _services[role] = core.Master.start(**arguments) if role == "master" else core.Slave.start(**arguments)
    except Failure as failure:
        raise Failure(f"the {role} does not start: {failure}") from failure


def stop(role: Role) -> None:
    """Ends a service within `STOP_TIMEOUT_S`; does nothing if it does not run."""
    service = _services.get(role)
    if service is None:
        return
    try:
        with _failures_told():
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


def farm_key() -> str | None:
    """The key of the master that runs here."""
    master = _services.get("master")
    return master.key if master is not None and master.running and isinstance(master, core.Master) else None


def pump() -> float:
    """Drains what the services have to tell; returns when to call it again. A timer in a window, a loop without one."""
    for role in list(_services):
        _drain(role)
        if not is_running(role):
            _services.pop(role, None)
    if not _services:
        return PUMP_IDLE_S
    _redraw_properties()
    return PUMP_BUSY_S


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


# The client ----------------------------------------------------------------------------------------------------------


def monitor_url(connection: Connection) -> str | None:
    """Where the master's monitor is, if that is known without asking the network."""
    master = _services.get("master")
    if master is not None and master.running and isinstance(master, core.Master):
        return master.url
    if _client is not None and _client[0] == connection:
        return _client[1].url
    if connection.address == "auto":
        return None
    return connection.address if "://" in connection.address else f"http://{connection.address}/"


def submit(connection: Connection, blend: str, arguments: dict[str, Any]) -> core.Submission:
    """Starts to send a job. Reaches the network to connect."""
    with _failures_told():
        submission = _connected(connection).submit(blend, **arguments)
    _submissions.append(submission)
    return submission


def submitted(submission: core.Submission, timeout: float) -> str | None:
    """The job's id once it is sent, None if that takes longer than `timeout`."""
    try:
        with _failures_told():
            job = submission.wait(timeout)
    except Failure:
        _submissions.remove(submission)
        raise
    if job is not None:
        _submissions.remove(submission)
    return job


def withdraw(submission: core.Submission) -> None:
    """Stops a submission and takes its job back."""
    with contextlib.suppress(ValueError):
        _submissions.remove(submission)
    with _failures_told():
        submission.cancel()


def jobs(connection: Connection) -> list[core.JobInfo]:
    """The farm's jobs. Reaches the network."""
    with _failures_told():
        return _connected(connection).jobs()


def done_frames(connection: Connection, job: str) -> list[int]:
    """The frames of a job whose results can be had. Reaches the network."""
    found: list[int] = []
    offset = 0
    with _failures_told():
        client = _connected(connection)
        while page := client.frames(job, offset=offset, limit=FRAMES_PER_PAGE):
            found += [frame.frame for frame in page if frame.state == "done"]
            offset += len(page)
    return found


def cancel(connection: Connection, job: str) -> None:
    """Ends a job; its finished frames stay. Reaches the network."""
    with _failures_told():
        _connected(connection).cancel(job)


def remove(connection: Connection, job: str) -> None:
    """Deletes a job with its results from the farm. Reaches the network."""
    with _failures_told():
        _connected(connection).remove(job)


def exr_info(path: str) -> core.ExrInfo:
    """What is in a multilayer EXR."""
    with _failures_told():
        return core.exr_info(path)


class Gathering:
    """Frames of one job on their way to this machine, several at a time."""

    def __init__(self, connection: Connection, job: str, frames: str | None, folder: str, *, keep: bool) -> None:
        self._folder = folder
        self._keep = keep
        with _failures_told():
            self._gather = _connected(connection).gather(job, folder, frames=frames)
        _gatherings.append(self)

    def frame(self, frame: int, timeout: float) -> core.GatheredFrame:
        """The frame's state, after waiting for its file for up to `timeout`."""
        with _failures_told():
            return self._gather.frame(frame, timeout)

    def done(self) -> int:
        """How many frames are here."""
        return self._gather.done()

    def stop(self) -> None:
        """Ends it, and removes its folder unless the frames are to be kept."""
        if self in _gatherings:
            _gatherings.remove(self)
            self._gather.stop()
            if not self._keep:
                shutil.rmtree(self._folder, ignore_errors=True)


def gather_frames(connection: Connection, job: str, frames: str, parent: str | None) -> Gathering:
    """Frames for a render, in a temporary folder below `parent` that goes with the gathering. Reaches the network."""
    with _failures_told():
        folder = tempfile.mkdtemp(prefix="netrender_client_", dir=parent)
    try:
        return Gathering(connection, job, frames, folder, keep=False)
    except Failure:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def gather_results(connection: Connection, job: str, frames: str, folder: str) -> Gathering:
    """Frames to be kept in a folder of the artist's. Reaches the network."""
    return Gathering(connection, job, frames, folder, keep=True)


def _connected(connection: Connection) -> core.Client:
    """The client for this connection, kept from call to call."""
    global _client
    if _client is not None and _client[0] == connection:
        _check_listening(_client[1].url)
        return _client[1]
    # A window stands still meanwhile; without one, a busy master is worth waiting for.
    timeout = CONNECT_TIMEOUT_S if bpy.app.background else WINDOW_CONNECT_TIMEOUT_S
    client = core.Client.connect(master=connection.address, key_file=connection.key_file, timeout=timeout)
    _client = (connection, client)
    return client


def _check_listening(url: str) -> None:
    """Asks for a mere connection: a computer that is switched off would keep a question waiting ten times as long."""
    parts = urllib.parse.urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), LISTEN_TIMEOUT_S).close()
    except OSError as error:
        _forget_client()
        raise Failure(f"cannot reach the master at {url}: {_os_sentence(error)}") from error


def _forget_client() -> None:
    """The next call looks for the master anew: it may have moved. What is under way keeps its own connection."""
    global _client
    _client = None


# Failures ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _failures_told() -> Iterator[None]:
    """Turns whatever the core raises into a `Failure`."""
    if core is None:
        raise Failure(_core_error)
    try:
        yield
    except core.NetrenderError as error:
        if isinstance(error, (core.Unreachable, core.Stopped)):
            _forget_client()
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(_os_sentence(error)) from error
    except BaseException as error:
        # A panic of the core is no Exception, so that only those who look for it catch it.
        if type(error).__name__ == "PanicException":
            raise Failure(f"netrender met a fault of its own: {error}") from error
        raise


def _os_sentence(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror}{where}"


def register() -> None:
    """Starts the timer; without a window timers never fire, whoever waits there calls `pump` itself."""
    if not bpy.app.background:
        bpy.app.timers.register(pump, persistent=True)


def unregister() -> None:
    """Stops everything that runs; each part within its own bound."""
    if bpy.app.timers.is_registered(pump):
        bpy.app.timers.unregister(pump)
    for submission in list(_submissions):
        with contextlib.suppress(Failure):
            withdraw(submission)
    for gathering in list(_gatherings):
        gathering.stop()
    for role in ("slave", "master"):
        with contextlib.suppress(Failure):
            stop(role)
    _forget_client()
