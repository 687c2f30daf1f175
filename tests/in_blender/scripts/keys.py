"""Runs in a Blender with a window: F12, Ctrl-F12 and ESC, pressed on its keyboard; the network is a folder."""

from pathlib import Path
from types import SimpleNamespace

import bpy
import exr
import start

slave_folder, output = start.arguments()
bpy.context.preferences.view.render_display_type = "AREA"
netrender = start.enable()
scene = bpy.context.scene
scene.render.engine = "NET_RENDER"
scene.render.filepath = f"{output}/frame_"
scene.network_render.job_id = "00000000000000aa"
frames_asked: list[int] = []
told: list[str] = []


def frame_of_folder(frame: int, _timeout: float) -> SimpleNamespace:
    """Frame 1 is there; frame 2 never comes."""
    frames_asked.append(frame)
    if frame > 1:
        return SimpleNamespace(state="rendering", path=None, text=f"frame {frame} is being rendered")
    path = Path(output) / "gathered.exr"
    path.write_bytes((Path(slave_folder) / f"{frame:04}.exr").read_bytes())
    return SimpleNamespace(state="here", path=str(path), text="")


def gather(_connection: object, _job: str, frames: str, _folder: object) -> SimpleNamespace:
    """Stands for the network."""
    told.append(f"gathers {frames}")
    gathering = SimpleNamespace(frame=frame_of_folder, tiles=lambda *_: [], stop=lambda: told.append("stopped"))
    return start.answered(gathering, looks=3)


netrender.moving.gather_frames = gather
netrender.moving.exr_info = lambda path: exr.read(Path(path))


def walk():
    """The story; each `yield` says what to wait for."""
    start.press("F12")
    yield lambda: told == ["gathers 1", "stopped"]
    yield lambda: not bpy.app.is_job_running("RENDER")
    start.press("ctrl+F12")
    yield lambda: 2 in frames_asked
    assert Path(output, "frame_0001.png").is_file(), "a frame that is here is written while the next one is awaited"
    start.press("Escape")
    yield lambda: not bpy.app.is_job_running("RENDER")
    assert told == ["gathers 1", "stopped", "gathers 1-2", "stopped"], told
    assert not Path(output, "frame_0002.png").exists()
    assert scene.render.engine == "NET_RENDER"
    print("story told", flush=True)


start.tell(walk())
