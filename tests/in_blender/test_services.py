"""`blender -b master.blend --addons netrender -a`, and the same for a slave: started, stopped, refused."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import png
import pytest
from blender_child import Blender

WAIT_S = 60
LOOK_S = 0.1


@dataclass(frozen=True)
class Service:
    """A Blender that runs a master or a slave. It prints into a file: a pipe that nobody empties would stop it."""

    child: subprocess.Popen[bytes]
    log: Path

    def told(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace")

    def wait_until_it_says(self, words: str) -> None:
        """Returns once it has printed these words."""
        deadline = time.monotonic() + WAIT_S
        while words not in self.told():
            assert self.child.poll() is None, self.told()
            assert time.monotonic() < deadline, f"it never said {words!r}:\n{self.told()}"
            time.sleep(LOOK_S)

    def end(self) -> int:
        """Waits for its end and returns its exit status."""
        return self.child.wait(timeout=WAIT_S)


Start = Callable[[str, int, Path], Service]


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture
def service(windowed: Blender, tmp_path: Path) -> Iterator[Start]:
    """Starts Blender as a master or slave; whatever still runs at the end is killed."""
    started: list[Service] = []
    (tmp_path / "output").mkdir()

    def start(mode: str, port: int, folder: Path) -> Service:
        blend = tmp_path / f"{mode.lower()}.blend"
        windowed.run("service_scene.py", blend, tmp_path / "output", mode, port, folder)
        command = [windowed.program, "-b", str(blend), "--addons", "netrender", "-a", "-noaudio"]
        log = tmp_path / f"{mode.lower()}.log"
        with log.open("wb") as file:
            child = subprocess.Popen(command, env=windowed.environment(), stdout=file, stderr=file)
        started.append(Service(child, log))
        return started[-1]

    yield start
    # The slave first: it would look for its master.
    for one in reversed(started):
        one.child.terminate()
        assert one.end() is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("mode", ["RENDER_MASTER", "RENDER_SLAVE"])
def test_one_signal_stops_a_service_cleanly(service: Start, tmp_path: Path, mode: str, number: signal.Signals) -> None:
    one = service(mode, free_port(), tmp_path / "work")
    one.wait_until_it_says(f"netrender {mode.removeprefix('RENDER_').lower()}: ")
    one.child.send_signal(number)
    assert one.end() == 0, one.told()
    assert not list((tmp_path / "output").iterdir()), "a service writes no picture and no movie"


def test_a_port_that_is_taken_is_one_clear_line(service: Start, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        check_refused(service("RENDER_MASTER", taken.getsockname()[1], tmp_path / "work"))


def test_a_path_that_cannot_be_written_is_one_clear_line(service: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    check_refused(service("RENDER_MASTER", free_port(), tmp_path / "file"))


def check_refused(one: Service) -> None:
    assert one.end() != 0
    assert one.told().count("Error: the master does not start: ") == 1, one.told()
    assert "Traceback" not in one.told()


def test_blenders_are_master_slave_and_client_of_an_animation(service: Start, windowed: Blender, tmp_path: Path) -> None:
    port = free_port()
    service("RENDER_MASTER", port, tmp_path / "master").wait_until_it_says("netrender master: ")
    service("RENDER_SLAVE", port, tmp_path / "slave")
    scene, output = tmp_path / "scene.blend", tmp_path / "rendered"
    output.mkdir()
    windowed.run("scene.py", scene)
    windowed.run("animate.py", port, output, blend=scene)
    for frame in (1, 2):
        local, network = (png.pixels(output / f"{name}_{frame:04}.png") for name in ("local", "network"))
        assert local == network, f"frame {frame} differs"
        assert (output / f"{frame:06}.exr").is_file()
        # The job's own format is that of the saved file.
        assert (output / "final" / f"{frame:04}.png").is_file()
    assert png.pixels(output / "later.png") == png.pixels(output / "local_0002.png")
