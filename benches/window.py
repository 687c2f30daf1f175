"""What the add-on takes of the main thread of a Blender with a window: to draw each panel, and to show what a large farm answers.

Run by `make bench`. Prints milliseconds of the processor's time, so that a busy machine counts little; for comparison those
of Blender's own row *Render Engine*. All panels are open, in a wide editor and in one as narrow as Blender has it at first.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from blender_child import with_addon

# All panels at once.
SIZE = (1000, 3000)
JOBS, SLAVES, FRAMES = 1000, 1000, 500
BUDGET_MS = 1.0


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", default=shutil.which("blender"))
    parser.add_argument("--draws", type=int, default=40)
    options = parser.parse_args()
    display = shutil.which("xvfb-run")
    if options.blender is None or display is None:
        sys.exit("window: needs Blender and xvfb-run on the PATH")
    print(f"window: {JOBS} jobs, {SLAVES} slaves, {FRAMES} frames; milliseconds of the main thread, a panel may take {BUDGET_MS}")
    with tempfile.TemporaryDirectory() as name:
        blender = with_addon(options.blender, Path(name))
        command = blender.window_command(display, "drawing.py", JOBS, SLAVES, FRAMES, options.draws, size=SIZE)
        told = blender.finish(command)
    report(json.loads(next(line for line in told.splitlines() if line.startswith("spent ")).removeprefix("spent ")))


def report(spent: dict[str, list[float]]) -> None:
    """Prints a table, the slowest first."""
    for name, times in sorted(spent.items(), key=lambda item: -statistics.median(item[1])):
        print(f"  {name:<24} median {statistics.median(times):6.2f}  longest {max(times):6.2f}  ({len(times)} times)")


if __name__ == "__main__":
    main()
