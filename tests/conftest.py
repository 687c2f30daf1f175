"""What all tests share: where the programs under test are found, and what happens if one is not there.

Programs are found by PATH and by environment variables. A missing one skips its tests, under CI it fails them.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from browsing import api, browser, farm, page
from components import required

__all__ = ["api", "browser", "farm", "page"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def blender_executable() -> str:
    """A Blender with a window: `NETRENDER_TEST_BLENDER`, by default `blender` on PATH."""
    name = os.environ.get("NETRENDER_TEST_BLENDER", "blender")
    return required(shutil.which(name), f"{name} (NETRENDER_TEST_BLENDER)")


@pytest.fixture(scope="session")
def bpy_python() -> str:
    """A Python with the `bpy` module: `NETRENDER_TEST_BPY_PYTHON`, by default this one if it has it."""
    here = sys.executable if importlib.util.find_spec("bpy") else ""
    name = os.environ.get("NETRENDER_TEST_BPY_PYTHON", here)
    return required(shutil.which(name), "a Python that has bpy (NETRENDER_TEST_BPY_PYTHON)")


@pytest.fixture(params=["executable", "module"])
def blender(request: pytest.FixtureRequest) -> str:
    """Both kinds of Blender, one after the other: the executable, and a Python with `bpy`."""
    return str(request.getfixturevalue("blender_executable" if request.param == "executable" else "bpy_python"))


@pytest.fixture(scope="session")
def scenes() -> Path:
    """Real scenes that are not part of the project: `NETRENDER_TEST_SCENES`, by default `../shared/blends`."""
    folder = Path(os.environ.get("NETRENDER_TEST_SCENES", ROOT.parent / "shared" / "blends"))
    return Path(required(str(folder) if folder.is_dir() else None, "a folder of real scenes (NETRENDER_TEST_SCENES)"))


@pytest.fixture(scope="session")
def virtual_display() -> str:
    """`xvfb-run`, for windows that nobody sees."""
    return required(shutil.which("xvfb-run"), "xvfb-run")


@pytest.fixture(scope="session")
def keyboard() -> str:
    """`xdotool`, which presses keys on that display."""
    return required(shutil.which("xdotool"), "xdotool")


@pytest.fixture(scope="session")
def core_folder() -> Path | None:
    """The folder that holds the installed `netrender_core`; None if these tests run without it."""
    found = importlib.util.find_spec("netrender_core")
    return Path(found.origin).parent.parent if found and found.origin else None


@pytest.fixture(scope="session")
def core(core_folder: Path | None) -> Path:
    """The same, for tests that make no sense without it."""
    return Path(required(str(core_folder or ""), "the installed wheel netrender-core"))


@pytest.fixture(scope="session")
def addon_zip(core_folder: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The add-on as users get it, with the native core if that is installed."""
    sys.path.insert(0, str(ROOT / "packaging"))
    from make_addon import make_addon

    return make_addon(core_folder, tmp_path_factory.mktemp("addon"))
