"""One heavy still: two one-thread slaves, in tiles, against one Blender with two threads.

Run by `make bench`, or alone, in fewer rounds: `.venv/bin/python benches/tiles.py --rounds 1`. A round is one after the other.
Prints seconds, how busy the machine was, and the ratio; the network time is the whole job, from the command to the frame put
together, the local time is the whole process. The slaves have stood idle for a while before, as slaves do.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from farm import Farm, make_orrery, render_locally

# Each slave has a Blender ready by then.
IDLE_S = 5.0
# About a minute on one thread.
SAMPLES = 600


def over_the_network(blender: str, scene: Path, folder: Path, samples: int) -> float:
    """Starts a farm, lets its slaves connect, and returns the seconds of the whole job."""
    with Farm(folder) as farm:
        farm.start_master()
        for number in (1, 2):
            farm.start_slave(f"slave{number}", blender).wait_for_word("waiting")
        time.sleep(IDLE_S)
        began = time.monotonic()
        options = ("--master", farm.url, "--blender", blender, "--results", str(folder / "frames"))
        done = farm.run("submit", str(scene), "--frames", "1", "--tiles", "auto", "--samples", str(samples), *options)
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stderr
        compared = farm.run("compare", str(folder / "frames"), str(scene.parent / "local"))
        assert compared.returncode == 0, compared.stdout + compared.stderr
    return seconds


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", default=shutil.which("blender") or sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    options = parser.parse_args()
    network, local = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = make_orrery(options.blender, folder / "scene", 1)
        for number in range(options.rounds):
            samples = ("--samples", str(options.samples))
            local.append(render_locally(options.blender, scene, scene.parent / "local", "1-1", *samples))
            network.append(over_the_network(options.blender, scene, folder / f"farm{number}", options.samples))
            load = os.getloadavg()[0]
            print(f"tiles: round {number + 1}: network {network[-1]:.1f} s, local {local[-1]:.1f} s, load {load:.1f}", flush=True)
    ratio = statistics.median(a / b for a, b in zip(network, local, strict=True))
    print(f"tiles: one still, two one-thread slaves against one Blender with two threads, {options.rounds} rounds")
    print(f"  network {statistics.median(network):.1f} s, local {statistics.median(local):.1f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
