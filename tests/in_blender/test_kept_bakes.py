"""What is baked in the artist's Blender: shown without waiting for the disk, and sent with a scene that goes from memory."""

from pathlib import Path

from blender_child import Blender

from farm import SCENES


def test_a_slow_disk_stops_no_window_and_bakes_of_nodes_are_sent_from_memory(netrender: Blender, tmp_path: Path) -> None:
    assert "all known" in netrender.run("kept_bakes.py", SCENES, tmp_path / "shots")
