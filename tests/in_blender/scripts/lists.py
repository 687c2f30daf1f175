"""Runs in Blender: every operator of the lists, called as a script calls it; each answer is in the lists afterwards."""

from pathlib import Path

import bpy
import start

url, folder = start.arguments()
module = start.enable()
scene = bpy.context.scene
settings = scene.network_render
settings.server_address = url
view = bpy.context.window_manager.network_render
render, netrender = bpy.ops.render, bpy.ops.netrender


def job(name: str):
    """The row of a job."""
    return next(row for row in view.jobs if row.name == name)


def refused(operator, **arguments: object) -> str:
    """What an operator fails with."""
    try:
        operator(**arguments)
    except RuntimeError as error:
        return str(error)
    raise AssertionError(f"{operator} did it")


assert not view.is_known
assert "elect a job in the list" in refused(netrender.pause_job)
assert "elect a slave in the list" in refused(netrender.pause_slave)
assert "elect a frame in the list" in refused(netrender.show_log, job="7k3vq9xd")

# Filled.
assert render.netclientstatus() == {"FINISHED"}
assert view.is_known
assert [row.name for row in view.jobs] == ["shot_020", "shot_010"]
shot = job("shot_010")
assert (shot.state, shot.total, shot.done, shot.failed, shot.category) == ("failed", 8, 7, 1, "film"), shot.state
assert 87 < shot.progress < 88
assert "gpu" in job("shot_020").explanation, job("shot_020").explanation
assert [(row.name, row.state, row.done, row.failed) for row in view.slaves] == [("node1", "idle", 7, 1)]
assert view.slaves[0].machine
assert not view.bans
assert not view.frames, "no job is selected"

# Jobs.
shot, other = job("shot_010").job_id, job("shot_020").job_id
view.active_job_index = 1
assert render.netclientstatus() == {"FINISHED"}
assert view.active_job().job_id == shot
assert [row.frame for row in view.frames] == list(range(1, 9))
failed = view.frames[2]
assert (failed.state, view.frames[0].state, view.frames[0].slave) == ("failed", "done", "node1")
assert "told to fail frame 3" in failed.failure
assert netrender.pause_job(job=other) == {"FINISHED"}
assert job("shot_020").state == "paused"
assert netrender.resume_job(job=other) == {"FINISHED"}
assert job("shot_020").state == "queued"
assert netrender.change_priority(job=other, by=3) == {"FINISHED"}
assert netrender.change_priority(job=other, by=-1) == {"FINISHED"}
assert job("shot_020").priority == 3
netrender.edit_job(job=other, name="retake", requirements="cores>=1; memory_gib>=1", tags="gpu; fast")
retake = job("retake")
assert (retake.tags, retake.priority, retake.requirements) == ("gpu; fast", 3, "cores>=1; memory_gib>=1"), retake.requirements
assert "no whole number" in refused(netrender.edit_job, job=other, requirements="cores=many")
assert netrender.show_log(frame=3) == {"FINISHED"}
assert "Fra:3" in bpy.data.texts["Network Render Log"].as_string()

# Results.
assert render.netclientdownload(folder=folder) == {"FINISHED"}
assert sorted(path.name for path in Path(folder).iterdir()) == [f"{frame:06}.exr" for frame in (1, 2, 4, 5, 6, 7, 8)]
assert "no frame of this job is finished" in refused(render.netclientdownload, job=other).lower()

# Rules.
rules = bpy.context.window_manager.network_render_rules
assert netrender.set_rules(share=40, use_starving_first=False) == {"FINISHED"}
assert (rules.use_share, rules.share, rules.use_starving_first) == (True, 40, False)
rules.share = 60
rules.use_new_first = False
assert (rules.share, rules.use_new_first) == (60, False), "what is set is shown at once"
module.rules.tick()
while module.questions.is_asking():
    module.session.pump()
assert (rules.share, rules.use_new_first, module.refresh.rules().share.limit) == (60, False, 60)

# Slaves.
node = view.slaves[0].slave_id
assert netrender.pause_slave(slave=node) == {"FINISHED"}
assert view.slaves[0].state == "paused"
assert netrender.resume_slave(slave=node) == {"FINISHED"}
assert render.netclientblacklistslave(slave=node, reason="in repair") == {"FINISHED"}
assert view.slaves[0].state == "blacklisted"
assert [(row.name, row.job_id, row.reason) for row in view.bans] == [("node1", "", "in repair")]
assert render.netclientblacklistslave(slave=node, only_job=True) == {"FINISHED"}
assert sorted(row.job_id for row in view.bans) == sorted(["", shot])
assert "elect a slave in the blacklist" in refused(render.netclientwhitelistslave)
view.active_ban_index = 0
assert render.netclientwhitelistslave() == {"FINISHED"}
assert render.netclientwhitelistslave(everybody=True, job=shot) == {"FINISHED"}
assert not view.bans

assert netrender.reset_job() == {"FINISHED"}
assert job("shot_010").state in ("queued", "failed"), "its frame fails anew"

# Empty.
assert render.netclientcancel(job=other) == {"FINISHED"}
assert job("retake").state == "cancelled"
assert netrender.remove_jobs(which="OVER") == {"FINISHED"}
assert other not in [row.job_id for row in view.jobs]
assert "no job" in refused(render.netclientremove, job=other)
assert netrender.remove_jobs(which="ALL") == {"FINISHED"}
assert netrender.end_slave(slave=node) == {"FINISHED"}
assert not view.jobs
assert not view.frames
assert view.active_job() is None
print("all done")
