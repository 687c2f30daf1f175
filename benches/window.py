"""What the add-on takes of the main thread of a Blender with a window: to draw each panel, and to show what a large farm answers.

Run by `make bench`. Prints milliseconds of the processor's time, so that a busy machine counts little; for comparison those
of Blender's own row *Render Engine*. All panels are open. Then the longest time for which the main thread waited (for anything
but a processor, where the system tells that) while no master was configured, one that never answers, and one far away; and the
longest of the add-on's calls, of which each may take so much.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from blender_child import Blender, with_addon
from cutting_proxy import CuttingProxy

# All panels at once.
SIZE = (1000, 3000)
JOBS, SLAVES, FRAMES = 1000, 1000, 500
BUDGET_MS = 1.0
# For which a call of the add-on's may keep the main thread.
PAUSE_BUDGET_MS = 50
CALLS_SHOWN = 6
# A master beyond a bad line: of each piece that goes either way.
SLOW_S = 1.0


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
        report(told_after("spent ", told))
        # Without a graphics card other threads draw, and the main one would wait for them.
        os.environ["LP_NUM_THREADS"] = "0"
        print(f"window: milliseconds for which the main thread waited, then the longest calls: each may take {PAUSE_BUDGET_MS}")
        report_gaps("a dead master", told_after("gaps ", gaps(blender, display, "dead", Path(name))))
        # Not to be imported before the wheel is known to be there.
        from farms import farm

        with (
            farm(Path(name), blender.home / "netrender") as master,
            CuttingProxy(int(master.url.rstrip("/").rsplit(":", 1)[1]), 0, 0, slow_s=SLOW_S) as wire,
        ):
            report_gaps(f"{SLOW_S} s away", told_after("gaps ", gaps(blender, display, wire.url, Path(name))))


def gaps(blender: Blender, display: str, master: str, folder: Path) -> str:
    """What the story of a master that lets wait has told."""
    return blender.finish(blender.window_command(display, "gaps.py", master, folder / "work"), given_up=True)


def told_after(word: str, told: str) -> Any:
    """What a script has printed after this word."""
    return json.loads(next(line for line in told.splitlines() if line.startswith(word)).removeprefix(word))


def report_gaps(master: str, told: dict[str, Any]) -> None:
    """Prints what was the longest time away during each part of the story."""
    print(f"  {master:<16}", "  ".join(f"{name} {longest:.0f}" for name, longest in told["away"].items()))
    for name, (took, worked) in sorted(told["calls"].items(), key=lambda item: -item[1][1])[:CALLS_SHOWN]:
        print(f"    {name:<40} {worked:6.1f}  with interruptions {took:6.1f}")


def report(spent: dict[str, list[float]]) -> None:
    """Prints a table, the slowest first."""
    for name, times in sorted(spent.items(), key=lambda item: -statistics.median(item[1])):
        print(f"  {name:<24} median {statistics.median(times):6.2f}  longest {max(times):6.2f}  ({len(times)} times)")


if __name__ == "__main__":
    main()
