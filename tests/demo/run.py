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
from collections.abc import Iterator, Sequence
from pathlib import Path

import netrender_core

HERE = Path(__file__).parent
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


class Farm:
    """A master and its slaves in processes of their own, ended in order when the demonstration ends."""

    def __init__(self, folder: Path, command: str, blender: str) -> None:
        self.folder, self.command, self.blender = folder, command, blender
        self.processes: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts one `netrender` process; what it prints goes to a file of its own."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([self.command, *arguments], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self.processes.append((name, process))
        return process

    def start_master(self, port: int) -> str:
        """Starts the master and returns its URL."""
        arguments = ("master", "--path", str(self.folder / "master"), "--address", "127.0.0.1", "--port", str(port))
        process = self.start("master", *arguments, "--no-broadcast")
        return self.wait_for("master", process, "http://")

    def start_slave(self, name: str, url: str) -> None:
        """Starts a slave that renders with one thread."""
        path = str(self.folder / name)
        self.start(name, "slave", "--master", url, "--path", path, "--blender", self.blender, "--threads", "1", "--name", name)

    def wait_for(self, name: str, process: subprocess.Popen[bytes], word: str) -> str:
        """Waits until the process prints a word that begins like this, and returns that word."""
        log = self.folder / f"{name}.log"
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            text = log.read_text(errors="replace")
            for found in text.split():
                if found.startswith(word):
                    return found.rstrip("/.,;")
            if process.poll() is not None:
                sys.exit(f"{name} ended with status {process.returncode}: {text.strip()}")
            time.sleep(0.05)
        sys.exit(f"{name} did not start within {START_TIMEOUT_S:.0f} s; see {log}")

    def stop(self) -> list[str]:
        """Ends the slaves, then the master, as Ctrl-C does; returns the names of those that did not end cleanly."""
        unclean = []
        for name, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                status = process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
            if status != 0:
                unclean.append(f"{name} (status {status})")
        return unclean


@contextlib.contextmanager
def running(farm: Farm) -> Iterator[Farm]:
    """Ends the farm's processes however the demonstration ends."""
    try:
        yield farm
    finally:
        unclean = farm.stop()
        if unclean:
            print("did not end cleanly: " + ", ".join(unclean), file=sys.stderr)


def is_module(blender: str) -> bool:
    """Whether this is a Python with the `bpy` module rather than Blender's executable."""
    return "python" in Path(blender).name


def make_scene(blender: str, folder: Path, frames: int) -> Path:
    """Makes the sample scene and returns its .blend."""
    script = str(HERE / "scene.py")
    arguments = [str(folder), str(frames)]
    if is_module(blender):
        quietly([blender, "-W", "ignore", script, *arguments], folder.parent / "scene.log")
    else:
        command = [blender, "-b", "--factory-startup", "--python-exit-code", "1", "-P", script, "--", *arguments]
        quietly(command, folder.parent / "scene.log")
    return folder / "shots/orrery.blend"


def render_locally(blender: str, scene: Path, folder: Path, frames: int, threads: int) -> float:
    """Renders the same frames with one Blender of this machine and returns the seconds it took."""
    script, span = str(HERE / "local_render.py"), f"1-{frames}"
    began = time.monotonic()
    if is_module(blender):
        quietly([blender, script, str(scene), str(threads), str(folder), span], folder.parent / "local.log")
    else:
        arguments = ["-t", str(threads), "--python-exit-code", "1", "-P", script, "--", str(folder), span]
        quietly([blender, "-b", str(scene), *arguments], folder.parent / "local.log")
    return time.monotonic() - began


def quietly(command: Sequence[str], log: Path) -> None:
    """Runs a command with its output in a file; ends the demonstration if it fails."""
    with log.open("wb") as output:
        if subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode != 0:
            sys.exit(f"{Path(command[0]).name} failed; see {log}")


def submit(farm: Farm, url: str, scene: Path, results: Path) -> float:
    """Sends the animation, waits for it and gathers it; returns the seconds from the start to the last frame."""
    began = time.monotonic()
    command = [farm.command, "submit", str(scene), "--master", url, "--blender", farm.blender, "--wait", "--results", str(results)]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit("the job did not finish")
    return time.monotonic() - began


def frames_per_slave(url: str) -> dict[str, int]:
    """How many frames each slave rendered, by its name."""
    with netrender_core.Client.connect(master=url) as client:
        names = {slave.id: slave.name for slave in client.slaves()}
        job = client.jobs()[0]
        return dict(Counter(names.get(frame.slave or "", "?") for frame in client.frames(job.id)))


def clean(folder: Path) -> None:
    """An empty folder for this demonstration; the last one's frames go."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def demonstrate(options: argparse.Namespace, farm: Farm) -> int:
    """Everything between start and stop; returns the exit status."""
    output = farm.folder
    print(f"making the scene ({options.frames} frames) with {options.blender}", flush=True)
    scene = make_scene(options.blender, output / "scene", options.frames)
    url = farm.start_master(options.port)
    for number in (1, 2):
        farm.start_slave(f"slave{number}", url)
    network_s = submit(farm, url, scene, output / "frames")
    shares = frames_per_slave(url)
    print("rendering the same frames on this machine alone", flush=True)
    local_s = render_locally(options.blender, scene, output / "local", options.frames, threads=2)
    same = subprocess.run([farm.command, "compare", str(output / "frames"), str(output / "local")], check=False).returncode == 0
    print(f"network {network_s:.1f} s with two one-thread slaves, local {local_s:.1f} s with two threads")
    print("frames per slave: " + ", ".join(f"{name} {count}" for name, count in sorted(shares.items())))
    print(f"frames: {output / 'frames'}")
    print(f"monitor: {url}", flush=True)
    if options.keep:
        keep(url, farm)
    return 0 if same else 1


def keep(url: str, farm: Farm) -> None:
    """Leaves the farm running until Ctrl-C, and says how to use it."""
    key = subprocess.run([farm.command, "key"], capture_output=True, text=True, check=False).stdout.strip()
    print(f"the farm goes on until you press Ctrl-C; open {url} and enter its key:\n  {key}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main() -> int:
    """Reads the options and runs the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--command", default=shutil.which("netrender") or "netrender")
    parser.add_argument("--blender", default=shutil.which("blender") or sys.executable)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--keep", action="store_true", help="leave the farm running")
    options = parser.parse_args()
    output = options.output.resolve()
    clean(output)
    # A farm of its own: the demonstration neither reads nor changes the user's keys.
    os.environ["NETRENDER_CONFIG"] = str(output / "config")
    with running(Farm(output, options.command, options.blender)) as farm:
        return demonstrate(options, farm)


if __name__ == "__main__":
    sys.exit(main())
