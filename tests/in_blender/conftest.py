"""Which Blender a test gets, and the add-on's place in it."""

from pathlib import Path

import pytest
from blender_child import Blender, unpack


@pytest.fixture(params=["executable", "module"])
def blender(request: pytest.FixtureRequest, tmp_path: Path) -> Blender:
    """Each Blender in turn, without the add-on."""
    fixture = "blender_executable" if request.param == "executable" else "bpy_python"
    home = tmp_path / "home"
    home.mkdir()
    return Blender(request.param, request.getfixturevalue(fixture), home)


@pytest.fixture
def netrender(blender: Blender, addon_zip: Path) -> Blender:
    """Each Blender in turn, with the add-on in its folder, not yet enabled."""
    unpack(addon_zip, blender.home)
    return blender


@pytest.fixture
def windowed(blender_executable: str, addon_zip: Path, tmp_path: Path) -> Blender:
    """The Blender that has a window, with the add-on in its folder."""
    home = tmp_path / "home"
    unpack(addon_zip, home)
    return Blender("executable", blender_executable, home)
