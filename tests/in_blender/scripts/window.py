"""Runs in a Blender with a window: shows the Render properties in each mode and takes pictures of them.

Blender redraws between two steps, and draws every panel that is to be seen.
"""

import socket
from collections.abc import Iterator

import bpy
import pictures
import start

(folder,) = start.arguments()
netrender = start.enable()
scene = bpy.context.scene


def choose(engine: str, mode: str) -> None:
    """Shows a mode under an engine, with rows in the list of jobs."""
    scene.render.engine = engine
    scene.network_render.mode = mode
    view = bpy.context.window_manager.network_render
    view.jobs.clear()
    for name, state, done, failed in (
        ("shot_010", "queued", 12, 0),
        ("shot_020", "finished", 48, 0),
        ("shot_030 retake", "failed", 46, 2),
    ):
        row = view.jobs.add()
        row.name, row.job_id, row.state, row.total, row.done, row.failed = name, name, state, 48, done, failed
    view.jobs[0].explanation = "2 slaves render it; 3 others have no Blender 3.4"
    view.active_job_index = 0


def picture(name: str) -> None:
    """Takes a picture of the whole window."""
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
        bpy.ops.screen.screenshot(filepath=f"{folder}/{name}.png")
    print("picture", name, flush=True)


def press(operator: str) -> None:
    """Presses a button."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        getattr(bpy.ops.render, operator)("INVOKE_DEFAULT")


def shown(mode: str, engine: str = "NET_RENDER") -> Iterator[start.Awaited]:
    """Shows one mode."""
    choose(engine, mode)
    yield start.redrawn
    picture(f"{engine.lower()}_{mode.lower()}")


def running(role: str, said: str) -> Iterator[start.Awaited]:
    """Shows a service that runs, once it has said so."""
    choose("NET_RENDER", f"RENDER_{role.upper()}")
    press("netclientstart")
    yield lambda: said in (netrender.session.status(role) or "")
    yield start.redrawn
    picture(f"{role}_runs")


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    # Its buttons are enabled for a saved file.
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot_010.blend")
    for mode in ("RENDER_CLIENT", "RENDER_MASTER", "RENDER_SLAVE"):
        yield from shown(mode)
    yield from shown("RENDER_CLIENT", "CYCLES")
    settings = scene.network_render
    settings.path = folder
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings.server_address, settings.server_port = free.getsockname()
    yield from running("master", "0 slaves")
    yield from running("slave", "waiting for work")


pictures.open_only(netrender)
start.tell(walk())
