"""Runs in a Blender with a window: what drawing the panels, and showing an answer of a large farm, take of the main thread.

For `benches/window.py`. The master takes connections and never says a word, so that what is shown stays.
"""

import gc
import json
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import bpy
import pictures
import start

jobs, slaves, frames, draws = map(int, start.arguments())
netrender = start.enable()
settings = bpy.context.scene.network_render
view = bpy.context.window_manager.network_render
silent = socket.create_server(("127.0.0.1", 0))
settings.server_address, settings.server_port = silent.getsockname()
spent: dict[str, list[float]] = defaultdict(list)


def timed(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """The same function, with the processor's time that each call takes of this thread."""

    # Blender hands over as many arguments as it sees that there are.
    def call(first: object = None, second: object = None) -> object:
        given = [one for one in (first, second) if one is not None]
        began = time.thread_time()
        try:
            return function(*given)
        finally:
            spent[name].append(round(1000 * (time.thread_time() - began), 3))

    return call


def job(number: int, turn: int) -> SimpleNamespace:
    """A job as a master tells of it; one in ten goes on."""
    told = {"kind": "render", "state": "queued", "frames": "1-100", "category": "film", "tags": ["gpu"], "requirements": ""}
    counted = {
        "priority": 1,
        "chunks": 0,
        "blacklisted": 0,
        "total": 100,
        "done": (number + turn * (number % 10 == 0)) % 100,
        "failed": number % 3,
    }
    times = {
        "rendering": 3,
        "frame_seconds": 4.0,
        "percent": None,
        "explanation": ["3 slaves render it", "waits for the tag gpu"],
    }
    return SimpleNamespace(id=f"j{number:07}", name=f"shot_{number:04}", **told, **counted, **times)


def slave(number: int, turn: int) -> SimpleNamespace:
    """A slave as a master tells of it; each was seen since, at more work or at less."""
    told = {"address": "10.0.0.1", "jobs": ["j0000001"], "online": True, "set_aside": False, "paused": False, "resting": None}
    machine = {"tags": ["gpu"], "blenders": ["3.4.1"], "memory": 2**35, "cores": 8, "os": "Linux", "gpus": []}
    done = {
        "last_seen": time.time(),
        "load": 1.0 + turn,
        "speed": 1.3,
        "done": 4,
        "failed": number % 3,
        "explanation": ["it renders"],
    }
    return SimpleNamespace(id=f"s{number:07}", name=f"node{number:04}", **told, **machine, **done)


def frame(number: int) -> SimpleNamespace:
    """A frame as a master tells of it."""
    told = {"state": "done", "attempt": 1, "slave": "s0000001", "seconds": 3.0, "bake": None, "percent": None, "failure": None}
    return SimpleNamespace(frame=number, **told)


def seen(turn: int) -> object:
    """A large farm at work."""
    client = netrender.client
    wanted = client.Wanted(frames=True, job="j0000001")
    everything = {"jobs": [job(n, turn) for n in range(jobs)], "slaves": [slave(n, turn) for n in range(slaves)]}
    rule = SimpleNamespace(limit=2, enabled=True)
    rules = SimpleNamespace(share=rule, new_first=rule, starving_first=rule)
    return client.Seen(wanted=wanted, rules=rules, frames=[frame(n) for n in range(frames)], **everything)


def draw() -> None:
    """Draws all editors once."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` lets Blender draw."""
    answers = seen(0), seen(1)
    netrender.refresh.show(answers[0])
    view.active_job_index, view.active_slave_index, view.active_frame_index = 1, 0, 0
    for _ in range(3):
        yield start.redrawn
    for panel in bpy.types.Panel.__subclasses__():
        if panel.__name__ == "RENDER_PT_context":
            # It was hidden with all that is not ours.
            panel.poll = classmethod(lambda _cls, _context: True)
        if panel.__module__.startswith("netrender") or panel.__name__ == "RENDER_PT_context":
            panel.draw = timed(getattr(panel, "bl_label", "") or "Render Engine", panel.draw)
    # Python collects its garbage, that of all add-ons, during whatever happens to allocate next.
    gc.disable()
    for _ in range(draws):
        draw()
    yield start.redrawn
    first = timed("the first answer", netrender.refresh.show)
    show, pump = (
        timed("an answer of a farm at work", netrender.refresh.show),
        timed("a tick of the timer", netrender.session.pump),
    )
    for _ in range(draws):
        netrender.refresh.forget()
        first(answers[0])
        for answer in reversed(answers):
            show(answer)
        pump()
    print("spent", json.dumps(spent), flush=True)


pictures.open_only(netrender)
start.tell(walk())
