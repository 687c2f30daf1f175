"""Network against local: the same light animation over two one-thread slaves and by one Blender with two threads.

Run by `make bench`. Prints seconds and ratios; the network time is the whole job, from the command to the last frame
gathered, the local time is the whole process. The slaves have stood idle for a while before, as slaves do.
"""

import argparse
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from farm import Farm, make_orrery, render_locally

FRAMES = 48
# Each slave has a Blender ready by then; on two cores their starts would else compete with the first of the job.
IDLE_S = 5.0


def over_the_network(blender: str, scene: Path, folder: Path, gaps_ms: list[float]) -> float:
    """Starts a farm, lets its slaves connect, and returns the seconds of the whole job; adds the gaps between frames."""
    with Farm(folder) as farm:
        farm.start_master()
        for number in (1, 2):
            farm.start_slave(f"slave{number}", blender).wait_for_word("waiting")
        time.sleep(IDLE_S)
        began = time.monotonic()
        options = ("--master", farm.url, "--blender", blender, "--wait", "--results", str(folder / "frames"))
        done = farm.run("submit", str(scene), *options)
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stderr
        compared = farm.run("compare", str(folder / "frames"), str(scene.parent / "local"))
        assert compared.returncode == 0, compared.stdout + compared.stderr
        for frame in range(1, FRAMES + 1):
            log = farm.run("log", farm.newest_job(), str(frame), "--master", farm.url).stdout
            gaps_ms += map(float, re.findall(r"starts ([0-9.]+) ms after the frame before it", log))
    return seconds


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", default=shutil.which("blender") or sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    network, cold, persistent, gaps_ms = [], [], [], list[float]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = make_orrery(options.blender, folder / "scene", FRAMES, "light")
        for number in range(options.rounds):
            cold.append(render_locally(options.blender, scene, scene.parent / "local", f"1-{FRAMES}"))
            persistent.append(render_locally(options.blender, scene, folder / "persistent", f"1-{FRAMES}", "--persistent"))
            network.append(over_the_network(options.blender, scene, folder / f"farm{number}", gaps_ms))
    print(f"animation: {FRAMES} frames, two one-thread slaves against one Blender with two threads, {options.rounds} rounds")
    for name, local in (("as the file is", cold), ("with persistent data", persistent)):
        ratio = statistics.median(a / b for a, b in zip(network, local, strict=True))
        print(f"  network {statistics.median(network):.1f} s, local {name} {statistics.median(local):.1f} s, ratio {ratio:.2f}")
    middle, longest = statistics.median(gaps_ms), max(gaps_ms)
    print(f"gap between frames on one slave: median {middle:.1f} ms, longest {longest:.1f} ms, {len(gaps_ms)} gaps")


if __name__ == "__main__":
    main()
