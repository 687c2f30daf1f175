"""Runs in Blender: a scene that cannot be sent is told in one sentence, before any master is asked."""

import bpy
import start

(path,) = start.arguments()
start.enable()
scene = bpy.context.scene
settings = scene.network_render
settings.mode = "RENDER_CLIENT"
# Who asks here finds nobody, and says so instead of the sentence that is expected.
settings.server_address, settings.server_port = "127.0.0.1", 9


def check(expected: str) -> None:
    """Tries to send, and expects the sentence."""
    for send in (bpy.ops.render.netclientanim, bpy.ops.render.netclientsend, bpy.ops.render.netclientsendframe):
        try:
            send()
        except RuntimeError as error:
            assert expected in str(error), error
        else:
            raise AssertionError(f"nobody was told: {expected}")


check("Save the file first: what is sent is the file on disk")
bpy.ops.wm.save_as_mainfile(filepath=path)
camera, scene.camera = scene.camera, None
check("scene Scene has no camera")
scene.camera = camera
scene.render.engine = "NET_RENDER"
settings.job_render_engine, settings.job_render_engine_other = "OTHER", " "
check("hoose the Engine that slaves render with in Job Settings")
print("all told")
