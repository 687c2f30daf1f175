"""Runs in a Blender with a window: shows the Render properties in each mode and takes pictures of them.

Blender redraws between two steps, and draws every panel that is to be seen.
"""

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


def shown(mode: str, engine: str = "NET_RENDER"):
    """The steps that show one mode."""
    return [lambda: choose(engine, mode), lambda: picture(f"{engine.lower()}_{mode.lower()}")]


STORY = start.in_turn(
    save,
    enlarge,
    show_render_tab,
    *shown("RENDER_CLIENT"),
    *shown("RENDER_MASTER"),
    *shown("RENDER_SLAVE"),
    *shown("RENDER_CLIENT", "CYCLES"),
)

# Collapsed panels are not drawn; the first drawing remembers whether they are.
for panel in bpy.types.Panel.__subclasses__():
    if panel.__module__.startswith("netrender"):
        bpy.utils.unregister_class(panel)
        panel.bl_options = set()
for panel in netrender.panels.CLASSES:
    if issubclass(panel, bpy.types.Panel):
        bpy.utils.register_class(panel)
start.tell(STORY, step_s=STEP_S)
