"""Runs in a Blender with a window: another file is opened while a job is being sent; the network is a list."""

import traceback
from types import SimpleNamespace

import bpy
import start

STEP_S = 0.3
(folder,) = start.arguments()
bpy.context.preferences.view.show_splash = False
session = start.enable().session
told: list[str] = []


def submit(_connection: object, _blend: str, _arguments: object) -> SimpleNamespace:
    """Stands for the network: this job never gets there."""
    told.append("sent")
    return SimpleNamespace(progress=lambda: SimpleNamespace(text="sending", warnings=[]))


session.obstacle = lambda: None
session.submit = submit
session.submitted = lambda _submission, _timeout: None
session.withdraw = lambda _submission: told.append("taken back")


def send() -> None:
    """Sends from a saved file."""
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")
    bpy.context.scene.render.engine = "CYCLES"
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        assert bpy.ops.render.netclientsend("INVOKE_DEFAULT") == {"RUNNING_MODAL"}


def reopen() -> None:
    """Opens a file over it."""
    assert told == ["sent"], told
    bpy.ops.wm.open_mainfile(filepath=f"{folder}/shot.blend")


def look() -> None:
    """Nothing is left of the job."""
    assert told == ["sent", "taken back"], told
    print("taken back", flush=True)


STEPS = [send, reopen, look, bpy.ops.wm.quit_blender]


def step() -> float | None:
    """Takes the next step; whatever goes wrong ends Blender, and the test reads it."""
    try:
        STEPS.pop(0)()
    except Exception:
        traceback.print_exc()
        bpy.ops.wm.quit_blender()
    return STEP_S if STEPS else None


bpy.app.timers.register(step, first_interval=2.0, persistent=True)
