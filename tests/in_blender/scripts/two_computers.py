"""Runs in a Blender with a window on each of two computers: the way of a farm from the first button to the last picture.

The `first` starts a master and later sends an animation, the `second` is given its key and renders. They share a folder in
which each tells the other how far it is, as two people who call to each other.
"""

from collections.abc import Iterator
from pathlib import Path

import bpy
import pictures
import start

me, called = start.arguments()
calls = Path(called)
netrender = start.enable()
session, search, watching = netrender.session, netrender.search, netrender.watching
own = calls / me


def settings():
    """Those of the scene that is open."""
    return bpy.context.scene.network_render


def view():
    """What the panels show: another file brings another one."""
    return bpy.context.window_manager.network_render


def choose(mode: str) -> None:
    """Clicks on a mode."""
    settings().mode = mode
    session.redraw_panels()


def press(operator: str, **arguments: object) -> set[str]:
    """Presses a button."""
    family, name = operator.split(".")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        return getattr(getattr(bpy.ops, family), name)("INVOKE_DEFAULT", **arguments)


def call(word: str, text: str = "") -> None:
    """Calls to the other one."""
    draft = calls / f"{word}.draft"
    draft.write_text(text)
    draft.rename(calls / word)


def hear(word: str) -> start.Awaited:
    """Whether the other one has called."""
    return (calls / word).is_file


def picture(name: str) -> Iterator[start.Awaited]:
    """Takes a picture of the panels as they are now."""
    session.redraw_panels()
    yield start.redrawn
    yield start.redrawn
    pictures.take(f"{calls}/{name}.png")


def open_another_file() -> Iterator[start.Awaited]:
    """A file that knows nothing of any farm; services go on."""
    running = [role for role in session.ROLES if session.is_running(role)]
    assert running
    bpy.ops.wm.open_mainfile(filepath=str(own / "other.blend"))
    yield start.redrawn
    assert [role for role in session.ROLES if session.is_running(role)] == running
    assert settings().mode == "RENDER_CLIENT"


def save_scenes() -> None:
    """A scene of three frames, and another file."""
    own.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(own / "other.blend"))
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
    scene.frame_start, scene.frame_end = 1, 3
    scene.render.filepath = f"{own}/output/frame_"
    settings().path = str(own / "work")
    bpy.ops.wm.save_as_mainfile(filepath=str(own / "shot.blend"))


def first() -> Iterator[start.Awaited]:
    """Master and artist."""
    choose("RENDER_MASTER")
    assert press("render.netclientstart") == {"FINISHED"}
    yield lambda: session.is_running("master")
    yield from picture("first_master")
    assert press("render.netmasterkey") == {"FINISHED"}
    call("key", bpy.context.window_manager.clipboard)
    yield hear("slave")
    choose("RENDER_CLIENT")
    yield lambda: len(view().slaves) == 1
    yield from animation()
    yield from results()
    yield from waiting_job()
    yield from open_another_file()
    # Nobody waits for the next look.
    yield lambda: len(view().jobs) == 2
    yield from picture("first_other_file")
    yield hear("gone")
    yield lambda: [row.state for row in view().slaves] == ["away"]
    yield from picture("first_slave_gone")
    call("over")


def animation() -> Iterator[start.Awaited]:
    """The animation comes back into the render window, and onto the disk."""
    assert press("render.netclientanim") == {"RUNNING_MODAL"}
    yield lambda: bool(watching.jobs())
    yield from picture("first_animation")
    yield lambda: watching.jobs()[-1].is_over() and bpy.context.scene.render.engine == "CYCLES"
    assert sorted(path.name for path in (own / "output").iterdir()) == [f"frame_{frame:04}.png" for frame in (1, 2, 3)]


def results() -> Iterator[start.Awaited]:
    """Get Animation brings the same again, Get Results its layers; a log is shown."""
    bpy.context.scene.render.filepath = f"{own}/again/frame_"
    assert press("render.netclientgather", animation=True) == {"FINISHED"}
    yield lambda: (own / "again" / "frame_0003.png").is_file() and bpy.context.scene.render.engine == "CYCLES"
    yield lambda: not bpy.app.is_job_running("RENDER")
    yield lambda: len(view().jobs) == 1
    view().active_job_index = 0
    bpy.context.scene.render.filepath = f"{own}/layers/"
    assert press("render.netclientdownload") == {"RUNNING_MODAL"}
    yield lambda: len(list((own / "layers").glob("*.exr"))) == 3
    yield lambda: len(view().frames) == 3
    view().active_frame_index = 1
    assert press("netrender.show_log") == {"FINISHED"}
    yield lambda: "Network Render Log" in bpy.data.texts
    assert "Fra:2" in bpy.data.texts["Network Render Log"].as_string()
    yield start.redrawn
    window = bpy.context.window_manager.windows[-1]
    with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
        bpy.ops.screen.screenshot(filepath=f"{calls}/first_log.png")
        bpy.ops.wm.window_close()
    yield from picture("first_results")


def waiting_job() -> Iterator[start.Awaited]:
    """A job that no slave may render says why."""
    settings().job_tags = "gpu"
    assert press("render.netclientsend") == {"RUNNING_MODAL"}
    yield lambda: len(view().jobs) == 2
    view().active_job_index = next(index for index, row in enumerate(view().jobs) if row.state != "finished")
    yield lambda: "gpu" in view().active_job().explanation
    yield from picture("first_waiting")


def second() -> Iterator[start.Awaited]:
    """A slave on another computer, by somebody who knows nothing of ports."""
    choose("RENDER_SLAVE")
    yield hear("key")
    assert press("render.netclientscan") == {"FINISHED"}
    yield lambda: not netrender.questions.is_asking(search.SEARCH)
    assert "Farm Key" in search._said, search._said
    yield from picture("second_no_key")
    # Those that were found are tried again by themselves.
    bpy.ops.render.netclientkey(key=(calls / "key").read_text())
    yield lambda: not netrender.questions.is_asking(search.SEARCH)
    assert search._said.startswith("Found "), search._said
    yield from picture("second_found")
    assert press("render.netclientstart") == {"FINISHED"}
    yield lambda: "waiting for work" in (session.status("slave") or "")
    yield from picture("second_slave")
    yield from open_another_file()
    call("slave")
    yield lambda: "3 rendered" in dict(session.facts("slave"))["Frames"]
    yield from picture("second_other_file")
    yield (calls / "first_waiting.png").is_file


def walk() -> Iterator[start.Awaited]:
    """The story of this computer; each `yield` says what to wait for."""
    save_scenes()
    yield from first() if me == "first" else second()
    print("story told", flush=True)


bpy.context.preferences.view.render_display_type = "AREA"
pictures.open_only(
    netrender, *(f"RENDER_PT_network_{name}" for name in ("jobs", "frames", "why", "results", "slaves", "settings", "master"))
)
start.tell(walk())
