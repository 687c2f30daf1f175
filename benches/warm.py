"""Warm against cold: a frame of a scene of two million faces in a Blender that has it open, against one Blender for each frame.

Run by `make bench`. The cold one is a local render of a single frame, start and opening included; the warm one is what a
slave does from the second frame of a job on.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from scene_child import Worker

from farm import render_locally, run_in_blender

FRAMES_COLD = (2, 3)
FRAMES_WARM = (1, 2, 3, 4, 5, 6)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", default=shutil.which("blender") or sys.executable)
    blender = parser.parse_args().blender
    warm = list[float]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blend = folder / "heavy.blend"
        run_in_blender(blender, Path(__file__).parent / "heavy_scene.py", [str(blend)], folder / "scene.log")
        cold = [render_locally(blender, blend, folder / f"cold{frame}", f"{frame}-{frame}", threads=1) for frame in FRAMES_COLD]
        with Worker(blender, folder / "worker") as worker:
            worker.open(blend)
            for frame in FRAMES_WARM:
                began = time.monotonic()
                worker.render(frame, folder / f"{frame}.exr")
                warm.append(time.monotonic() - began)
    print("a frame of a scene of two million faces, one thread")
    one, other = statistics.median(cold), statistics.median(warm[1:])
    print(f"  cold {one:.2f} s, warm {other:.2f} s (the first one {warm[0]:.2f} s after opening): x {one / other:.1f}")


if __name__ == "__main__":
    main()
