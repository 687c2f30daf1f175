"""Runs in Blender: the entry of every script, which is named first after `--`, then a .blend to open or nothing."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy


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


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # Blender's own Python looks neither beside the script nor at PYTHONPATH.
    sys.path[:0] = [str(here), str(here.parent.parent)]
    script, blend = sys.argv[sys.argv.index("--") + 1 :][:2]
    if blend:
        bpy.ops.wm.open_mainfile(filepath=blend)
    runpy.run_path(str(here / script), run_name="__main__")
