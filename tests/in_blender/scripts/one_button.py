"""Runs in a Blender with a window: one button with nothing configured, from an empty network to frames on the disk.

Only the search on the network is replaced, because other tests have masters on it; master, slave, job and render are real.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import bpy
import start

import farm

(folder,) = start.arguments()
output = Path(folder) / "output"
netrender = start.enable()
session, watching, client = netrender.session, netrender.watching, netrender.client
reported: list[str] = []
netrender.notices._tell_desktop = reported.append
looked: list[int] = []
rendered_by: list[str] = []
bpy.app.handlers.render_init.append(lambda scene, *_: rendered_by.append(scene.render.engine))


def masters() -> object:
    """Nobody answers, after a while."""
    looked.append(1)
    return start.answered([], looks=3)


client.masters = masters
# Somebody else has the usual port: the master takes another one.
taken = socket.create_server(("", 0))


def prepare() -> None:
    """A small scene that was never saved, with settings as they are but for what keeps the test to itself."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = 32
    scene.frame_start, scene.frame_end = 1, 3
    scene.render.filepath = f"{output}/frame_"
    settings = scene.network_render
    settings.path = folder
    settings.server_port = taken.getsockname()[1]
    settings.use_master_broadcast = False


def press(operator: str) -> set[str]:
    """Presses a button."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        return getattr(bpy.ops.render, operator)("INVOKE_DEFAULT")


def one_button() -> Iterator[start.Awaited]:
    """The whole way."""
    assert press("netclientanim") == {"RUNNING_MODAL"}
    assert watching.said() == "Looking for a master on the network", watching.said()
    yield lambda: session.is_running("master") and session.is_running("slave")
    assert session.own_url() and not session.own_url().endswith(f":{taken.getsockname()[1]}")
    facts = dict(session.facts("master"))
    assert session.own_url().endswith(f":{facts['Port']}") and facts["Address"] != "127.0.0.1", facts
    yield lambda: bool(watching.jobs())
    assert watching.said() is None
    yield lambda: bpy.context.scene.render.engine == "CYCLES"
    assert len(bpy.context.window_manager.windows) == 2, "as Blender is at its first start, a render has a window of its own"
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[1]):
        bpy.ops.wm.window_close()
    # Without a window manager the keyboard is where the pointer is.
    bpy.context.preferences.view.render_display_type = "AREA"
    assert rendered_by == ["NET_RENDER"], rendered_by
    assert [path.name for path in sorted(output.iterdir())] == [f"frame_{frame:04}.png" for frame in (1, 2, 3)]
    assert not bpy.data.filepath, "a scene that is sent from memory is not saved by that"
    yield lambda: bool(reported)
    assert reported == ["untitled is finished: 3 of 3 frames"], reported
    assert watching.jobs()[0].is_over()
    assert not list(Path(bpy.app.tempdir).glob("netrender_send_*")), "the copy that was sent is gone"


def escape_while_sending() -> Iterator[start.Awaited]:
    """The farm is there already; ESC takes the job back before it is a render."""
    before = len(client.jobs(bpy.context.scene.network_render.connection()).wait())
    assert press("netclientanim") == {"RUNNING_MODAL"}
    while watching.said() is not None:
        start.press("Escape")
        yield start.redrawn
    yield lambda: not netrender.moving._submissions
    assert bpy.context.scene.render.engine == "CYCLES"
    yield lambda: len(open_jobs()) == 0
    assert len(client.jobs(bpy.context.scene.network_render.connection()).wait()) <= before + 1


def escape_while_rendering() -> Iterator[start.Awaited]:
    """ESC cancels the job together with the render."""
    bpy.context.scene.frame_end = 500
    assert press("netclientanim") == {"RUNNING_MODAL"}
    yield lambda: bpy.app.is_job_running("RENDER")
    job = bpy.context.scene.network_render.job_id
    # The render area has the keyboard only once the pointer has moved in it.
    while bpy.app.is_job_running("RENDER"):
        start.press("Escape")
        yield start.redrawn
    yield lambda: bpy.context.scene.render.engine == "CYCLES"
    yield lambda: job not in open_jobs()


def open_jobs() -> list[str]:
    """The jobs that go on at the master."""
    jobs = client.jobs(bpy.context.scene.network_render.connection()).wait()
    return [job.id for job in jobs if job.state not in client.OVER]


def another_file() -> Iterator[start.Awaited]:
    """Services outlive it, and are stopped and started from a scene that knows nothing of them."""
    bpy.ops.wm.read_homefile()
    yield start.redrawn
    assert session.is_running("master") and session.is_running("slave")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        assert bpy.ops.render.netclientstop("INVOKE_DEFAULT", role="SLAVE") == {"FINISHED"}
    yield lambda: not session.is_running("slave")
    assert session.is_running("master")
    bpy.context.scene.network_render.path = folder
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        assert bpy.ops.render.netclientstart("INVOKE_DEFAULT", role="SLAVE") == {"FINISHED"}


def a_frame_without_end() -> Iterator[start.Awaited]:
    """Blender ends while its slave renders a frame that would take days."""
    prepare()
    bpy.context.scene.cycles.samples = 2**24
    assert press("netclientsend") == {"RUNNING_MODAL"}
    yield lambda: "frame" in (session.status("slave") or "")
    print("children", *farm.processes_below(os.getpid()), flush=True)


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    prepare()
    yield from one_button()
    assert len(looked) == 1
    yield from escape_while_sending()
    yield from escape_while_rendering()
    yield from another_file()
    assert len(looked) == 1, "the master in this Blender is known without a search"
    yield from a_frame_without_end()
    print("story told", flush=True)


output.mkdir()
start.tell(walk())
