"""Runs in a Blender with a window: the master takes connections and never says a word.

No operator waits for it, and a job on its way is taken back when another file is opened.
"""

import socket
from collections.abc import Iterator

import bpy
import pictures
import start

(folder,) = start.arguments()
netrender = start.enable()
questions, moving = netrender.questions, netrender.moving
settings = bpy.context.scene.network_render
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
    """Draws all editors again and again, the Render properties among them."""
    before = len(asked)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=20)
    assert len(asked) == before, "drawing asks nothing"


def view():
    """What the panels show."""
    return bpy.context.window_manager.network_render


def invoke(operator: str, **arguments: object) -> set[str]:
    """Presses a button."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        how = "EXEC_DEFAULT" if arguments else "INVOKE_DEFAULT"
        return getattr(bpy.ops.render, operator)(how, **arguments)


def ask_by_every_button() -> None:
    """Presses what asks, one after the other: each returns before there is an answer."""
    # A confirmation ends in the last call.
    for operator, arguments in (("netclientstatus", {}), ("netclientcancel", {}), ("netclientremove", {"wait": False})):
        before = len(questions._asked)
        assert invoke(operator, **arguments) == {"FINISHED"}, operator
        assert len(questions._asked) == before + 1, f"{operator} returned with an answer"
    assert not view().trouble
    for operator in ("netclientdownload", "netclientanim"):
        assert invoke(operator) == {"RUNNING_MODAL"}, operator


def nobody_answers() -> Iterator[start.Awaited]:
    """All of them at once; each tells that there was no answer, and changes nothing."""
    ask_by_every_button()
    yield lambda: bool(moving._submissions)
    assert [submission.text() for submission in moving._submissions] == ["asking the master…"]
    pictures.take(f"{folder}/asking.png")
    # Told by a report, as with every operator that goes on.
    yield lambda: not moving._submissions
    yield lambda: not any("netclient" in what for what in questions._asked)
    assert "does not answer" in view().trouble, view().trouble
    assert [row.job_id for row in view().jobs] == ["7k3vq9xd"], "the list stays as it was last seen"
    assert not moving._gatherings
    assert bpy.context.scene.render.engine == "CYCLES"
    yield start.redrawn
    pictures.take(f"{folder}/trouble.png")
    draw_often()


def another_file() -> Iterator[start.Awaited]:
    """Nobody would ever hear of a job whose file is gone."""
    assert invoke("netclientsend") == {"RUNNING_MODAL"}
    yield lambda: bool(moving._submissions)
    bpy.ops.wm.open_mainfile(filepath=f"{folder}/shot.blend")
    assert not moving._submissions
    yield start.redrawn


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    bpy.context.scene.render.engine = "CYCLES"
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")
    row = view().jobs.add()
    row.name = row.job_id = "7k3vq9xd"
    view().active_job_index = 0
    yield from nobody_answers()
    yield from another_file()
    # Blender ends with a question under way.
    assert invoke("netclientstatus") == {"FINISHED"}
    assert patience == {0.0}, f"somebody stopped the window to wait: {sorted(patience)} s"
    print("nobody waited", flush=True)


pictures.open_only(netrender, "RENDER_PT_network_jobs")
start.tell(walk())
