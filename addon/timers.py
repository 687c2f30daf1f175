"""Work that is done again and again in the main thread of a Blender with a window, also after another file was opened."""

from collections.abc import Callable

import bpy


def start(tick: Callable[[], float], after_s: float = 0.0) -> None:
    """Calls `tick`, first after some seconds, then as long after as it tells. Without a window timers never fire."""
    if not bpy.app.background:
        bpy.app.timers.register(tick, first_interval=after_s, persistent=True)


def stop(tick: Callable[[], float]) -> None:
    """Calls it no more; does nothing if it is not called."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
