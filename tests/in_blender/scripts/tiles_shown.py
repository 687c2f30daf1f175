"""Runs in Blender: a tile of a frame that never becomes whole stands where a local render has it, in all view layers.

Only the network is replaced: the tile lies in a folder already.
"""

from pathlib import Path
from types import SimpleNamespace

import bpy
import exr
import start

(folder,) = start.arguments()
netrender = start.enable()
scene = bpy.context.scene
settings = scene.render
WIDTH, HEIGHT = 40, 30
BORDER = (10, 6, 34, 26)
# Left, bottom, width and height in what is rendered.
TILE = (12, 0, 12, 10)


def prepare() -> None:
    """A scene of two view layers, quick to render."""
    settings.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    settings.resolution_x, settings.resolution_y, settings.resolution_percentage = WIDTH, HEIGHT, 100
    settings.use_compositing = settings.use_file_extension = False
    scene.view_layers.new("Second")
    image = settings.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    if hasattr(image, "use_exr_interleave"):
        image.use_exr_interleave = True


def render(name: str, left: int, bottom: int, right: int, top: int, *, crop: bool) -> exr.Exr:
    """Renders a part of the picture; a border lies a little inside of the pixel."""
    settings.use_border, settings.use_crop_to_border = True, crop
    settings.border_min_x, settings.border_max_x = (left + 0.25) / WIDTH, (right + 0.25) / WIDTH
    settings.border_min_y, settings.border_max_y = (bottom + 0.25) / HEIGHT, (top + 0.25) / HEIGHT
    settings.filepath = f"{folder}/{name}.exr"
    bpy.ops.render.render(write_still=True)
    return exr.read(Path(settings.filepath))


class OneTile:
    """Stands for the network: a tile is there, then what the engine takes for the whole frame."""

    looks = 0

    def frame(self, _frame: int, _timeout: float) -> SimpleNamespace:
        """Once not yet."""
        self.looks += 1
        path = None if self.looks == 1 else f"{folder}/whole.exr"
        return SimpleNamespace(state="rendering", path=path, text="")

    def tiles(self, _frame: int, width: int, height: int) -> list[tuple[str, int, int, int, int]]:
        """The lower right quarter."""
        left, bottom, right, top = BORDER
        assert (width, height) == (right - left, top - bottom), (width, height)
        return [(f"{folder}/tile.exr", *TILE)]

    def stop(self) -> None:
        """The render has ended."""


prepare()
left, bottom, wide, high = BORDER[0] + TILE[0], BORDER[1] + TILE[1], TILE[2], TILE[3]
tile = render("tile", left, bottom, left + wide, bottom + high, crop=True)
netrender.moving.gather_frames = lambda *_: start.answered(OneTile())
netrender.moving.exr_info = lambda _path: None
netrender.passes.load_layer = lambda *_: None
settings.engine = "NET_RENDER"
scene.network_render.job_id = "00000000000000aa"
for crop in (True, False):
    shown = render("shown", *BORDER, crop=crop)
    # From the top, as a file has its rows.
    column, row = (TILE[0], BORDER[3] - BORDER[1] - TILE[1] - high) if crop else (left, HEIGHT - bottom - high)
    for layer in ("ViewLayer", "Second"):
        pixels, expected = shown.channels[f"{layer}.Combined.G"], tile.channels[f"{layer}.Combined.G"]
        width = shown.width * 4
        rows = [pixels[at * width + column * 4 :][: wide * 4] for at in range(row, row + high)]
        assert b"".join(rows) == expected, (crop, layer)
        assert sum(map(bool, pixels)) == sum(map(bool, expected)), f"nothing else is shown of {layer}, {crop}"
print("all shown")
