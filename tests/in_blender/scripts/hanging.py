"""Runs in a Blender with a window: the master takes connections and never says a word; no operator waits for it."""

import socket
from collections.abc import Callable, Iterator

import bpy
import start

(folder,) = start.arguments()
bpy.context.preferences.view.show_splash = False
netrender = start.enable()
questions, moving = netrender.questions, netrender.moving
scene = bpy.context.scene
settings = scene.network_render
# The system takes the connections; nobody reads what comes in.
silent = socket.create_server(("127.0.0.1", 0))
settings.server_address, settings.server_port = silent.getsockname()


def view():
    """What the panels show."""
    return bpy.context.window_manager.network_render


def invoke(operator: str, **arguments: object) -> set[str]:
    """Presses a button."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        how = "EXEC_DEFAULT" if arguments else "INVOKE_DEFAULT"
        return getattr(bpy.ops.render, operator)(how, **arguments)


def walk() -> Iterator[Callable[[], bool]]:
    """The story; each `yield` says what to wait for."""
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")
    bpy.context.scene.render.engine = "CYCLES"
    row = view().jobs.add()
    row.name = row.job_id = "7k3vq9xd"
    view().active_job_index = 0

    # A confirmation ends in this call; the other two are what their buttons do.
    for operator, arguments in (("netclientstatus", {}), ("netclientcancel", {}), ("netclientremove", {"wait": False})):
        view().trouble = ""
        assert invoke(operator, **arguments) == {"FINISHED"}, operator
        assert questions.is_asking(), f"{operator} returned before there was an answer"
        assert not view().trouble
        yield lambda: bool(view().trouble)
        assert not questions.is_asking()
        assert "does not answer" in view().trouble, view().trouble
        assert [row.job_id for row in view().jobs] == ["7k3vq9xd"], "the list stays as it was last seen"

    assert invoke("netclientdownload") == {"RUNNING_MODAL"}
    assert invoke("netclientanim") == {"RUNNING_MODAL"}
    yield lambda: bool(moving._submissions)
    assert [submission.text() for submission in moving._submissions] == ["asking the master…"]
    # Told by a report, as with every operator that goes on.
    yield lambda: not moving._submissions
    assert not moving._gatherings
    assert scene.render.engine == "CYCLES"

    assert invoke("netclientsend") == {"RUNNING_MODAL"}
    assert invoke("netclientstatus") == {"FINISHED"}
    print("nobody waited", flush=True)


start.tell(walk())
