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


# How long anybody in this window was ready to wait for an answer, and how many questions there were.
patience: set[float] = set()
asked: list[object] = []
begin, answer = questions.Question.__init__, questions.Question.answer


def counted_begin(self, steps) -> None:
    """A question is begun."""
    asked.append(self)
    begin(self, steps)


def noted_answer(self, timeout: float) -> object:
    """Somebody looks for an answer."""
    patience.add(timeout)
    return answer(self, timeout)


questions.Question.__init__, questions.Question.answer = counted_begin, noted_answer


def draw_often() -> None:
    """Draws all editors again and again, with the Render properties among them."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "PROPERTIES":
            area.spaces[0].context = "RENDER"
    before = len(asked)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=20)
    assert len(asked) == before, "drawing asks nothing"


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

    draw_often()
    assert invoke("netclientsend") == {"RUNNING_MODAL"}
    assert invoke("netclientstatus") == {"FINISHED"}
    assert patience == {0.0}, f"somebody stopped the window to wait: {sorted(patience)} s"
    print("nobody waited", flush=True)


start.tell(walk())
