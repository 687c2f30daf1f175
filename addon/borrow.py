"""Settings that are changed for one render only and put back afterwards, and before any save."""

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import timers
from .writing import write

LOOK_S = 0.5

# What to put back: who has the setting, its name, its own value.
_borrowed: list[tuple[Any, str, Any]] = []
_due = False


def change(owner: Any, name: str, value: Any) -> None:
    """Sets `owner.name` until `put_back`."""
    old = getattr(owner, name)
    if old != value:
        _borrowed.append((owner, name, old))
        setattr(owner, name, value)


def put_back() -> None:
    """Gives every borrowed setting its own value again, the last one first; a second call does nothing."""
    if _borrowed:
        write(_put_back)


def put_back_soon() -> None:
    """The same from a render's own thread: Blender's settings change in its main thread only."""
    global _due
    if bpy.app.background:
        put_back()
    else:
        _due = True


def _put_back() -> None:
    """What Blender lets nobody change just now is changed at the next look."""
    global _due
    refused = []
    while _borrowed:
        owner, name, old = _borrowed.pop()
        try:
            setattr(owner, name, old)
        except ReferenceError:
            # Its scene was deleted meanwhile.
            continue
        except (AttributeError, RuntimeError, TypeError):
            refused.append((owner, name, old))
    _borrowed.extend(reversed(refused))
    _due = bool(refused)


def _look() -> float:
    if _due:
        put_back()
    return LOOK_S


@persistent
def _before_the_file_changes(*_arguments: object) -> None:
    put_back()


def register() -> None:
    """Watches for saves, so that no borrowed value reaches a file, and for other files being opened."""
    bpy.app.handlers.save_pre.append(_before_the_file_changes)
    bpy.app.handlers.load_pre.append(_before_the_file_changes)
    timers.start(_look)


def unregister() -> None:
    """Puts back what is left."""
    timers.stop(_look)
    bpy.app.handlers.load_pre.remove(_before_the_file_changes)
    bpy.app.handlers.save_pre.remove(_before_the_file_changes)
    put_back()
