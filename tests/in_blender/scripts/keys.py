"""Runs in a Blender with a window: F12, Ctrl-F12 and ESC, pressed on its keyboard; the frames lie in a folder."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import bpy
import exr
import pictures
import start

slave_folder, output = start.arguments()
bpy.context.preferences.view.render_display_type = "AREA"
netrender = start.enable()
scene = bpy.context.scene
scene.render.engine = "NET_RENDER"
scene.render.filepath = f"{output}/frame_"
scene.network_render.job_id = "00000000000000aa"
# What should never be waited for as long as that.
WAIT_S = 20.0
frames_asked: list[int] = []
asked = threading.Event()
told: list[str] = []


def frame_of_folder(frame: int, _timeout: float) -> SimpleNamespace:
    """Frame 1 is there; frame 2 never comes."""
    frames_asked.append(frame)
    if frame > 1:
        return SimpleNamespace(state="rendering", path=None, text=f"frame {frame} is being rendered")
    path = Path(output) / "gathered.exr"
    path.write_bytes((Path(slave_folder) / f"{frame:04}.exr").read_bytes())
    return SimpleNamespace(state="here", path=str(path), text="")


def gather(_connection: object, _job: str, frames: str, _folder: object, _blender: object) -> SimpleNamespace:
    """Stands for the network."""
    asked.set()
    told.append(f"gathers {frames}")
    gathering = SimpleNamespace(frame=frame_of_folder, tiles=lambda *_: [], stop=lambda: told.append("stopped"))
    return start.answered(gathering, looks=3)


netrender.moving.gather_frames = gather
netrender.moving.exr_info = lambda path: exr.read(Path(path))


def frames() -> Iterator[start.Awaited]:
    """Rendered are those of the job; what is not there is waited for until ESC."""
    start.press("F12")
    yield lambda: told == ["gathers 1", "stopped"]
    yield rendered
    start.press("ctrl+F12")
    yield lambda: 2 in frames_asked
    assert Path(output, "frame_0001.png").is_file(), "a frame that is here is written while the next one is awaited"
    start.press("Escape")
    yield rendered
    assert told == ["gathers 1", "stopped", "gathers 1-2", "stopped"], told
    assert not Path(output, "frame_0002.png").exists()
    assert scene.render.engine == "NET_RENDER"


def a_service() -> Iterator[start.Awaited]:
    """The old way: a master runs in the render window until ESC."""
    settings = scene.network_render
    settings.mode, settings.path, settings.use_master_broadcast = "RENDER_MASTER", f"{output}/master", False
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings.server_address, settings.server_port = free.getsockname()
    before = sorted(Path(output).glob("*.png"))
    start.press("ctrl+F12")
    yield lambda: netrender.session.is_running("master")
    while bpy.app.is_job_running("RENDER"):
        start.press("Escape")
        yield start.redrawn
    yield lambda: not netrender.session.is_running("master")
    assert sorted(Path(output).glob("*.png")) == before, "a service writes no pictures"
    settings.mode = "RENDER_CLIENT"


def a_panel_is_drawn_while_a_render_begins() -> Iterator[start.Awaited]:
    """Blender then keeps timers from changing the scene (3.4); the engine that was borrowed is put back all the same."""
    scene.render.engine = "CYCLES"
    scene.frame_set(1)
    drawing = threading.Event()
    asked.clear()

    def wait_for_a_panel(*_arguments: object) -> None:
        drawing.wait(WAIT_S)

    def draw(_panel: bpy.types.Panel, _context: bpy.types.Context) -> None:
        if bpy.app.is_job_running("RENDER"):
            drawing.set()
            asked.wait(WAIT_S)

    bpy.app.handlers.render_init.append(wait_for_a_panel)
    bpy.types.RENDER_PT_network.append(draw)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.render.netclientgather("INVOKE_DEFAULT", animation=False)
    while not asked.is_set():
        netrender.session.redraw_panels()
        yield start.redrawn
    yield rendered
    yield lambda: scene.render.engine == "CYCLES"


def rendered() -> bool:
    """Whether no render goes on."""
    return not bpy.app.is_job_running("RENDER")


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    yield from frames()
    yield from a_service()
    yield from a_panel_is_drawn_while_a_render_begins()
    print("story told", flush=True)


pictures.open_only(netrender)
start.tell(walk())
