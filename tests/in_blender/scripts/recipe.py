"""Runs in Blender: renders the scene locally, as a slave does, or gathers what the slave rendered.

Only the network is replaced: the frames lie in a folder already. The engine, its passes and Blender are real.
"""

from pathlib import Path
from types import SimpleNamespace

import bpy
import exr
import start

step, slave_folder, output = start.arguments()
scene = bpy.context.scene


def multilayer(depth: str) -> None:
    """Chooses the format that holds everything."""
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", depth, "ZIP"
    if hasattr(image, "use_exr_interleave"):
        image.use_exr_interleave = True


def png() -> None:
    """Chooses the format of the finished picture."""
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "IMAGE"
    image.file_format, image.color_mode, image.color_depth = "PNG", "RGBA", "16"


def render_everything() -> None:
    """Renders the animation in both formats, and one frame as F12 does."""
    png()
    scene.render.filepath = f"{output}/picture_"
    bpy.ops.render.render(animation=True)
    multilayer("32")
    scene.render.filepath = f"{output}/layers_"
    bpy.ops.render.render(animation=True)
    scene.frame_set(2)
    scene.render.filepath = f"{output}/still.exr"
    bpy.ops.render.render(write_still=True)


class FramesOfFolder:
    """Stands for the network: a gathering whose frames arrive after a while."""

    def __init__(self) -> None:
        self.asked = 0

    def frame(self, frame: int, _timeout: float) -> SimpleNamespace:
        """Twice not yet, then the file; a copy, because the engine removes what it has loaded."""
        self.asked += 1
        if self.asked % 3:
            return SimpleNamespace(state="rendering", path=None, text=f"frame {frame} is being rendered")
        path = Path(output) / f"gathered_{frame}.exr"
        path.write_bytes((Path(slave_folder) / f"{frame:04}.exr").read_bytes())
        return SimpleNamespace(state="here", path=str(path), text="")

    def tiles(self, frame: int, width: int, height: int) -> list[tuple[str, int, int, int, int]]:
        """One tile of the frame is there before it is; another one went just when it was to be shown."""
        place = (0, 0, width // 2, height // 2)
        return [(str(Path(slave_folder) / f"tile_{frame:04}.exr"), *place), ("gone.exr", *place)]

    def stop(self) -> None:
        """The render has ended."""
        print("gathering stopped")


if step == "local":
    render_everything()
elif step == "slave":
    scene.render.use_compositing = scene.render.use_sequencer = False
    multilayer("32")
    scene.render.filepath = f"{slave_folder}/"
    bpy.ops.render.render(animation=True)
    border = scene.render
    border.use_border = border.use_crop_to_border = True
    border.border_min_x, border.border_max_x, border.border_min_y, border.border_max_y = 0.0, 0.5, 0.0, 0.5
    scene.render.filepath = f"{slave_folder}/tile_"
    bpy.ops.render.render(animation=True)
else:
    netrender = start.enable()
    netrender.moving.gather_frames = lambda *_: start.answered(FramesOfFolder())
    netrender.moving.exr_info = lambda path: exr.read(Path(path))
    scene.render.engine = "NET_RENDER"
    scene.network_render.job_id = "00000000000000aa"
    render_everything()
    assert not list(Path(output).glob("gathered_1.exr")), "a frame that is loaded takes no more space"
