"""Makes a scene whose one frame takes hours, and that starts a process of its own: run as `heavy_scene.py` is."""

import sys

import bpy

# The child leaves Blender's process group, and writes its id beside the log of whoever looks.
TEXT = """
import os, pathlib, subprocess
def register():
    child = subprocess.Popen(["sleep", "86400"], start_new_session=True)
    pathlib.Path(os.environ["LONG_SCENE_PID"]).write_text(str(child.pid))
register()
"""


def main(path: str) -> None:
    """The cube, with more samples than anybody waits for."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    scene.frame_start = scene.frame_end = 1
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = "CPU", False, False
    scene.cycles.samples = 1 << 20
    text = bpy.data.texts.new("child.py")
    text.write(TEXT)
    text.use_module = True
    bpy.ops.wm.save_as_mainfile(filepath=path)


if __name__ == "__main__":
    main(sys.argv[-1])
