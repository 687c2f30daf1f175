"""From a cancel at the client until nothing of the rendering Blender is left, with a child that left its process group.

Run by `make bench`. A real master, a real slave and a real Blender in the middle of a long frame. Whether everything is gone is
looked at in the system's own table.
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

import netrender_core as core

from farm import Farm, is_alive, processes_below, run_in_blender, wait_until

SCENE = Path(__file__).parent / "long_scene.py"
LOOK_S = 0.001
# So many samples that the frame is under way, and more of them than Blender renders between two looks at anything.
RENDERING_S = 1.0


def seconds_to_cancel(client: core.Client, blend: Path, blender: str, slave: int, note: Path) -> tuple[float, int]:
    """Sends a job, cancels it while it renders, and returns the seconds until its processes are gone, and how many they were."""
    note.unlink(missing_ok=True)
    job = client.submit(str(blend), blender=[blender]).wait(300)
    assert job is not None
    wait_until("its child is there", lambda: note.exists() and note.read_text().isdigit())
    wait_until("it renders", lambda: client.job(job).state == "queued" and client.frames(job)[0].state == "rendering")
    time.sleep(RENDERING_S)
    processes = {*processes_below(slave), int(note.read_text())}
    began = time.monotonic()
    client.cancel(job)
    while any(is_alive(process) for process in processes):
        time.sleep(LOOK_S)
    return time.monotonic() - began, len(processes)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", default=shutil.which("blender") or sys.executable)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Farm(Path(name) / "farm") as farm:
        folder = Path(name)
        blend, note = folder / "long.blend", folder / "child.pid"
        run_in_blender(options.blender, SCENE, [str(blend)], folder / "scene.log")
        os.environ.update(NETRENDER_CONFIG=farm.env["NETRENDER_CONFIG"])
        farm.start_master()
        slave = farm.start_slave("slave", options.blender, "--allow-scripts", LONG_SCENE_PID=str(note))
        with core.Client.connect(master=farm.url) as client:
            ask = (client, blend, options.blender, slave.pid, note)
            taken = [seconds_to_cancel(*ask) for _ in range(options.rounds)]
    seconds = sorted(second for second, _ in taken)
    print(f"from a cancel until none of the {taken[0][1]} processes of a rendering Blender is left, {options.rounds} times")
    print(f"  median {statistics.median(seconds) * 1000:.0f} ms, slowest {seconds[-1] * 1000:.0f} ms")


if __name__ == "__main__":
    main()
