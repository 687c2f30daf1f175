"""Makes a small scene for a working copy: run as `blender -b -P versioned.py -- FOLDER` or by a Python with bpy.

In FOLDER afterwards: `shot/main.blend` (32 x 32 pixels, 1 sample, frames 1 and 2), `textures/wood.png` that it names
relatively, and `shot/absolute.blend`, which is the same but names it by its absolute path.
"""

import os
import sys

import bpy

FOLDER = os.path.abspath(sys.argv[sys.argv.index("--") + 1])
TEXTURE = os.path.join(FOLDER, "textures", "wood.png")

for name in ("shot", "textures"):
    os.makedirs(os.path.join(FOLDER, name), exist_ok=True)

bpy.ops.wm.read_homefile(use_factory_startup=True)
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.cycles.device = "CPU"
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 32, 32, 100
scene.frame_start, scene.frame_end = 1, 2

image = bpy.data.images.new("wood", 8, 8)
image.pixels = [value for place in range(64) for value in (place / 64, 0.3, 1 - place / 64, 1.0)]
image.filepath_raw = TEXTURE
image.file_format = "PNG"
image.save()
bpy.data.images.remove(image)

cube = bpy.data.objects["Cube"]
for frame, turn in ((1, 0.0), (2, 1.0)):
    cube.rotation_euler.z = turn
    cube.keyframe_insert("rotation_euler", frame=frame)
nodes, links = cube.data.materials[0].node_tree.nodes, cube.data.materials[0].node_tree.links
wood = nodes.new("ShaderNodeTexImage")
wood.image = bpy.data.images.load(TEXTURE)
links.new(wood.outputs["Color"], next(node for node in nodes if node.type == "BSDF_PRINCIPLED").inputs["Base Color"])

bpy.ops.wm.save_as_mainfile(filepath=os.path.join(FOLDER, "shot", "absolute.blend"), relative_remap=False)
wood.image.filepath = "//../textures/wood.png"
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(FOLDER, "shot", "main.blend"), relative_remap=False)
sys.stdout.flush()
os._exit(0)
