"""Runs in a Blender with a window: F12 shows a frame's tiles as slaves render them, then the whole; ESC gives one up."""

from collections.abc import Iterator
from pathlib import Path

import bpy
import pictures
import start

url, output = start.arguments()
bpy.context.preferences.view.render_display_type = "AREA"
netrender = start.enable()
scene, settings = bpy.context.scene, bpy.context.scene.network_render
engine = netrender.engine
told: list[str] = []
netrender.notices._tell_desktop = told.append
# How many tiles were shown of a frame that was not whole.
shown: list[int] = []
show = engine.NetworkRenderEngine._show_tiles


def show_and_count(self: bpy.types.RenderEngine, gathering: object, frame: int) -> None:
    """As ever."""
    show(self, gathering, frame)
    shown.append(len(engine._render.tiles))


engine.NetworkRenderEngine._show_tiles = show_and_count


def prepare(samples: int) -> None:
    """An odd size, cut into tiles of which none is like another."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = samples, False, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 333, 187, 100
    settings.server_address, settings.tiles = url, "4x3"


def send() -> Iterator[start.Awaited]:
    """Sends the current frame, and has F12 gather it."""
    before = settings.job_id
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.render.netclientsendframe("INVOKE_DEFAULT")
    yield lambda: settings.job_id != before
    scene.render.engine = "NET_RENDER"
    shown.clear()
    start.press("F12")


def is_over() -> bool:
    """Whether no render is on its way."""
    return not bpy.app.is_job_running("RENDER")


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    # Large enough to be looked at.
    pictures.editor().ui_type = "IMAGE_EDITOR"
    yield start.redrawn
    prepare(samples=24)
    yield from send()
    yield lambda: any(0 < count < 12 for count in shown)
    pictures.take(f"{output}/tiles.png", image_editor())
    yield is_over
    # Blender writes as PNG what it shows.
    bpy.data.images["Render Result"].save_render(f"{output}/network.png", scene=scene)
    pictures.take(f"{output}/whole.png", image_editor())
    scene.render.engine = "CYCLES"
    bpy.ops.render.render()
    bpy.data.images["Render Result"].save_render(f"{output}/local.png", scene=scene)

    prepare(samples=4000)
    yield from send()
    yield lambda: any(shown)
    start.press("Escape")
    yield is_over
    pictures.take(f"{output}/given_up.png", image_editor())
    yield lambda: bool(told)
    assert told == ["untitled is finished: 12 of 12 tiles"], told
    assert shown[-1] < 12, "the frame was whole before it was given up"
    assert netrender.engine._render.gathering is None, "nobody gathers any more"
    print("story told", flush=True)


def image_editor() -> bpy.types.Area:
    """Where the render is shown."""
    areas = [area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "IMAGE_EDITOR"]
    return max(areas, key=lambda area: area.width * area.height)


Path(output).mkdir()
start.tell(walk())
