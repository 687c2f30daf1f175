"""Renews the pictures of `docs/images` that show Blender: a real window on a display that nobody sees (`make screenshots`)."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from blender_child import with_addon
from farms import farm

from farm import make_orrery

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = (760, 1700)
# Where the editor's own headers and tabs end: what is left is the panels, and below them nothing.
PANELS, PREFERENCES = "+36+64", "+165+30"
PICTURES = (
    "panel",
    "panel-jobs",
    "panel-slaves",
    "panel-client",
    "panel-simulations",
    "panel-network",
    "panel-master",
    "panel-slave",
)


def main() -> None:
    """Takes all pictures."""
    program, display = shutil.which("blender"), shutil.which("xvfb-run")
    if program is None or display is None:
        sys.exit("screenshots need Blender and xvfb-run on the PATH")
    with tempfile.TemporaryDirectory(prefix="netrender_screenshots_") as name:
        folder = Path(name)
        blender = with_addon(program, folder)
        blend = make_orrery(program, folder / "scene", 8, "light")
        with farm(folder, blender.home / "netrender", program, blend) as master:
            blender.finish(blender.window_command(display, "portraits.py", master.url, folder, size=SIZE))
        for picture in (*PICTURES, "preferences"):
            place = PREFERENCES if picture == "preferences" else PANELS
            taken = ["convert", str(folder / f"{picture}.png"), "-crop", place, "+repage"]
            # The editor's border would count as something to be seen.
            trimmed = ["-gravity", "SouthEast", "-chop", "6x12", "-trim", "+repage"]
            subprocess.run([*taken, *trimmed, str(IMAGES / f"{picture}.png")], check=True)


if __name__ == "__main__":
    main()
