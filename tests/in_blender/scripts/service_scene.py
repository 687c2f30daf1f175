"""Runs in Blender: saves a scene whose render is a service, with everything in it that could go wrong."""

import bpy
import start

path, output, mode, port, folder = start.arguments()
start.enable()
scene = bpy.context.scene
settings = scene.network_render
settings.mode, settings.server_port, settings.path = mode, int(port), folder
settings.server_address = "127.0.0.1"
settings.use_master_broadcast = False
scene.render.engine = "NET_RENDER"
scene.frame_end = 5
# A hundredth of this is less than a pixel.
scene.render.resolution_x, scene.render.resolution_y = 32, 32
scene.render.use_border, scene.render.border_max_x = True, 0.1
scene.view_layers.new("Second")
# A movie is begun before the engine is asked, and without a camera it is not asked at all.
scene.render.filepath = f"{output}/written"
scene.render.image_settings.file_format = "FFMPEG"
bpy.data.objects.remove(scene.camera)
bpy.ops.wm.save_as_mainfile(filepath=path)
