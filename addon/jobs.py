"""What can be done to the farm's jobs: the buttons beside their list."""

import webbrowser
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from . import client, job, questions, refresh, session
from .answers import Result, fail, possible, refuse
from .asking import AskingOperator, JobOperator
from .native import Failure
from .properties import tags
from .view import view_of

PRIORITY_MIN, PRIORITY_MAX = 1, 10

_WHICH = (
    ("OVER", "Jobs That Are Over", "Those that are finished, failed or cancelled"),
    ("ALL", "All Jobs", "Those that are being rendered, too"),
)


class RENDER_OT_netclientstatus(AskingOperator, bpy.types.Operator):
    """Bring the lists of jobs, slaves and frames up to date now; while they are shown they do so by themselves"""

    bl_idname = "render.netclientstatus"
    bl_label = "Refresh"


class RENDER_OT_netclientcancel(JobOperator, bpy.types.Operator):
    """End the job; its finished frames stay on the master"""

    bl_idname = "render.netclientcancel"
    bl_label = "Cancel Job"

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        return lambda later: later.cancel(whom)


class RENDER_OT_netclientremove(JobOperator, bpy.types.Operator):
    """Delete the job from the master, with its files and results"""

    bl_idname = "render.netclientremove"
    bl_label = "Remove Job"

    keep_results: BoolProperty(name="Keep Results", description="Leave its frames on the master's disk", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Confirms it with the artist first."""
        self.wait = False
        confirmed: Result = context.window_manager.invoke_confirm(self, event)
        return confirmed

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        keep_results = self.keep_results
        return lambda later: later.remove(whom, keep_results=keep_results)


class NETRENDER_OT_remove_jobs(AskingOperator, bpy.types.Operator):
    """Delete many jobs from the master, with their files and results"""

    bl_idname = "netrender.remove_jobs"
    bl_label = "Remove All"

    which: EnumProperty(name="Remove", description="Which jobs are deleted", items=_WHICH, options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Asks the artist which ones first."""
        self.wait = False
        confirmed: Result = context.window_manager.invoke_props_dialog(self)
        return confirmed

    def draw(self, _context: bpy.types.Context) -> None:
        """Shows what is asked."""
        layout: Any = self.layout
        layout.prop(self, "which", expand=True)
        layout.label(text="Their results go from the master, too", icon="INFO")

    def execute(self, context: bpy.types.Context) -> Result:
        """Removes them, and shows what is left."""
        try:
            connection = job.settings_in(context).connection()
            question = client.clear(connection, refresh.everything(context), only_over=self.which == "OVER")
            if self.wait:
                refresh.show(question.wait())
            else:
                questions.ask(self.bl_idname, question, refresh.show, refresh.show_trouble)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class NETRENDER_OT_pause_job(JobOperator, bpy.types.Operator):
    """Let no more frames of the job begin; those that are being rendered are finished"""

    bl_idname = "netrender.pause_job"
    bl_label = "Pause Job"

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        return lambda later: later.pause(whom)


class NETRENDER_OT_resume_job(JobOperator, bpy.types.Operator):
    """Let the paused job go on"""

    bl_idname = "netrender.resume_job"
    bl_label = "Resume Job"

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        return lambda later: later.resume(whom)


class NETRENDER_OT_reset_job(JobOperator, bpy.types.Operator):
    """Let the frames that failed be rendered anew"""

    bl_idname = "netrender.reset_job"
    bl_label = "Reset Errors"

    frames: StringProperty(name="Frames", description="These frames instead, such as 1-10,20", options={"SKIP_SAVE"})
    everything: BoolProperty(name="All Frames", description="All frames, also those that are finished", options={"SKIP_SAVE"})

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        which: dict[str, Any] = {"frames": self.frames or None, "everything": self.everything}
        return lambda later: later.reset(whom, **which)


class NETRENDER_OT_change_priority(JobOperator, bpy.types.Operator):
    """Give the job more or less of the farm"""

    bl_idname = "netrender.change_priority"
    bl_label = "Change Priority"

    by: IntProperty(name="By", description="How much higher, or lower", default=1, options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        """The tooltip of each of the two buttons."""
        return "Give the job more of the farm" if properties.by > 0 else "Give the job less of the farm"

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        before = next((row.priority for row in view_of(context).jobs if row.job_id == whom), None)
        if before is None:
            raise Failure(f"the list has no job {whom}: refresh it")
        priority = min(max(before + self.by, PRIORITY_MIN), PRIORITY_MAX)
        return lambda later: later.edit(whom, priority=priority)


class NETRENDER_OT_edit_job(JobOperator, bpy.types.Operator):
    """Change the job's name, category, tags, requirements, priority and chunks"""

    bl_idname = "netrender.edit_job"
    bl_label = "Edit Job"

    name: StringProperty(name="Name", description="What the job is called", options={"SKIP_SAVE"})
    category: StringProperty(
        name="Category", description="Jobs of one category share the farm as if they were one", options={"SKIP_SAVE"}
    )
    tags: StringProperty(name="Tags", description="What its slaves must have, separated by semicolons", options={"SKIP_SAVE"})
    requirements: StringProperty(
        name="Requirements", description="What slaves must be, such as cores>=8; memory_gib>=32; gpu=cuda", options={"SKIP_SAVE"}
    )
    priority: IntProperty(
        name="Priority",
        description="A job of priority 2 gets twice the slaves of one with 1",
        default=1,
        min=PRIORITY_MIN,
        max=PRIORITY_MAX,
        options={"SKIP_SAVE"},
    )
    chunks: IntProperty(
        name="Chunks",
        description="How many frames a slave gets at a time; 0 lets the master choose",
        min=0,
        max=65535,
        options={"SKIP_SAVE"},
    )

    _FIELDS = ("name", "category", "tags", "requirements", "priority", "chunks")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Shows the job as it is, to be changed."""
        self.wait = False
        selected = view_of(context).active_job()
        if selected is None:
            return fail(self, Failure("select a job in the list"))
        for name in self._FIELDS:
            setattr(self, name, getattr(selected, name))
        shown: Result = context.window_manager.invoke_props_dialog(self)
        return shown

    def draw(self, _context: bpy.types.Context) -> None:
        """Shows the fields."""
        layout: Any = self.layout
        layout.use_property_split = True
        for name in self._FIELDS:
            layout.prop(self, name)

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        given: dict[str, Any] = {name: getattr(self, name) for name in self._FIELDS if self.properties.is_property_set(name)}
        if "tags" in given:
            given["tags"] = tags(given["tags"])
        return lambda later: later.edit(whom, **given)


class NETRENDER_OT_show_job(JobOperator, bpy.types.Operator):
    """Open the job's page of the master's monitor in a web browser"""

    bl_idname = "netrender.show_job"
    bl_label = "Open in Monitor"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the address is known; asks no network."""
        known = session.monitor_url(job.settings_in(context).connection()) is not None
        return possible(cls) and (known or refuse(cls, "Start a master here, connect to one by Refresh, or enter its address"))

    def execute(self, context: bpy.types.Context) -> Result:
        """Opens it."""
        try:
            whom = self._whom(context)
        except Failure as failure:
            return fail(self, failure)
        url = session.monitor_url(job.settings_in(context).connection()) or ""
        webbrowser.open(f"{url.rstrip('/')}/jobs/{whom}")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        RENDER_OT_netclientstatus,
        RENDER_OT_netclientcancel,
        RENDER_OT_netclientremove,
        NETRENDER_OT_remove_jobs,
        NETRENDER_OT_pause_job,
        NETRENDER_OT_resume_job,
        NETRENDER_OT_reset_job,
        NETRENDER_OT_change_priority,
        NETRENDER_OT_edit_job,
        NETRENDER_OT_show_job,
    )
)
