"""Runs in Blender: has the simulations of the open file baked on the network, and looks whether they play back."""

import time

import bpy
import start
from played_back import check_places

TIMEOUT_S = 120

url, local = start.arguments()
netrender = start.enable()
scene = bpy.context.scene
settings = scene.network_render
address, _, port = url.rpartition(":")
settings.server_address, settings.server_port = address.removeprefix("http://"), int(port)
names = ["rigid bodies of Scene", "cloth of Cape", "cloth of Flag"]
assert netrender.baking.unbaked(scene) == names
assert not bpy.ops.render.netclientbakes.poll(), "nothing was baked yet"

assert bpy.ops.render.netclientbake() == {"FINISHED"}
assert settings.bake_job_id
assert not settings.job_id, "it has no frames to be brought"
view = bpy.context.window_manager.network_render
deadline = time.monotonic() + TIMEOUT_S
while bpy.ops.render.netclientstatus() == {"FINISHED"} and view.jobs[0].state != "finished":
    assert time.monotonic() < deadline, view.jobs[0].explanation
    time.sleep(0.1)
assert view.jobs[0].piece == "bake"

assert bpy.ops.render.netclientbakes() == {"FINISHED"}
assert netrender.baking.unbaked(scene) == ["rigid bodies of Scene"]
check_places(local)
print("all play back")
