"""The zip installs the ways that users install it, and what they set is kept."""

from pathlib import Path

import pytest
from blender_child import Blender


def test_the_zip_installs_as_an_addon(blender: Blender, addon_zip: Path) -> None:
    assert "installed netrender" in blender.run("install.py", addon_zip, "addon")


@pytest.mark.parametrize("blender", ["module"], indirect=True)
def test_the_zip_installs_as_an_extension(blender: Blender, addon_zip: Path) -> None:
    assert "installed bl_ext.user_default.netrender" in blender.run("install.py", addon_zip, "extension")


def test_settings_are_saved_in_the_file(netrender: Blender, tmp_path: Path) -> None:
    for step in ("save", "read"):
        netrender.run("settings.py", tmp_path / "farm.blend", step)


def test_a_grey_button_says_why(netrender: Blender, tmp_path: Path) -> None:
    assert "all said why" in netrender.run("greyed.py", tmp_path / "shot.blend")


def test_a_borrowed_engine_never_reaches_a_file(netrender: Blender, tmp_path: Path) -> None:
    netrender.run("borrowing.py", tmp_path / "shot.blend")


def test_the_same_addon_gives_the_same_zip(addon_zip: Path, core_folder: Path | None, tmp_path: Path) -> None:
    from make_addon import make_addon

    assert make_addon(core_folder, tmp_path).read_bytes() == addon_zip.read_bytes()
