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
    """Tries to send in each way, and expects the sentence."""
    for operator in ("netclientanim", "netclientsend", "netclientsendframe"):
        told = refusal(operator)
        assert expected in told, told


def refusal(operator: str) -> str:
    """What an operator fails with."""
    try:
        getattr(bpy.ops.render, operator)()
    except RuntimeError as error:
        return str(error)
    return f"{operator} sent it"


settings.send_from_memory = False
check("Save the file first: what is sent is the file on disk")
bpy.ops.wm.save_as_mainfile(filepath=path)
camera, scene.camera = scene.camera, None
check("scene Scene has no camera")
scene.camera = camera
scene.render.engine = "NET_RENDER"
settings.job_render_engine, settings.job_render_engine_other = "OTHER", " "
check("hoose the Engine that slaves render with in Job Settings")
print("all told")
