"""The lists of jobs, slaves and frames, against a real master: each filled and empty, each button by its operator."""

import shutil
import subprocess
from pathlib import Path

import pytest
from blender_child import Blender
from components import required

# All lists at once.
TALL = (1000, 1800)

pytestmark = pytest.mark.usefixtures("core")


def test_every_operator_of_the_lists_does_what_it_says(netrender: Blender, tmp_path: Path) -> None:
    # Needs the wheel: not to be imported where the fixture above skips.
    from farms import farm

    with farm(tmp_path, netrender.home / "netrender") as master:
        assert "all done" in netrender.run("lists.py", master.url, tmp_path / "results")


def test_the_lists_fill_themselves_while_they_are_shown(windowed: Blender, virtual_display: str, tmp_path: Path) -> None:
    from farms import farm

    with farm(tmp_path, windowed.home / "netrender") as master:
        story = windowed.window_command(virtual_display, "lists_window.py", master.url, tmp_path, size=TALL)
        assert "all shown" in windowed.finish(story)
    for name in ("lists", "lists_empty"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000, name


def test_a_job_out_of_version_control_is_guessed_and_checked(netrender: Blender, tmp_path: Path) -> None:
    git = required(shutil.which("git"), "git")
    copy = tmp_path / "copy"
    copy.mkdir()
    for arguments in (["init", "-q"], ["remote", "add", "origin", "https://farm.example/film.git"]):
        subprocess.run([git, *arguments], cwd=copy, check=True)
    assert "all guessed" in netrender.run("versions.py", copy, tmp_path)
