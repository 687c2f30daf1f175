"""Bake on Network and Get Bakes: an artist's scene plays back what slaves have baked, each vertex where a local bake has it."""

import json
from pathlib import Path

import pytest
from blender_child import Blender

from farm import SCENES, run_in_blender

pytestmark = pytest.mark.usefixtures("core")


def test_an_artist_has_a_scene_baked_and_played_back(windowed: Blender, tmp_path: Path) -> None:
    import netrender_core as core

    (tmp_path / "make.json").write_text(json.dumps([["few", str(tmp_path)]]))
    run_in_blender(windowed.program, SCENES / "simulated.py", [str(tmp_path / "make.json")], tmp_path / "make.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETRENDER_CONFIG", str(windowed.home / "netrender"))
        place = {"address": "127.0.0.1", "port": 0, "broadcast": False}
        with (
            core.Master.start(path=str(tmp_path / "master"), **place) as master,
            core.Slave.start(master=master.url, path=str(tmp_path / "slave"), blenders=[windowed.program], name="node1"),
        ):
            said = windowed.run("baking.py", master.url, tmp_path / "few.json", blend=tmp_path / "few.blend")
    assert "all play back" in said
    assert "2 of 3 bakes play back in this scene: save the file to keep that" in said
    assert "are baked inside of few_baked.blend" in said
    assert (tmp_path / "few_baked.blend").is_file()
