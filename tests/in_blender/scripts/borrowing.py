"""Runs in Blender: an engine that is chosen for one render only never reaches a file."""

import bpy
import start

(path,) = start.arguments()
netrender = start.enable()
render = bpy.context.scene.render
render.engine = "CYCLES"
netrender.borrow.change(render, "engine", "NET_RENDER")
assert render.engine == "NET_RENDER"
bpy.ops.wm.save_as_mainfile(filepath=path)
assert render.engine == "CYCLES"
bpy.ops.wm.open_mainfile(filepath=path)
assert bpy.context.scene.render.engine == "CYCLES"
