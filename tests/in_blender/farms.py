"""A farm for the add-on to look at: a real master, a slave whose Blender is the fake one, and two jobs."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import netrender_core as core
import pytest

from farm import wait_until

FAKE = str(Path(__file__).parent.parent / "fake_blender.py")
# Of the first job; its log is the only one that tells of a crash.
FAILED_FRAME = 3
RENDER_TIMEOUT_S = 120


@contextlib.contextmanager
def farm(folder: Path, config: Path, blender: str = FAKE, blend: Path | None = None) -> Iterator[core.Master]:
    """A job that was rendered (the fake Blender fails one of its frames), and one that no slave can render.

    A Blender that has this `config` belongs to it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETRENDER_CONFIG", str(config))
        patch.setenv("FAKE_BLENDER", json.dumps({"fail_on_frames": [FAILED_FRAME]}))
        if blend is None:
            blend = folder / "shot.blend"
            blend.write_bytes(b"BLENDER-v304" + bytes(100))
        with (
            core.Master.start(path=str(folder / "master"), address="127.0.0.1", port=0, broadcast=False) as master,
            core.Slave.start(master=master.url, path=str(folder / "slave"), blenders=[blender], name="node1"),
            core.Client.connect(master=master.url) as client,
        ):
            shot = client.submit(str(blend), blender=[blender], frames="1-8", name="shot_010", attempts=1, category="film").wait(
                60
            )
            assert shot is not None
            wait_until("the first job is rendered", lambda: client.job(shot).state in ("failed", "finished"), RENDER_TIMEOUT_S)
            assert client.submit(str(blend), blender=[blender], frames="1-4", name="shot_020", tags=["gpu"]).wait(60)
            yield master
