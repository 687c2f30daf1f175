"""Runs in Blender: the entry of every script, which is named first after `--`, then a .blend to open or nothing."""

import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import bpy

STEPS_MAX = 200
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


def tell(story: Iterator[Awaited], *, step_s: float = 0.3) -> None:
    """Goes on with a story once what it waits for has happened; whatever goes wrong ends Blender, and the test reads it.

    Steps run from a timer, one at a time: Blender redraws between them. It survives that another file is opened.
    """
    awaited: list[Awaited] = [lambda: True]
    steps = [0]

    def step() -> float | None:
        steps[0] += 1
        try:
            assert steps[0] < STEPS_MAX, "waited too long"
            if awaited[0]():
                awaited[0] = next(story)
        except StopIteration:
            bpy.ops.wm.quit_blender()
            return None
        except Exception:
            traceback.print_exc()
            bpy.ops.wm.quit_blender()
            return None
        return step_s

    bpy.app.timers.register(step, first_interval=2.0, persistent=True)


def in_turn(*steps: Callable[[], object]) -> Iterator[Awaited]:
    """The story of steps that wait for nothing but the next tick."""
    for step in steps:
        step()
        yield lambda: True


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # Blender's own Python looks neither beside the script nor at PYTHONPATH.
    sys.path[:0] = [str(here), str(here.parent.parent)]
    script, blend = sys.argv[sys.argv.index("--") + 1 :][:2]
    if blend:
        bpy.ops.wm.open_mainfile(filepath=blend)
    runpy.run_path(str(here / script), run_name="__main__")
