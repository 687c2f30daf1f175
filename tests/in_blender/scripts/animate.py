"""Runs in Blender: renders an animation locally, then on the network, and brings the results as well."""

import bpy
import start

port, output = start.arguments()
start.enable()
scene = bpy.context.scene
settings = scene.network_render
settings.server_address, settings.server_port = "127.0.0.1", int(port)
scene.render.image_settings.file_format = "PNG"
scene.render.image_settings.color_depth = "16"

scene.render.filepath = f"{output}/local_"
bpy.ops.render.render(animation=True)
scene.render.filepath = f"{output}/network_"
assert bpy.ops.render.netclientanim() == {"FINISHED"}
assert scene.render.engine == "CYCLES"
assert settings.job_engine == "CYCLES"

assert bpy.ops.render.netclientstatus() == {"FINISHED"}
view = bpy.context.window_manager.network_render
assert [row.job_id for row in view.jobs] == [settings.job_id]
assert view.active_job().state == "finished", view.active_job().state
assert bpy.ops.render.netclientdownload() == {"FINISHED"}
assert bpy.ops.render.netclientdownload(kind="FINAL", folder=f"{output}/final") == {"FINISHED"}

# Close Blender, come back later: F12 under Network Render brings the frame of the job that the file remembers.
scene.render.engine = "NET_RENDER"
scene.frame_set(2)
scene.render.filepath = f"{output}/later.png"
bpy.ops.render.render(write_still=True)
print("job", settings.job_id)
