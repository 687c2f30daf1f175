"""Makes scenes that cannot be rendered: run as `blender -b -P faulty.py -- FOLDER`, or by a Python with bpy."""

import os
import sys

import bpy

FOLDER = os.path.abspath(sys.argv[sys.argv.index("--") + 1])


def save(name):
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(FOLDER, name + ".blend"), compress=False)


def fresh():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.context.scene.render.engine = "CYCLES"
    return bpy.context.scene


scene = fresh()
bpy.data.objects.remove(bpy.data.objects["Camera"])
save("no_camera")

scene = fresh()
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
length = {"length": 9} if hasattr(editor, "strips") else {"frame_end": 10}
strips.new_effect(name="Colour", type="COLOR", channel=1, frame_start=1, **length)
save("strips")

fresh().render.use_multiview = True
save("stereo")

for name, engine in (("other_engine", "LUXURY"), ("net_render", "NET_RENDER")):
    made = type(name, (bpy.types.RenderEngine,), {"bl_idname": engine, "bl_label": engine})
    bpy.utils.register_class(made)
    fresh().render.engine = engine
    save(name)

sys.stdout.flush()
os._exit(0)
