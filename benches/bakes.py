"""Four caches that do not depend on each other: baked by two one-thread slaves, against one of them, one after another.

Run by `make bench`. Prints seconds and ratios; the network time is the whole job, from the command to the caches and a .blend
that plays them back. Told as well: how long Blender itself takes with one thread, which bakes them all at once. The slaves
have stood idle for a while before, as slaves do.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from farm import Farm, run_in_blender

SCENE = Path(__file__).parent / "cloth_scene.py"
# Each slave has a Blender ready by then.
IDLE_S = 5.0


def over_the_network(blender: str, scene: Path, folder: Path, slaves: int) -> float:
    """Starts a farm, lets its slaves connect, and returns the seconds of the whole job."""
    with Farm(folder) as farm:
        farm.start_master()
        for number in range(slaves):
            farm.start_slave(f"slave{number}", blender).wait_for_word("waiting")
        time.sleep(IDLE_S)
        began = time.monotonic()
        options = ("--master", farm.url, "--blender", blender, "--results", str(folder / "bakes"))
        done = farm.run("submit", str(scene), "--bake", *options)
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stderr
    return seconds


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", default=shutil.which("blender") or sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    one, two = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = folder / "cloths.blend"
        run_in_blender(options.blender, SCENE, ["make", str(scene)], folder / "scene.log")
        run_in_blender(options.blender, SCENE, ["bake", str(scene)], folder / "local.log", threads=1)
        local = float(scene.with_suffix(".seconds").read_text())
        for number in range(options.rounds):
            one.append(over_the_network(options.blender, scene, folder / f"one{number}", 1))
            two.append(over_the_network(options.blender, scene, folder / f"two{number}", 2))
    ratio = statistics.median(a / b for a, b in zip(one, two, strict=True))
    print(f"bakes: four caches, two one-thread slaves against one after another on one of them, {options.rounds} rounds")
    print(f"  two {statistics.median(two):.1f} s, one {statistics.median(one):.1f} s: x {ratio:.2f}")
    print(f"  Blender itself, with one thread, without network: {local:.1f} s")


if __name__ == "__main__":
    main()
