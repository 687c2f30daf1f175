"""A frame in tiles, of an odd size, in Blender's window: F12 and ESC, with a farm that renders them."""

from pathlib import Path

import png
import pytest
from blender_child import Blender


@pytest.mark.usefixtures("core", "keyboard")
def test_tiles_are_shown_as_they_come_and_escape_gives_a_frame_up(
    windowed: Blender, virtual_display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import netrender_core as core

    monkeypatch.setenv("NETRENDER_CONFIG", str(windowed.home / "netrender"))
    output = tmp_path / "output"
    place = {"address": "127.0.0.1", "port": 0, "broadcast": False}
    with (
        core.Master.start(path=str(tmp_path / "master"), **place) as master,
        core.Slave.start(master=master.url, path=str(tmp_path / "slave"), blenders=[windowed.program], threads=1),
    ):
        story = windowed.window_command(virtual_display, "tiles_window.py", master.url, output)
        assert "story told" in windowed.finish(story, given_up=True)
    assert png.pixels(output / "network.png") == png.pixels(output / "local.png")
