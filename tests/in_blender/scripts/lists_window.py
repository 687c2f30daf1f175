"""Runs in a Blender with a window: the lists fill themselves while they are shown, and are shown empty; pictures are taken."""

from collections.abc import Iterator
from types import SimpleNamespace

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


def ordered() -> Iterator[start.Awaited]:
    """The list of jobs is filtered and sorted by what its own header sets; rows are noted as they are drawn."""
    listed = netrender.joblist.RENDER_UL_network_jobs
    wishes: dict[str, object] = {}
    drawn: list[str] = []
    draw_item = listed.draw_item

    def noted(self, context, layout, data, item, icon, active_data, active_property, index):
        for name, value in wishes.items():
            setattr(self, name, value)
        drawn.append(item.name)
        draw_item(self, context, layout, data, item, icon, active_data, active_property, index)

    listed.draw_item = noted
    usual = {"filter_name": "", "use_filter_invert": False, "use_filter_sort_alpha": False, "use_own_order": False}
    for changed, rows in (
        ({}, ["shot_020", "shot_010"]),
        ({"use_filter_sort_alpha": True}, ["shot_010", "shot_020"]),
        ({"use_own_order": True}, ["shot_010", "shot_020"]),
        ({"use_own_order": True, "use_filter_sort_reverse": True}, ["shot_020", "shot_010"]),
        ({"filter_name": "020"}, ["shot_020"]),
        ({"filter_name": "020", "use_filter_invert": True}, ["shot_010"]),
    ):
        wishes.update(usual | {"use_filter_sort_reverse": False} | changed)
        for _ in range(3):
            drawn.clear()
            netrender.session.redraw_panels()
            yield start.redrawn
        assert drawn[: len(rows)] == rows and set(drawn) == set(rows), (changed, drawn)
    wishes.update(usual)
    netrender.session.redraw_panels()
    yield start.redrawn
    listed.draw_item = draw_item


def undone() -> Iterator[start.Awaited]:
    """What operators have changed in the scene is taken back by undo: at once, and when the answer came later."""
    render = bpy.ops.render
    # With another master the lists would be emptied meanwhile.
    bpy.app.timers.unregister(netrender.refresh.tick)
    bpy.ops.ed.undo_push(message="Before")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        render.netclientusemaster("EXEC_DEFAULT", True, url="http://node9:8123")
    assert bpy.context.scene.network_render.server_port == 8123
    bpy.ops.ed.undo()
    yield start.redrawn
    assert bpy.context.scene.network_render.server_address == url
    found = [SimpleNamespace(name="node9", url="http://node9:8123", usable=True)]
    netrender.client.masters = lambda: start.answered(found, looks=2)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        render.netclientscan("INVOKE_DEFAULT")
    yield lambda: bpy.context.scene.network_render.server_address == "node9"
    bpy.ops.ed.undo()
    yield start.redrawn
    assert bpy.context.scene.network_render.server_address == url
    bpy.app.timers.register(netrender.refresh.tick, persistent=True)


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    # Nobody presses a button: being shown is enough.
    yield lambda: len(view.jobs) == 2 and len(view.slaves) == 1
    yield from ordered()
    yield from undone()
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
