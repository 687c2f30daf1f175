"""Renews the pictures of `docs/images` that show Blender: a real window on a display that nobody sees (`make screenshots`)."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import netrender_core
from blender_child import Blender
from farms import farm
from make_addon import make_addon

from farm import make_orrery

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = (1000, 1800)
# What a script calls its picture: what the documents call it, and down to where there is something to see.
LISTS = {"lists": ("panel-lists", 1565)}
PORTRAITS = {
    "client": ("panel-client", 562),
    "master_runs": ("panel-master", 695),
    "slave_runs": ("panel-slave", 695),
    "preferences": ("preferences", 592),
}


def main() -> None:
    """Takes all pictures."""
    program, display = shutil.which("blender"), shutil.which("xvfb-run")
    if program is None or display is None:
        sys.exit("screenshots need Blender and xvfb-run on the PATH")
    with tempfile.TemporaryDirectory(prefix="netrender_screenshots_") as name:
        folder = Path(name)
        blender = Blender("executable", program, folder / "home")
        with zipfile.ZipFile(make_addon(Path(str(netrender_core.__file__)).parent.parent, folder)) as archive:
            archive.extractall(blender.home / "scripts" / "addons")
        blend = make_orrery(program, folder / "scene", 8, "light")
        with farm(folder, blender.home / "netrender", program, blend) as master:
            blender.finish(blender.window_command(display, "lists_window.py", master.url, folder, size=SIZE))
        blender.finish(blender.window_command(display, "portraits.py", folder, size=SIZE))
        for taken, (called, height) in (LISTS | PORTRAITS).items():
            picture = ["convert", str(folder / f"{taken}.png"), "-crop", f"x{height}+0+0", "+repage"]
            subprocess.run([*picture, str(IMAGES / f"{called}.png")], check=True)


if __name__ == "__main__":
    main()
