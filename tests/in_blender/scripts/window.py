"""Runs in a Blender with a window: shows the Render properties in each mode and takes pictures of them.

Blender redraws between two steps, and draws every panel that is to be seen.
"""

import socket
from collections.abc import Iterator

import bpy
import start

STEP_S = 0.7
(folder,) = start.arguments()
bpy.context.preferences.view.show_splash = False
netrender = start.enable()
scene = bpy.context.scene


def properties_areas() -> list[bpy.types.Area]:
    """The Properties editors of the window."""
    return [area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "PROPERTIES"]


def save() -> None:
    """A job is sent from a saved file: only then are the buttons of a client enabled."""
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot_010.blend")


def enlarge() -> None:
    """Turns the 3D view into a Properties editor: the one that is there is too small for all panels."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            area.ui_type = "PROPERTIES"


def show_render_tab() -> None:
    """Only after a redraw does a new editor know its tabs."""
    for area in properties_areas():
        area.spaces[0].context = "RENDER"


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


def redrawn() -> bool:
    """Nothing but the next tick is waited for."""
    return True


def shown(mode: str, engine: str = "NET_RENDER") -> Iterator[start.Awaited]:
    """Shows one mode."""
    choose(engine, mode)
    yield redrawn
    picture(f"{engine.lower()}_{mode.lower()}")


def asked() -> Iterator[start.Awaited]:
    """Shows a question to a master that never answers, then what became of it."""
    choose("NET_RENDER", "RENDER_CLIENT")
    press("netclientstatus")
    yield redrawn
    assert netrender.questions.is_asking()
    picture("asking")
    yield lambda: bool(bpy.context.window_manager.network_render.trouble)
    yield redrawn
    picture("trouble")


def running(role: str, said: str) -> Iterator[start.Awaited]:
    """Shows a service that runs, once it has said so."""
    choose("NET_RENDER", f"RENDER_{role.upper()}")
    press("netclientstart")
    yield lambda: said in (netrender.session.status(role) or "")
    yield redrawn
    picture(f"{role}_runs")


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    yield from start.in_turn(save, enlarge, show_render_tab)
    for mode in ("RENDER_CLIENT", "RENDER_MASTER", "RENDER_SLAVE"):
        yield from shown(mode)
    yield from shown("RENDER_CLIENT", "CYCLES")
    settings = scene.network_render
    settings.path = folder
    # The system takes the connections; nobody reads what comes in. Its port is the real master's next.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.server_address, settings.server_port = silent.getsockname()
        yield from asked()
    yield from running("master", "0 slaves")
    yield from running("slave", "waiting for work")


# Collapsed panels are not drawn; the first drawing remembers whether they are.
order = [module.__name__ for module in netrender._MODULES]
panels = [panel for panel in bpy.types.Panel.__subclasses__() if panel.__module__ in order]
panels.sort(key=lambda panel: order.index(panel.__module__))
for panel in reversed(panels):
    bpy.utils.unregister_class(panel)
for panel in panels:
    panel.bl_options = set()
    bpy.utils.register_class(panel)
start.tell(walk(), step_s=STEP_S)
