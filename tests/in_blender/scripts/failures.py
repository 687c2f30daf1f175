"""Runs in Blender: every way in which a frame cannot be gathered is told in one sentence, and writes nothing."""

from pathlib import Path
from types import SimpleNamespace

import bpy
import start

(output,) = start.arguments()
scene = bpy.context.scene
netrender = start.enable()
scene.render.engine = "NET_RENDER"
scene.render.filepath = f"{output}/frame.png"
scene.render.resolution_x, scene.render.resolution_y = 64, 48
scene.render.resolution_percentage = 100
LAYER = scene.view_layers[0].name


def gather(state: str, width: int = 64, layer: str = LAYER) -> None:
    """Makes the network answer so."""
    path = str(Path(output) / "arrived.exr") if state == "here" else None
    Path(output, "arrived.exr").write_bytes(b"this is no image")
    frame = SimpleNamespace(state=state, path=path, text="frame 1 failed on node3: out of memory")
    gathering = SimpleNamespace(frame=lambda *_: frame, stop=lambda: None)
    netrender.moving.gather_frames = lambda *_: start.answered(gathering, looks=2)
    info = SimpleNamespace(width=width, height=48, passes={layer: {"Combined": "RGBA"}}, metadata={})
    netrender.moving.exr_info = lambda _: info


def check(expected: str, *, animation: bool = False) -> None:
    """Renders, and expects the sentence and no picture."""
    try:
        bpy.ops.render.render(animation=animation, write_still=not animation)
    except RuntimeError as error:
        assert expected in str(error), error
    else:
        raise AssertionError(f"nobody was told: {expected}")
    assert not list(Path(output).glob("*.png"))


check("there is no job to gather")
scene.network_render.job_id = "00000000000000aa"
gather("failed")
check("frame 1 failed on node3: out of memory")
check("frame 1 failed on node3: out of memory", animation=True)
gather("here", width=128)
check("frame 1 was rendered at 128 x 48, this scene is set to 64 x 48")
gather("here", layer="Gone")
check(f"frame 1 has no view layer {LAYER}")
gather("here")
check("frame 1 cannot be loaded")
netrender.moving.gather_frames = lambda *_: 1 / 0
netrender.engine.traceback.print_exc = lambda: None
check("netrender met a fault of its own")
print("all told")
