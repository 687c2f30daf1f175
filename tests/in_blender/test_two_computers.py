"""A farm of two computers, each with a Blender whose window people see, on a network of their own."""

from dataclasses import replace
from pathlib import Path

import pytest
from blender_child import Blender, unpack
from lan import joined

from farm import wait_until

# Both go on as fast as Blender draws without a graphics card.
STORY_S = 200
SIZE = (760, 1100)


@pytest.mark.usefixtures("core")
def test_a_second_computer_is_given_the_key_and_renders(
    windowed: Blender, virtual_display: str, addon_zip: Path, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    homes = {"first": windowed.home, "second": tmp_path / "home2"}
    unpack(addon_zip, homes["second"])
    with joined(tmp_path, 2) as lan:
        story = {}
        for host, (name, home) in enumerate(homes.items()):
            blender = replace(windowed, home=home)
            command = blender.window_command(virtual_display, "two_computers.py", name, calls, size=SIZE)
            story[name] = lan.start(
                host, name, "env", *(f"{key}={value}" for key, value in blender.own_environment().items()), *command
            )
        wait_until("the second computer has done its part", lambda: story["second"].popen.poll() is not None, STORY_S)
        assert "story told" in story["second"].text(), story["second"].text() + story["first"].text()
        (calls / "gone").touch()
        wait_until("the first computer has all frames", lambda: story["first"].popen.poll() is not None, STORY_S)
    for name, process in story.items():
        told = process.text()
        assert "story told" in told, told
        assert "Traceback" not in told, told
        assert process.popen.returncode == 0, name
