"""What the buttons of services and lists do. Sending jobs is in `sending`."""

import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import bpy
from bpy.props import BoolProperty

from . import client, job, native, service, session
from .native import Failure
from .properties import NetworkRenderView

TICK_S = 0.1

# What Blender takes as an operator's answer.
Result = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]


class RENDER_OT_netclientstart(bpy.types.Operator):
    """Start the master or slave in the background of this Blender"""

    bl_idname = "render.netclientstart"
    bl_label = "Start Service"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the scene's mode is a service that does not run yet."""
        role = service.role_of(job.scene_of(context))
        if role is None:
            return refuse(cls, "Choose the mode Master or Slave")
        return possible(cls) and (not session.is_running(role) or refuse(cls, f"The {role} runs already"))

    def execute(self, context: bpy.types.Context) -> Result:
        """Starts it; returns as soon as it listens."""
        try:
            role = service.start(job.scene_of(context))
        except Failure as failure:
            return fail(self, failure)
        self.report({"INFO"}, f"The {role} runs")
        return {"FINISHED"}


class RENDER_OT_netclientstop(bpy.types.Operator):
    """Stop the master or slave that runs in this Blender; its jobs and results are kept"""

    bl_idname = "render.netclientstop"
    bl_label = "Stop"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether it runs."""
        role = service.role_of(job.scene_of(context))
        return (role is not None and session.is_running(role)) or refuse(cls, "No service of this mode runs here")

    def execute(self, context: bpy.types.Context) -> Result:
        """Stops it within a bounded time."""
        role = service.role_of(job.scene_of(context))
        try:
            if role is not None:
                session.stop(role)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class RENDER_OT_netclientweb(bpy.types.Operator):
    """Open the master's monitor in a web browser"""

    bl_idname = "render.netclientweb"
    bl_label = "Open Master Monitor"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the address is known; asks no network."""
        known = session.monitor_url(job.settings_in(context).connection()) is not None
        return known or refuse(cls, "Start a master here, connect to one by Refresh, or enter its address")

    def execute(self, context: bpy.types.Context) -> Result:
        """Opens it."""
        url = session.monitor_url(job.settings_in(context).connection())
        if url is not None:
            webbrowser.open(url)
        return {"FINISHED"}


class RENDER_OT_netmasterkey(bpy.types.Operator):
    """Copy the key of this master's farm, to be used on other computers"""

    bl_idname = "render.netmasterkey"
    bl_label = "Copy Farm Key"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a key to be copied."""
        return session.farm_key() is not None or refuse(cls, "No master with a key runs here")

    def execute(self, context: bpy.types.Context) -> Result:
        """Puts it into the clipboard."""
        context.window_manager.clipboard = session.farm_key() or ""
        self.report({"INFO"}, "The farm's key is in the clipboard")
        return {"FINISHED"}


class AskingOperator:
    """What operators share whose answer is the list of jobs: the panel shows it when it comes."""

    wait: BoolProperty(  # type: ignore[valid-type]
        name="Wait",
        description="Return once the master has answered, for scripts",
        default=True,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a core to ask with."""
        return possible(cls)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Asks while the artist goes on working."""
        self.wait = False
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> Result:
        """Asks, and shows the answer."""
        view_of(context).trouble = ""
        try:
            what, question = self._ask(job.settings_in(context).connection(), view_of(context).active_job())
            if self.wait:
                show_jobs(question.wait())
            else:
                client.ask(what, question, show_jobs, show_trouble)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}

    def _ask(self, connection: client.Connection, selected: Any) -> tuple[str, client.Question[Any]]:
        raise NotImplementedError


class RENDER_OT_netclientstatus(AskingOperator, bpy.types.Operator):
    """Bring the list of jobs up to date"""

    bl_idname = "render.netclientstatus"
    bl_label = "Refresh Jobs"

    def _ask(self, connection: client.Connection, _selected: Any) -> tuple[str, client.Question[Any]]:
        return "jobs", client.jobs(connection)


class JobOperator:
    """What the operators of the selected job share."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether a job is selected."""
        return possible(cls) and (view_of(context).active_job() is not None or refuse(cls, "Select a job in the list"))


class RENDER_OT_netclientcancel(JobOperator, AskingOperator, bpy.types.Operator):
    """End the selected job; its finished frames stay on the master"""

    bl_idname = "render.netclientcancel"
    bl_label = "Cancel Job"

    def _ask(self, connection: client.Connection, selected: Any) -> tuple[str, client.Question[Any]]:
        return f"cancel {selected.job_id}", client.cancel(connection, selected.job_id)


class RENDER_OT_netclientremove(JobOperator, AskingOperator, bpy.types.Operator):
    """Delete the selected job from the master, with its files and results"""

    bl_idname = "render.netclientremove"
    bl_label = "Remove Job"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Confirms it with the artist first."""
        self.wait = False
        confirmed: Result = context.window_manager.invoke_confirm(self, event)
        return confirmed

    def _ask(self, connection: client.Connection, selected: Any) -> tuple[str, client.Question[Any]]:
        return f"remove {selected.job_id}", client.remove(connection, selected.job_id)


class RENDER_OT_netclientdownload(JobOperator, bpy.types.Operator):
    """Save all finished frames of the selected job as multilayer EXR files into the current output folder"""

    bl_idname = "render.netclientdownload"
    bl_label = "Get Results"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Fetches while the artist goes on working."""
        begun = self._begin(context)
        if begun != {"RUNNING_MODAL"}:
            return begun
        context.window_manager.modal_handler_add(self)
        self._timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        return begun

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Looks at each tick how many frames are here."""
        if event.type == "ESC":
            return self._end(context, {"CANCELLED"})
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            while self._take(0.0):
                pass
        except Failure as failure:
            self._end(context, {"CANCELLED"})
            return fail(self, failure)
        if self._results is not None and not self._left:
            return self._end(context, {"FINISHED"})
        context.workspace.status_text_set(f"Get Results: {self._text()}   ESC ends it")
        # Others, such as a job that is being sent, live on the same ticks.
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Another file is opened or Blender ends: what is here stays."""
        self._leave(context)

    def execute(self, context: bpy.types.Context) -> Result:
        """Fetches and waits, for scripts."""
        begun = self._begin(context)
        if begun != {"RUNNING_MODAL"}:
            return begun
        try:
            while self._results is None or self._left:
                self._take(TICK_S)
        except Failure as failure:
            self._leave(context)
            return fail(self, failure)
        return self._end(context, {"FINISHED"})

    def _begin(self, context: bpy.types.Context) -> Result:
        selected = view_of(context).active_job()
        self._timer = None
        self._results: client.Results | None = None
        self._left: list[int] = []
        # With a name behind it, a path that ends with a slash is the folder itself, as in Blender.
        self._folder = Path(bpy.path.abspath(context.scene.render.filepath) + "name").parent
        try:
            connection = job.settings_in(context).connection()
            self._question = client.gather_results(connection, selected.job_id, str(self._folder))
        except Failure as failure:
            return fail(self, failure)
        return {"RUNNING_MODAL"}

    def _take(self, timeout: float) -> bool:
        """Whether there is more to be taken: the master's answer is here, or the next frame."""
        if self._results is None:
            self._results = self._question.answer(timeout)
            self._left = [] if self._results is None else list(self._results.frames)
            return self._results is not None
        if not self._left:
            return False
        gathered = self._results.gathering.frame(self._left[0], timeout)
        if gathered.state in ("failed", "unknown", "cancelled"):
            raise Failure(gathered.text)
        if gathered.path is None:
            return False
        self._left.pop(0)
        return True

    def _text(self) -> str:
        if self._results is None:
            return "asking the master…"
        return f"{len(self._results.frames) - len(self._left)} of {len(self._results.frames)} frames"

    def _end(self, context: bpy.types.Context, result: Result) -> Result:
        self._leave(context)
        if self._results is not None:
            self.report({"INFO"}, f"{self._text()} are in {self._folder}")
        return result

    def _leave(self, context: bpy.types.Context) -> None:
        self._question.stop()
        if self._results is not None:
            self._results.gathering.stop()
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            # Without a window there is no workspace.
            if context.workspace is not None:
                context.workspace.status_text_set(None)


def possible(operator: Any) -> bool:
    """Whether the native core is there; else says in the button's tooltip why not."""
    obstacle = native.obstacle()
    return obstacle is None or refuse(operator, sentence(obstacle))


def refuse(operator: Any, reason: str) -> bool:
    """Greys a button out and says why."""
    operator.poll_message_set(reason)
    return False


def fail(operator: Any, failure: Failure) -> Result:
    """Ends an operator with the reason."""
    operator.report({"ERROR"}, sentence(str(failure)))
    return {"CANCELLED"}


def sentence(text: str) -> str:
    """A reason as the interface writes it."""
    return text[:1].upper() + text[1:]


def view_of(context: bpy.types.Context) -> NetworkRenderView:
    """The window manager's view, with its type."""
    view: NetworkRenderView = context.window_manager.network_render
    return view


def show_jobs(found: Iterable[Any]) -> None:
    """Shows the master's jobs in the list and keeps the selection."""
    view = view_of(bpy.context)
    before = view.active_job()
    selected = before.job_id if before is not None else job.settings_in(bpy.context).job_id
    view.jobs.clear()
    view.active_job_index = -1
    for index, info in enumerate(found):
        row = view.jobs.add()
        row.name, row.job_id, row.state, row.frames = info.name, info.id, info.state, info.frames
        row.total, row.done, row.failed = info.total, info.done, info.failed
        row.explanation = info.explanation[0] if info.explanation else ""
        if info.id == selected:
            view.active_job_index = index


def show_trouble(text: str) -> None:
    """Shows below the list why there was no answer."""
    view_of(bpy.context).trouble = sentence(text)


register, unregister = bpy.utils.register_classes_factory(
    (
        RENDER_OT_netclientstart,
        RENDER_OT_netclientstop,
        RENDER_OT_netclientweb,
        RENDER_OT_netmasterkey,
        RENDER_OT_netclientstatus,
        RENDER_OT_netclientcancel,
        RENDER_OT_netclientremove,
        RENDER_OT_netclientdownload,
    )
)
