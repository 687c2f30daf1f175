"""Runs in Blender: a button that cannot be pressed says why, and a script that calls its operator is told the same."""

import bpy
import start

(path,) = start.arguments()
module = start.enable()
scene = bpy.context.scene
settings = scene.network_render
view = bpy.context.window_manager.network_render
render, netrender = bpy.ops.render, bpy.ops.netrender


def grey(operator, reason: str, **shown: object) -> None:
    """An operator that is greyed out with a reason, in a panel that shows this."""
    with bpy.context.temp_override(**shown):
        assert not operator.poll(), f"{operator} is possible"
        try:
            operator()
        except RuntimeError as error:
            assert reason in str(error), error
        else:
            raise AssertionError(f"{operator} did it")


def possible(operator, **shown: object) -> None:
    """An operator that is not."""
    with bpy.context.temp_override(**shown):
        assert operator.poll(), f"{operator} is greyed out"


# Nothing is saved, sent or running.
grey(render.netclientgather, "Send a job first")
grey(render.netclientbakes, "Save the file first: bakes lie beside it")
grey(render.netclientvcsguess, "Save the file into a working copy first")
grey(render.netclientstop, "No service runs in this Blender")
grey(render.netmasterkey, "No master with a key has run here yet")
grey(render.netclientwithdraw, "No job is being sent")
for operator in (render.netclientweb, netrender.show_job):
    grey(operator, "Start a master here, connect to one by Refresh, or enter its address")
SENDERS = (render.netclientsend, render.netclientsendframe, render.netclientanim, render.netclientbake)
for operator in SENDERS:
    possible(operator)
settings.send_from_memory = False
for operator in SENDERS:
    grey(operator, "Save the file first: what is sent is the file on disk")
settings.mode = "RENDER_SLAVE"
for operator in (*SENDERS, render.netclientgather):
    grey(operator, "Choose the mode Client")
settings.mode = "RENDER_CLIENT"
bpy.ops.wm.save_as_mainfile(filepath=path)
grey(render.netclientbakes, "Bake on Network first")
settings.server_address = "farm.example"
settings.job_id = settings.bake_job_id = "7k3vq9xd"
for operator in (*SENDERS, render.netclientgather, render.netclientbakes, render.netclientvcsguess, render.netclientweb):
    possible(operator)

# Buttons beside lists need a row; scripts name what they mean.
NEEDS = {
    "jobs": (netrender.remove_jobs, "The farm has no jobs"),
    "job": (netrender.pause_job, "Select a job in the list"),
    "errors": (netrender.reset_job, "No frame of this job has failed"),
    "results": (render.netclientdownload, "No frame of this job is finished yet"),
    "frame": (netrender.show_log, "Select a frame in the list"),
    "slave": (netrender.pause_slave, "Select a slave in the list"),
    "ban": (render.netclientwhitelistslave, "Select a slave in the blacklist"),
}
for need, (operator, reason) in NEEDS.items():
    grey(operator, reason, **{f"network_render_needs_{need}": view})
    possible(operator)
row = view.jobs.add()
row.name = row.job_id = "7k3vq9xd"
row.failed = row.done = 1
for rows in (view.slaves, view.bans, view.frames):
    rows.add()
view.frames_job = "8abcdefg"
view.active_job_index = view.active_slave_index = view.active_ban_index = view.active_frame_index = 0
# The frames that are here may be another job's.
grey(netrender.show_log, "Select a frame in the list", network_render_needs_frame=view)
view.frames_job = row.job_id
for need, (operator, _) in NEEDS.items():
    possible(operator, **{f"network_render_needs_{need}": view})

# Without its core, whatever asks says so.
module.native.obstacle = lambda: "the add-on's native part is missing"
for operator in (*SENDERS, render.netclientstatus, render.netclientstart, render.netclientscan, render.netclientkey):
    grey(operator, "The add-on's native part is missing")
print("all said why")
