"""What the buttons of services and lists do. Sending jobs is in `sending`."""

import webbrowser
from pathlib import Path
from typing import Any, Literal

import bpy

from . import job, service, session
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
        except session.Failure as failure:
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
        except session.Failure as failure:
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


class RENDER_OT_netclientstatus(bpy.types.Operator):
    """Bring the list of jobs up to date"""

    bl_idname = "render.netclientstatus"
    bl_label = "Refresh Jobs"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a core to ask with."""
        return possible(cls)

    def execute(self, context: bpy.types.Context) -> Result:
        """Asks the master."""
        try:
            refresh(context)
        except session.Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class JobOperator:
    """What the operators of the selected job share."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether a job is selected."""
        return possible(cls) and (view_of(context).active_job() is not None or refuse(cls, "Select a job in the list"))


class RENDER_OT_netclientcancel(JobOperator, bpy.types.Operator):
    """End the selected job; its finished frames stay on the master"""

    bl_idname = "render.netclientcancel"
    bl_label = "Cancel Job"

    def execute(self, context: bpy.types.Context) -> Result:
        """Cancels it and shows what became of it."""
        selected = view_of(context).active_job()
        try:
            session.cancel(job.settings_in(context).connection(), selected.job_id)
            refresh(context)
        except session.Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class RENDER_OT_netclientremove(JobOperator, bpy.types.Operator):
    """Delete the selected job from the master, with its files and results"""

    bl_idname = "render.netclientremove"
    bl_label = "Remove Job"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Asks first."""
        confirmed: Result = context.window_manager.invoke_confirm(self, event)
        return confirmed

    def execute(self, context: bpy.types.Context) -> Result:
        """Deletes it."""
        selected = view_of(context).active_job()
        try:
            session.remove(job.settings_in(context).connection(), selected.job_id)
            refresh(context)
        except session.Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


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
            while self._frames and self._take(0.0):
                pass
        except session.Failure as failure:
            self._end(context, {"CANCELLED"})
            return fail(self, failure)
        if not self._frames:
            return self._end(context, {"FINISHED"})
        context.workspace.status_text_set(f"Get Results: {self._total - len(self._frames)} of {self._total}, ESC ends it")
        # Others, such as a job that is being sent, live on the same ticks.
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Another file is opened or Blender ends: what is here stays."""
        context.window_manager.event_timer_remove(self._timer)
        self._gathering.stop()

    def execute(self, context: bpy.types.Context) -> Result:
        """Fetches and waits, for scripts."""
        begun = self._begin(context)
        if begun != {"RUNNING_MODAL"}:
            return begun
        try:
            while self._frames:
                self._take(TICK_S)
        except session.Failure as failure:
            self._gathering.stop()
            return fail(self, failure)
        return self._end(context, {"FINISHED"})

    def _begin(self, context: bpy.types.Context) -> Result:
        connection = job.settings_in(context).connection()
        selected = view_of(context).active_job()
        self._timer = None
        # With a name behind it, a path that ends with a slash is the folder itself, as in Blender.
        self._folder = Path(bpy.path.abspath(context.scene.render.filepath) + "name").parent
        try:
            self._frames = session.done_frames(connection, selected.job_id)
            self._total = len(self._frames)
            if not self._frames:
                self.report({"INFO"}, "No frame of this job is finished yet")
                return {"CANCELLED"}
            frames = ",".join(map(str, self._frames))
            self._gathering = session.gather_results(connection, selected.job_id, frames, str(self._folder))
        except session.Failure as failure:
            return fail(self, failure)
        return {"RUNNING_MODAL"}

    def _take(self, timeout: float) -> bool:
        """Whether the next frame is here."""
        gathered = self._gathering.frame(self._frames[0], timeout)
        if gathered.state in ("failed", "unknown", "cancelled"):
            raise session.Failure(gathered.text)
        if gathered.path is None:
            return False
        self._frames.pop(0)
        return True

    def _end(self, context: bpy.types.Context, result: Result) -> Result:
        self._gathering.stop()
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            context.workspace.status_text_set(None)
        self.report({"INFO"}, f"{self._total - len(self._frames)} of {self._total} frames are in {self._folder}")
        return result


def possible(operator: Any) -> bool:
    """Whether the native core is there; else says in the button's tooltip why not."""
    obstacle = session.obstacle()
    return obstacle is None or refuse(operator, sentence(obstacle))


def refuse(operator: Any, reason: str) -> bool:
    """Greys a button out and says why."""
    operator.poll_message_set(reason)
    return False


def fail(operator: Any, failure: session.Failure) -> Result:
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


def refresh(context: bpy.types.Context) -> None:
    """Shows the master's jobs in the list and keeps the selection. Reaches the network."""
    view = view_of(context)
    before = view.active_job()
    selected = before.job_id if before is not None else job.settings_in(context).job_id
    found = session.jobs(job.settings_in(context).connection())
    view.jobs.clear()
    view.active_job_index = -1
    for index, info in enumerate(found):
        row = view.jobs.add()
        row.name, row.job_id, row.state, row.frames = info.name, info.id, info.state, info.frames
        row.total, row.done, row.failed = info.total, info.done, info.failed
        row.explanation = info.explanation[0] if info.explanation else ""
        if info.id == selected:
            view.active_job_index = index


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
