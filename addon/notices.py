"""Telling the artist what happened while they were busy elsewhere: in the status bar, and on the desktop."""

import shutil
import subprocess
import sys

import bpy
from bpy.props import BoolProperty, StringProperty

from . import preferences
from .answers import Result

TITLE = "Network Render"
# Those that tell on the desktop and have not ended yet; one that hangs must not gather others.
CHILDREN_MAX = 4
TEXT_CHARACTERS_MAX = 500

_children: list[subprocess.Popen[bytes]] = []


class RENDER_OT_netnotice(bpy.types.Operator):
    """Show a sentence in the status bar and in the Info editor"""

    bl_idname = "render.netnotice"
    bl_label = "Notice"
    bl_options = {"INTERNAL"}

    text: StringProperty(name="Text", description="What is shown", maxlen=TEXT_CHARACTERS_MAX, options={"SKIP_SAVE"})
    failed: BoolProperty(name="Failed", description="Whether it is bad news", options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> Result:
        """Shows it. A warning, not an error: whoever called this has not failed."""
        self.report({"WARNING" if self.failed else "INFO"}, self.text)
        return {"FINISHED"}


def tell(text: str, *, failed: bool = False) -> None:
    """Tells it wherever somebody may look; never waits."""
    windows = bpy.context.window_manager.windows
    if windows:
        # From a timer there is no window that a report could be shown in.
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.render.netnotice(text=text[:TEXT_CHARACTERS_MAX], failed=failed)
    else:
        print(f"netrender: {text}", flush=True)
    if windows and preferences.read().use_desktop_notices:
        _tell_desktop(text)


def _tell_desktop(text: str) -> None:
    """By the desktop's own program, if it has one."""
    _children[:] = [child for child in _children if child.poll() is None]
    command = _command(text)
    if command is None or len(_children) >= CHILDREN_MAX:
        return
    nothing = subprocess.DEVNULL
    try:
        _children.append(subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing))
    except OSError as error:
        print(f"netrender: the desktop cannot be told: {error}")


def _command(text: str) -> list[str] | None:
    if sys.platform == "darwin":
        script = f'on run told\ndisplay notification (item 1 of told) with title "{TITLE}"\nend run'
        return ["osascript", "-e", script, text]
    program = shutil.which("notify-send")
    return [program, "--app-name", TITLE, "--icon", "blender", TITLE, text] if program else None


register, unregister = bpy.utils.register_classes_factory((RENDER_OT_netnotice,))
