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
# What a script calls its picture, and what the documents call it.
LISTS = {"lists": "panel-lists"}
PORTRAITS = {"client": "panel-client", "master_runs": "panel-master", "slave_runs": "panel-slave", "preferences": "preferences"}


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
        for taken, called in (LISTS | PORTRAITS).items():
            # Below the panels there is nothing to see.
            crop = ["-bordercolor", "#303030", "-border", "1", "-fuzz", "4%", "-trim", "+repage"]
            subprocess.run(["convert", str(folder / f"{taken}.png"), *crop, str(IMAGES / f"{called}.png")], check=True)


if __name__ == "__main__":
    main()
