"""`blender -b master.blend --addons netrender -a`, and the same for a slave: started, stopped, refused."""

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import png
import pytest
from blender_child import TIMEOUT_S, Blender

Start = Callable[..., "subprocess.Popen[str]"]


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
    started: list[subprocess.Popen[str]] = []
    (tmp_path / "output").mkdir()

    def start(mode: str, port: int, folder: Path) -> subprocess.Popen[str]:
        blend = tmp_path / f"{mode.lower()}.blend"
        windowed.run("service_scene.py", blend, tmp_path / "output", mode, port, folder)
        command = [windowed.program, "-b", str(blend), "--addons", "netrender", "-a", "-noaudio"]
        child = subprocess.Popen(
            command, env=windowed.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def wait_for(child: "subprocess.Popen[str]", words: str) -> str:
    """What it printed until these words were among it."""
    assert child.stdout is not None
    told = ""
    for line in child.stdout:
        told += line
        if words in line:
            return told
    pytest.fail(f"it never said {words!r}:\n{told}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("mode", ["RENDER_MASTER", "RENDER_SLAVE"])
def test_one_signal_stops_a_service_cleanly(service: Start, tmp_path: Path, mode: str, number: signal.Signals) -> None:
    child = service(mode, free_port(), tmp_path / "work")
    # The status line of the render: the service is under way and watches for signals.
    wait_for(child, f"{mode.removeprefix('RENDER_').lower()}: ")
    child.send_signal(number)
    told, _ = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 0, told
    assert not list((tmp_path / "output").iterdir()), "a service writes no picture and no movie"


def test_a_port_that_is_taken_is_one_clear_line(service: Start, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        child = service("RENDER_MASTER", taken.getsockname()[1], tmp_path / "work")
        told, _ = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode != 0
    assert told.count("Error: the master does not start: ") == 1, told
    assert "Traceback" not in told


def test_a_path_that_cannot_be_written_is_one_clear_line(service: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    child = service("RENDER_MASTER", free_port(), tmp_path / "file")
    told, _ = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode != 0
    assert told.count("Error: the master does not start: ") == 1, told
    assert "Traceback" not in told


def test_blenders_are_master_slave_and_client_of_an_animation(
    service: Start, windowed: Blender, tmp_path: Path
) -> None:
    port = free_port()
    master = service("RENDER_MASTER", port, tmp_path / "master")
    wait_for(master, "master: ")
    wait_for(service("RENDER_SLAVE", port, tmp_path / "slave"), "slave: ")
    scene, output = tmp_path / "scene.blend", tmp_path / "rendered"
    output.mkdir()
    windowed.run("scene.py", scene)
    windowed.run("animate.py", port, output, blend=scene)
    for frame in (1, 2):
        local, network = (png.pixels(output / f"{name}_{frame:04}.png") for name in ("local", "network"))
        assert local == network, f"frame {frame} differs"
        assert (output / f"{frame:06}.exr").is_file()
    assert png.pixels(output / "later.png") == png.pixels(output / "local_0002.png")
