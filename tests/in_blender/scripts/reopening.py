"""Runs in a Blender with a window: another file is opened while a job is being sent; the network is a list."""

import bpy
import start

(folder,) = start.arguments()
bpy.context.preferences.view.show_splash = False
netrender = start.enable()
told: list[str] = []


class NeverSent:
    """Stands for the network: this job never gets there."""

    def __init__(self, *_arguments: object) -> None:
        told.append("sent")

    def job(self, _timeout: float) -> None:
        """Not yet."""

    def text(self) -> str:
        """What the status bar shows."""
        return "sending"

    def withdraw(self) -> None:
        """Somebody gave it up."""
        told.append("taken back")


netrender.native.obstacle = lambda: None
# Named, so that none is looked for.
bpy.context.scene.network_render.server_address = "127.0.0.1"
netrender.moving.Submission = NeverSent


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


start.tell(start.in_turn(send, reopen, look))
