"""What artists see: the panels in a real window."""

from pathlib import Path

from blender_child import Blender

PICTURES = ("net_render_render_client", "net_render_render_master", "net_render_render_slave", "cycles_render_client")


def test_every_panel_draws_in_a_window(windowed: Blender, virtual_display: str, tmp_path: Path) -> None:
    windowed.finish(windowed.window_command(virtual_display, "window.py", tmp_path))
    for name in PICTURES:
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000, name
