"""Renders frames as Blender does by itself, one process and no warm scene: each frame is an animation of one frame.

`blender -b -P render_locally.py -- FILE FOLDER FRAME… [key=value…]`, or by a Python with bpy. The result is multilayer EXR
without loss, which a raw frame of a slave must equal. Keys: engine, percent, samples.
"""

import os
import sys

import bpy

ARGUMENTS = sys.argv[sys.argv.index("--") + 1 :]
FILE, FOLDER = ARGUMENTS[:2]
FRAMES = [int(each) for each in ARGUMENTS[2:] if "=" not in each]
KEYS = dict(each.split("=") for each in ARGUMENTS[2:] if "=" in each)

bpy.ops.wm.open_mainfile(filepath=FILE, load_ui=False, use_scripts=False)
scene = bpy.context.scene
render = scene.render
if "engine" in KEYS:
    render.engine = KEYS["engine"]
if "percent" in KEYS:
    render.resolution_percentage = int(KEYS["percent"])
if "samples" in KEYS:
    scene.cycles.samples = int(KEYS["samples"])
if KEYS.get("denoise") == "off":
    scene.cycles.use_denoising = False
image = render.image_settings
if hasattr(image, "media_type"):
    image.media_type = "MULTI_LAYER_IMAGE"
image.file_format = "OPEN_EXR_MULTILAYER"
image.color_depth = "32"
image.exr_codec = "ZIP"
render.use_compositing = False
render.use_file_extension = True
render.filepath = os.path.join(FOLDER, "####")
for frame in FRAMES:
    scene.frame_start = scene.frame_end = frame
    bpy.ops.render.render(animation=True, scene=scene.name)
sys.stdout.flush()
os._exit(0)
