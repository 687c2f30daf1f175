"""Runs in a Blender with a window: how long its main thread waits while the add-on works, with and without a master.

The master is one that is told, or `dead`: an address that takes no connection and refuses none. Everything that asks it is
looked at and pressed; a timer that comes as often as Blender lets it notes the longest wait between two of its calls. Beside
that what each call of the add-on's took by itself: the rest is Blender's own, such as its waits for the display.
"""

import contextlib
import json
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import pictures
import start

MODES = ("RENDER_CLIENT", "RENDER_MASTER", "RENDER_SLAVE")
master, folder = start.arguments()
netrender = start.enable()
client, questions, session = netrender.client, netrender.questions, netrender.session
settings = bpy.context.scene.network_render
view = bpy.context.window_manager.network_render
# What fills the queue of connections that nobody takes, so that further ones hear nothing at all.
black_hole: list[socket.socket] = []
# How long anybody was ready to wait for an answer. In milliseconds: the longest call by its name, with what it took of the
# processor; all times away by what goes on.
patience: set[float] = set()
calls: dict[str, tuple[float, float]] = {}
gaps: dict[str, list[float]] = defaultdict(list)
# What goes on, and when the main thread was last seen.
stages = ["begin"]
seen = [0.0]


def beat() -> float:
    """Comes whenever the main thread is free."""
    now = waited_s()
    gaps[stages[-1]].append(1000 * (now - seen[-1]))
    seen[:] = [now]
    return 0.0


def waited_s() -> float:
    """For how long this thread has waited for anything but a processor: a busy machine counts little."""
    worked_ns, queued_ns, _ = map(int, Path("/proc/thread-self/schedstat").read_text().split())
    return time.monotonic() - (worked_ns + queued_ns) / 1e9


def nobody_there() -> tuple[str, int]:
    """An address whose connections neither begin nor fail."""
    black_hole.append(socket.create_server(("127.0.0.1", 0), backlog=0))
    place: tuple[str, int] = black_hole[0].getsockname()
    while len(black_hole) < 20:
        black_hole.append(socket.socket())
        black_hole[-1].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            black_hole[-1].connect(place)
    with socket.socket() as probe:
        probe.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            probe.connect(place)
            raise AssertionError("the queue takes more connections than it was made for")
    return place


def noted(function: Callable[..., object]) -> Callable[..., object]:
    """The same, with the time that was given to the answer."""

    def answer(self: object, timeout: float) -> object:
        patience.add(timeout)
        return function(self, timeout)

    return answer


def timed(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """The same, noting its longest call."""

    # Blender hands over as many arguments as it sees that there are.
    def call(first: object = None, second: object = None) -> object:
        given = [one for one in (first, second) if one is not None]
        began, worked = time.monotonic(), time.thread_time()
        try:
            return function(*given)
        finally:
            took = 1000 * (time.monotonic() - began), 1000 * (time.thread_time() - worked)
            calls[name] = max(calls.get(name, took), took)

    return call


def watch() -> None:
    """Notes every wait and every call of what Blender calls by itself."""
    questions.Question.answer = noted(questions.Question.answer)
    netrender.moving.Submission.job = noted(netrender.moving.Submission.job)
    for panel in (one for one in bpy.types.Panel.__subclasses__() if one.__module__.startswith("netrender")):
        if hasattr(panel, "draw"):
            panel.draw = timed(f"{panel.__name__}.draw", panel.draw)
    ticks = (session.pump, netrender.refresh.tick, netrender.watching._look, netrender.waiting.tick)
    for tick in (*ticks, netrender.thumbnails.tick, netrender.rules.tick, netrender.borrow._look):
        netrender.timers.stop(tick)
        netrender.timers.start(timed(f"{tick.__module__.split('.')[-1]}.{tick.__name__}", tick))
    seen[:] = [waited_s()]
    bpy.app.timers.register(beat, persistent=True)


def press(operator: str) -> set[str]:
    """Presses a button."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        return timed(operator, getattr(bpy.ops.render, operator))("INVOKE_DEFAULT")


def begin(name: str) -> None:
    """What follows is counted by itself."""
    stages.append(name)


def looked_at(name: str) -> Iterator[start.Awaited]:
    """All panels of all modes are drawn again and again, and Refresh is pressed, until there is an answer or none will come."""
    begin(name)
    for mode in MODES:
        settings.mode = mode
        yield from still(5)
    settings.mode = "RENDER_CLIENT"
    assert press("netclientscan") == {"FINISHED"}
    assert press("netclientstatus") == {"FINISHED"}
    yield answered
    yield from still(5)


def answered() -> bool:
    """Whether the question of the button is settled."""
    session.redraw_panels()
    return not any("netclient" in what for what in questions._asked)


def still(steps: int) -> Iterator[start.Awaited]:
    """Is looked at for some steps."""
    for _ in range(steps):
        if not view.jobs:
            # The panels about a job are drawn for one that is selected.
            view.jobs.add().name = "shot"
        view.active_job_index = max(view.active_job_index, 0)
        session.redraw_panels()
        yield start.redrawn


def animation(name: str) -> Iterator[start.Awaited]:
    """Animation on Network, given up by ESC while it asks."""
    begin(name)
    assert press("netclientanim") == {"RUNNING_MODAL"}
    yield lambda: bool(netrender.moving._submissions)
    yield from still(5)
    while netrender.watching.said() is not None:
        # Nobody waits for the program that presses it: that would be a gap of its own.
        subprocess.Popen(["xdotool", "mousemove", "200", "200", "key", "Escape"])
        yield start.redrawn
    yield lambda: not netrender.moving._submissions


def a_slave(name: str) -> Iterator[start.Awaited]:
    """A slave that finds no master is started and stopped."""
    begin(name)
    settings.mode = "RENDER_SLAVE"
    assert press("netclientstart") == {"FINISHED"}
    yield lambda: session.is_running("slave")
    yield from still(10)
    assert press("netclientstop") == {"FINISHED"}
    yield lambda: not session.is_running("slave")
    settings.mode = "RENDER_CLIENT"


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    settings.path = folder
    watch()
    yield from still(10)
    yield from looked_at("quiet")
    # To find out that nobody is there takes time, too.
    begin("begin")
    if master == "dead":
        settings.server_address, settings.server_port = nobody_there()
    else:
        settings.server_address = master
    yield start.redrawn
    yield from looked_at("lists")
    assert bool(view.trouble) == (master == "dead"), view.trouble
    yield from animation("animation")
    yield from a_slave("slave")
    begin("end")
    undrawn = [f"{ours.__name__}.draw" for ours in bpy.types.Panel.__subclasses__() if ours.__module__.startswith("netrender")]
    told = {
        "away": {name: max(times) for name, times in gaps.items() if name not in ("begin", "end")},
        "calls": calls,
        "patience": sorted(patience),
        "undrawn": [name for name in undrawn if name not in calls],
        "trouble": view.trouble,
        "time_out": 1000 * netrender.connection.CONNECT_TIMEOUT_S,
    }
    print("gaps", json.dumps(told), flush=True)


pictures.open_only(netrender)
start.tell(walk())
