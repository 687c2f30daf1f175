"""A real Blender, run by the tests: the executable, or the `bpy` module in a Python."""

import os
import shlex
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
TIMEOUT_S = 240
# As small as can be: without a graphics card each pixel is drawn by the processor.
WINDOW = (640, 480)


@dataclass(frozen=True)
class Blender:
    """A Blender with a home of its own."""

    kind: str
    program: str
    home: Path

    def run(self, script: str, *arguments: object, blend: Path | None = None, given_up: bool = False) -> str:
        """Runs a script of `scripts` to its end and returns what it printed; nothing may have gone wrong."""
        return self.finish(self.command(script, *arguments, blend=blend), given_up=given_up)

    def finish(self, command: list[str], *, given_up: bool = False) -> str:
        """Runs a command line to its end and returns what it printed; nothing may have gone wrong.

        The executable ends with 1 if the last render was given up, whatever happened afterwards.
        """
        status = 1 if given_up and self.kind == "executable" else 0
        done = subprocess.run(
            command,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        told = f"{shlex.join(done.args)}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == status, told
        # What Blender may do to other add-ons after a render, see `addon/writing.py`.
        assert told.count("Traceback") == told.count(": can't run in readonly state"), told
        return done.stdout

    def command(self, script: str, *arguments: object, blend: Path | None = None) -> list[str]:
        """The command line of a script."""
        rest = [str(SCRIPTS / "start.py"), "--", script, str(blend or ""), *map(str, arguments)]
        if self.kind == "module":
            # -P of Python: the current folder must not shadow the add-on.
            return [self.program, "-P", *rest]
        return [self.program, "-b", "--factory-startup", "-noaudio", "--python-exit-code", "1", "-P", *rest]

    def window_command(
        self, display: str, script: str, *arguments: object, blend: Path | None = None, size: tuple[int, int] = WINDOW
    ) -> list[str]:
        """The command line of a script in a window on a display of its own."""
        screen = f"-screen 0 {size[0]}x{size[1]}x24 +extension GLX"
        window = ["--factory-startup", "-noaudio", "--window-geometry", "0", "0", *map(str, size)]
        start = [str(SCRIPTS / "start.py"), "--", script, str(blend or ""), *map(str, arguments)]
        return [display, "-a", "-s", screen, self.program, *window, "--python-exit-code", "1", "-P", *start]

    def environment(self) -> dict[str, str]:
        """Nothing of the user's own Blender is read or written."""
        return os.environ | self.own_environment()

    def own_environment(self) -> dict[str, str]:
        """What of it is this Blender's own."""
        return {
            "BLENDER_USER_RESOURCES": str(self.home),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "NETRENDER_CONFIG": str(self.home / "netrender"),
        }


def with_addon(program: str, folder: Path) -> Blender:
    """Blender's executable with the add-on, and the core that is installed here, in a home below the folder."""
    import netrender_core
    from make_addon import make_addon

    blender = Blender("executable", program, folder / "home")
    unpack(make_addon(Path(str(netrender_core.__file__)).parent.parent, folder), blender.home)
    return blender


def unpack(addon_zip: Path, home: Path) -> None:
    """Puts the add-on where Blender looks for it."""
    with zipfile.ZipFile(addon_zip) as archive:
        archive.extractall(home / "scripts" / "addons")
