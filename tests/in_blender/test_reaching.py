"""How a farm is reached from Blender: found, named, with its key and its certificate; and a scene sent from memory."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from blender_child import Blender


@dataclass(frozen=True)
class OwnConfig(Blender):
    """A Blender whose keys lie apart from its other files."""

    def environment(self) -> dict[str, str]:
        """The test looks into it."""
        return super().environment() | {"NETRENDER_CONFIG": str(self.home.parent / "config")}


@pytest.mark.usefixtures("core")
def test_a_farm_is_reached_by_its_name_its_key_and_its_certificate(netrender: Blender, tmp_path: Path) -> None:
    blender = OwnConfig(netrender.kind, netrender.program, netrender.home)
    assert "reached" in blender.run("reaching.py", tmp_path)
