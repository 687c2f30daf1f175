"""The lists of jobs, slaves and frames, against a real master: each filled and empty, each button by its operator."""

from pathlib import Path

import pytest
from blender_child import Blender

pytestmark = pytest.mark.usefixtures("core")


def test_every_operator_of_the_lists_does_what_it_says(netrender: Blender, tmp_path: Path) -> None:
    # Needs the wheel: not to be imported where the fixture above skips.
    from farms import farm

    with farm(tmp_path, netrender.home / "netrender") as master:
        assert "all done" in netrender.run("lists.py", master.url)
