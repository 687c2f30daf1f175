"""Renders a scene on this machine alone, into the multilayer EXR that a slave would send, to compare with.

`blender -b FILE -t THREADS -P local_render.py -- FOLDER FRAMES [options]` or
`python local_render.py FILE THREADS FOLDER FRAMES [options]` with a Python that has `bpy`; FRAMES such as `1-24`. The
options are those that `netrender submit` has for a smaller picture, and `--persistent` to keep data between frames.
"""

import argparse
import sys
from pathlib import Path

import bpy


def set_output(scene: bpy.types.Scene, folder: Path) -> None:
    """Every view layer and pass, lossless, at full precision."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    if hasattr(settings, "use_exr_interleave"):
        settings.use_exr_interleave = True
    scene.render.use_file_extension = True
    scene.render.filepath = str(folder) + "/######"


def main(arguments: list[str]) -> None:
    """Renders the frames into the folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("frames")
    parser.add_argument("--engine")
    parser.add_argument("--resolution", type=int)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--persistent", action="store_true")
    options = parser.parse_args(arguments)
    scene = bpy.context.scene
    if options.engine:
        scene.render.engine = options.engine
    if options.resolution:
        scene.render.resolution_percentage = options.resolution
    if options.samples:
        scene.cycles.samples = options.samples
    set_output(scene, options.folder.resolve())
    scene.render.use_compositing = scene.render.use_sequencer = False
    scene.render.use_persistent_data = options.persistent
    scene.frame_start, scene.frame_end = map(int, options.frames.split("-"))
    scene.frame_step = 1
    bpy.ops.render.render(animation=True)


if __name__ == "__main__":
    if "--" in sys.argv:
        main(sys.argv[sys.argv.index("--") + 1 :])
    else:
        bpy.ops.wm.open_mainfile(filepath=sys.argv[1], load_ui=False)
        bpy.context.scene.render.threads_mode = "FIXED"
        bpy.context.scene.render.threads = int(sys.argv[2])
        main(sys.argv[3:])
