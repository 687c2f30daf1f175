"""Runs in a Blender with a window: the lists fill themselves while they are shown, and are shown empty; pictures are taken."""

from collections.abc import Iterator

import bpy
import pictures
import start

LISTS = ("jobs", "results", "frames", "pictures", "why", "slaves", "blacklist", "rules")
url, folder = start.arguments()
netrender = start.enable()
scene = bpy.context.scene
scene.network_render.server_address = url
scene.render.engine = "NET_RENDER"
view = bpy.context.window_manager.network_render


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    # Nobody presses a button: being shown is enough.
    yield lambda: len(view.jobs) == 2 and len(view.slaves) == 1
    view.active_job_index = 1
    view.active_slave_index = 0
    yield lambda: len(view.frames) == 8
    view.active_frame_index = 2
    bpy.ops.render.netclientblacklistslave(slave=view.slaves[0].slave_id, reason="its graphics card is being replaced")
    yield lambda: len(view.bans) == 1
    view.active_ban_index = 0
    yield start.redrawn
    yield lambda: len(netrender.thumbnails._previews) == sum(row.state == "done" for row in view.frames)
    yield start.redrawn
    pictures.take(f"{folder}/lists.png")
    bpy.ops.netrender.show_log("INVOKE_DEFAULT")
    yield lambda: len(bpy.context.window_manager.windows) == 2
    yield start.redrawn
    text = bpy.context.window_manager.windows[1].screen.areas[0].spaces.active.text
    assert "Fra:3" in text.as_string()
    bpy.ops.render.netclientwhitelistslave()
    bpy.ops.netrender.remove_jobs(which="ALL")
    yield lambda: not view.jobs and not view.frames
    yield start.redrawn
    pictures.take(f"{folder}/lists_empty.png")
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")
    assert "Network Render Log" not in bpy.data.texts, "a log is no part of the artist's file"
    print("all shown", flush=True)


pictures.open_only(netrender, *(f"RENDER_PT_network_{name}" for name in LISTS))
start.tell(walk())
