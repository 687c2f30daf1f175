"""Changes of a file's data that no operator makes: by timers, when an answer has come or a render is over.

Blender keeps Python from changing data while it draws a panel, and allows again afterwards what was allowed before. A render
that begins in its own thread at just that moment takes "forbidden" for what was before, and leaves that behind for as long as
Blender runs (3.4): timers can neither change a scene nor call an operator any more. Who reads a property may, in any case.
"""

import contextlib
from collections.abc import Callable

import bpy
from bpy.props import BoolProperty

_work: list[Callable[[], object]] = []
_raised: list[Exception] = []


def write(work: Callable[[], object]) -> None:
    """Changes the file's data, whatever a render left behind."""
    if bpy.app.background or not hasattr(bpy.types.WindowManager, "network_render_write"):
        # Without a window renders have no thread of their own.
        work()
        return
    _work.append(work)
    bool(bpy.context.window_manager.network_render_write)
    if _raised:
        raise _raised.pop()


def _write(_manager: bpy.types.WindowManager) -> bool:
    try:
        # Blender itself may read it at any time.
        while _work:
            _work.pop()()
    except Exception as error:
        # Who reads a property is told of nothing.
        _raised.append(error)
    return True


def register() -> None:
    """Adds the property that is read."""
    bpy.types.WindowManager.network_render_write = BoolProperty(get=_write, options={"HIDDEN", "SKIP_SAVE"})


def unregister() -> None:
    """Takes it away."""
    # Where a render has left that behind, Blender refuses even this; it stays, and does nothing.
    with contextlib.suppress(AttributeError):
        del bpy.types.WindowManager.network_render_write
