"""Runs in Blender: saves settings into a file, or reads them back."""

import bpy
import start

path, step = start.arguments()
start.enable()
VALUES = {
    "mode": "RENDER_SLAVE",
    "path": "//work",
    "server_address": "farm.example",
    "server_port": 8123,
    "slave_tags": "gpu; linux ;",
    "job_id": "00000000000000aa",
    "chunks": 7,
    "save_before_job": True,
    "send_from_memory": False,
    "use_ssl": True,
    "cert_path": "//farm.pem",
    "key_path": "//farm.key",
}
if step == "save":
    for name, value in VALUES.items():
        setattr(bpy.context.scene.network_render, name, value)
    bpy.context.scene.render.engine = "NET_RENDER"
    bpy.ops.wm.save_as_mainfile(filepath=path)
else:
    bpy.ops.wm.open_mainfile(filepath=path)
    settings = bpy.context.scene.network_render
    assert {name: getattr(settings, name) for name in VALUES} == VALUES
    assert bpy.context.scene.render.engine == "NET_RENDER"
    arguments = settings.slave_arguments("blender")
    assert arguments["tags"] == ["gpu", "linux"]
    assert arguments["master"] == "https://farm.example:8123"
