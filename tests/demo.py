"""The demonstration: a master and two slaves as real processes, an animation over them, compared with a local render.

Run by `make demo`. Exit status 0 only if every frame is identical.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import netrender_core

from farm import Failed, Farm, make_orrery, render_locally


def submit(farm: Farm, blender: str, scene: Path, results: Path) -> float:
    """Sends the animation, waits for it and gathers it; returns the seconds from the start to the last frame."""
    began = time.monotonic()
    command = [farm.command, "submit", str(scene), "--master", farm.url, "--blender", blender]
    if subprocess.run([*command, "--wait", "--results", str(results)], env=farm.env, check=False).returncode != 0:
        raise Failed("the job did not finish")
    return time.monotonic() - began


def frames_per_slave(url: str) -> dict[str, int]:
    """How many frames each slave rendered, by its name."""
    with netrender_core.Client.connect(master=url) as client:
        names = {slave.id: slave.name for slave in client.slaves()}
        job = client.jobs()[0]
        return dict(Counter(names.get(frame.slave or "", "?") for frame in client.frames(job.id)))


def demonstrate(farm: Farm, blender: str, frames: int, keep: bool) -> int:
    """Everything between start and stop; returns the exit status."""
    output = farm.folder
    print(f"making the scene ({frames} frames) with {blender}", flush=True)
    scene = make_orrery(blender, output / "scene", frames)
    farm.start_master()
    for number in (1, 2):
        farm.start_slave(f"slave{number}", blender)
    network_s = submit(farm, blender, scene, output / "frames")
    shares = frames_per_slave(farm.url)
    print("rendering the same frames on this machine alone", flush=True)
    local_s = render_locally(blender, scene, output / "local", f"1-{frames}")
    compared = subprocess.run([farm.command, "compare", str(output / "frames"), str(output / "local")], check=False)
    print(f"network {network_s:.1f} s with two one-thread slaves, local {local_s:.1f} s with two threads")
    print("frames per slave: " + ", ".join(f"{name} {count}" for name, count in sorted(shares.items())))
    print(f"frames: {output / 'frames'}")
    print(f"monitor: {farm.url}", flush=True)
    if keep:
        wait_for_ctrl_c(farm)
    return compared.returncode


def wait_for_ctrl_c(farm: Farm) -> None:
    """Leaves the farm running until Ctrl-C, and says how to use it."""
    key = farm.run("key").stdout.strip()
    print(f"the farm goes on until you press Ctrl-C; open {farm.url} and enter its key:\n  {key}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main() -> int:
    """Reads the options and runs the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--blender", default=shutil.which("blender") or sys.executable)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--keep", action="store_true", help="leave the farm running")
    options = parser.parse_args()
    output = options.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    # A farm of its own: the demonstration neither reads nor changes the user's keys.
    os.environ["NETRENDER_CONFIG"] = str(output / "config")
    with Farm(output) as farm:
        farm.port = options.port
        try:
            status = demonstrate(farm, options.blender, options.frames, options.keep)
            unclean = farm.stop()
        except Failed as failure:
            sys.exit(f"demo: {failure}")
    if unclean:
        print("did not end cleanly: " + ", ".join(unclean), file=sys.stderr)
    return status or len(unclean)


if __name__ == "__main__":
    sys.exit(main())
