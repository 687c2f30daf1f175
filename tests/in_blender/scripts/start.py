"""Runs in Blender: the entry of every script, which is named first after `--`, then a .blend to open or nothing."""

import itertools
import runpy
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import bpy

STEP_S = 0.2
# Long before the test gives up: what was waited for is then told.
STEPS_MAX = 900
# What a story waits for.
Awaited = Callable[[], bool]


def arguments() -> list[str]:
    """What the test handed over to the script."""
    return sys.argv[sys.argv.index("--") + 3 :]


def enable():
    """The enabled add-on's module."""
    # Not to be found before bpy has been imported.
    import addon_utils

    module = addon_utils.enable("netrender", default_set=True, persistent=True)
    assert module is not None, "the add-on cannot be enabled"
    return module


def answered(value: object, *, looks: int = 0) -> SimpleNamespace:
    """A question to the master whose answer is there after some looks."""
    left = [looks]

    def answer(_timeout: float) -> object:
        left[0] -= 1
        return value if left[0] < 0 else None

    return SimpleNamespace(answer=answer, stop=lambda: None)


def tell(story: Iterator[Awaited]) -> None:
    """Goes on with a story once what it waits for has happened; whatever goes wrong ends Blender, and the test reads it.

    Steps run from a timer, one at a time: Blender redraws between them. It survives that another file is opened.
    """
    story = itertools.chain(_show_properties(), story)
    awaited: list[Awaited] = [redrawn]
    # A render may leave timers without the right to do anything.
    write = sys.modules["netrender"].writing.write
    steps = [0]

    def step() -> float | None:
        steps[0] += 1
        try:
            assert steps[0] < STEPS_MAX, "waited too long"
            if awaited[0]():
                write(lambda: awaited.append(next(story)))
                del awaited[0]
        except StopIteration:
            write(bpy.ops.wm.quit_blender)
            return None
        except Exception:
            traceback.print_exc()
            write(bpy.ops.wm.quit_blender)
            return None
        return STEP_S

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(step, first_interval=STEP_S, persistent=True)


def redrawn() -> bool:
    """Nothing but the next tick is waited for: Blender draws before it."""
    return True


def _show_properties() -> Iterator[Awaited]:
    """The Render properties in place of the 3D view, which takes a second for each redraw where no graphics card is."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            area.ui_type = "PROPERTIES"
    # Only after a redraw does a new editor know its tabs.
    yield redrawn
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "PROPERTIES":
            area.spaces[0].context = "RENDER"
    yield redrawn


def press(*keys: str) -> None:
    """Presses keys with the pointer over the window's largest editor."""
    subprocess.run(["xdotool", "mousemove", "200", "200", "key", *keys], check=True)


def in_turn(*steps: Callable[[], object]) -> Iterator[Awaited]:
    """The story of steps that wait for nothing but the next tick."""
    for step in steps:
        step()
        yield redrawn


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # Blender's own Python looks neither beside the script nor at PYTHONPATH.
    sys.path[:0] = [str(here), str(here.parent.parent)]
    script, blend = sys.argv[sys.argv.index("--") + 1 :][:2]
    if blend:
        bpy.ops.wm.open_mainfile(filepath=blend)
    runpy.run_path(str(here / script), run_name="__main__")
