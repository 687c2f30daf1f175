"""Makes scenes that want more than files: run as `blender -b -P scripted.py -- FOLDER`, or by a Python with bpy.

`simple.blend` has what Blender reckons without Python and a text that only draws a panel; `scripted.blend` has a driver that
needs Python, a text that adds a handler and one that changes the cube. Both show a cube; where scripts do not run, the second
one stays where it was.
"""

import os
import sys

import bpy

PANEL = """
import bpy
class Panel(bpy.types.Panel):
    bl_idname, bl_label, bl_space_type, bl_region_type = "VIEW3D_PT_rig", "Rig", "VIEW_3D", "UI"
    def draw(self, context):
        self.layout.prop(bpy.data.objects["Cube"], "location")
def later():
    bpy.ops.object.delete()
def register():
    bpy.utils.register_class(Panel)
    bpy.types.Object.rig_layer = bpy.props.IntProperty()
register()
"""
FOLDER = sys.argv[sys.argv.index("--") + 1]


def begin():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = 16
    return bpy.data.objects["Cube"]


def add_text(name, source):
    text = bpy.data.texts.new(name)
    text.write(source)
    text.use_module = True


def drive(thing, expression):
    thing.driver_add("location", 0).driver.expression = expression


def save(name):
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(FOLDER, name))


os.makedirs(FOLDER, exist_ok=True)
drive(begin(), "frame * 0.1")
add_text("panel.py", PANEL)
save("simple.blend")
drive(begin(), "float(str(frame)) * 0.3")
add_text("handler.py", "import bpy\nbpy.app.handlers.frame_change_pre.append(print)\n")
add_text("mover.py", "import bpy as b\ndef move():\n    b.data.objects['Cube'].scale.x = 2\nmove()\n")
save("scripted.blend")
sys.stdout.flush()
os._exit(0)
