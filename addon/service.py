"""A master or slave run by a render: until ESC in a window; until Ctrl-C or SIGTERM in the background."""

import signal
import time
from collections.abc import Callable
from types import FrameType

import bpy

from . import borrow, job, session
from .native import Failure

SLICE_S = 0.1
# Pixels of a side; Blender refuses to render less than one, and some engines less than a few.
_SIDE_MIN = 4
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Notices the signals that ask a background Blender to end.

    Python's handlers replace Blender's own, with which one Ctrl-C ends `-a` with status 1 and a second one kills, and
    SIGTERM's default, which ends Blender without stopping anything.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, object] = {}

    def watch(self) -> None:
        """Takes the signals over, once; only the main thread may, and without a window a render runs there."""
        if bpy.app.background and not self._before:
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._notice)

    def leave(self) -> None:
        """Gives the signals back. None stands for a handler from outside of Python, which cannot be put back."""
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)  # type: ignore[arg-type]
        self._before.clear()

    def _notice(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def role_of(scene: bpy.types.Scene) -> session.Role | None:
    """The service that a render of this scene is; None for a client, whose render gathers frames."""
    roles: dict[str, session.Role] = {"RENDER_MASTER": "master", "RENDER_SLAVE": "slave"}
    return roles.get(job.settings_of(scene).mode)


def start(scene: bpy.types.Scene, role: session.Role | None = None) -> session.Role:
    """Starts a service with this scene's settings in the background of this Blender; by default that of its mode."""
    settings = job.settings_of(scene)
    role = role or role_of(scene)
    if role is None:
        raise Failure("choose the mode Master or Slave to start a service")
    arguments = settings.master_arguments() if role == "master" else settings.slave_arguments(job.own_blender())
    session.start(role, arguments)
    return role


def start_farm(scene: bpy.types.Scene) -> str:
    """Makes a farm of this Blender alone, a master and its first slave, with this scene's settings; returns its address."""
    settings = job.settings_of(scene)
    wanted = settings.master_arguments()
    try:
        session.start("master", wanted)
    except Failure:
        # Another program may have the port, such as another user's master; who looks for this one finds it on any.
        session.start("master", wanted | {"port": 0})
    session.start("slave", settings.slave_arguments(job.own_blender()))
    return session.own_url() or ""


def run(role: session.Role, interruption: Interruption, say: Callable[[str], None], stopped: Callable[[], bool]) -> None:
    """Keeps a started service going until somebody asks for its end, then stops it; raises if it ended by itself."""
    while not (interruption.asked or stopped()):
        if not session.is_running(role):
            raise Failure(session.status(role) or f"the {role} ended by itself")
        if bpy.app.background:
            session.pump()
        say(session.status(role) or "")
        time.sleep(SLICE_S)
    session.stop(role)


def make_way(scene: bpy.types.Scene) -> None:
    """Changes what would keep a service's render from starting, or make it write files; for this render only."""
    render = scene.render
    borrow.change(render, "use_sequencer", False)
    borrow.change(render, "use_compositing", False)
    borrow.change(render, "use_overwrite", True)
    borrow.change(render, "use_placeholder", False)
    if render.is_movie_format:
        # From 5.0 on the kind of medium decides which formats there are.
        kind = ("media_type", "IMAGE") if hasattr(render.image_settings, "media_type") else ("file_format", "PNG")
        borrow.change(render.image_settings, *kind)
    if bpy.app.background:
        # The frames after the service's end are still stepped through: as small as Blender takes them.
        smallest = min(render.resolution_x, render.resolution_y)
        borrow.change(render, "resolution_percentage", min(100, -(-100 * _SIDE_MIN // smallest)))
        borrow.change(render, "use_border", False)
        if scene.camera is None:
            camera = bpy.data.objects.new("netrender", bpy.data.cameras.new("netrender"))
            scene.collection.objects.link(camera)
            scene.camera = camera
