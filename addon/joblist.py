"""The farm's jobs: the list, and what its buttons do."""

from collections.abc import Iterable
from typing import Any

import bpy
from bpy.props import BoolProperty

from . import client, job, questions
from .answers import Result, fail, possible, refuse, sentence
from .connection import Connection
from .layout import SubPanel, lines
from .native import Failure
from .view import view_of

_STATE_ICONS: dict[str, Any] = {
    "waiting": "SORTTIME",
    "queued": "RENDER_ANIMATION",
    "paused": "PAUSE",
    "finished": "CHECKMARK",
    "failed": "ERROR",
    "cancelled": "X",
}


class AskingOperator:
    """What operators share whose answer is the list of jobs: the panel shows it when it comes."""

    wait: BoolProperty(
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
                questions.ask(what, question, show_jobs, show_trouble)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}

    def _ask(self, connection: Connection, selected: Any) -> tuple[str, questions.Question[Any]]:
        raise NotImplementedError


class RENDER_OT_netclientstatus(AskingOperator, bpy.types.Operator):
    """Bring the list of jobs up to date"""

    bl_idname = "render.netclientstatus"
    bl_label = "Refresh Jobs"

    def _ask(self, connection: Connection, _selected: Any) -> tuple[str, questions.Question[Any]]:
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

    def _ask(self, connection: Connection, selected: Any) -> tuple[str, questions.Question[Any]]:
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

    def _ask(self, connection: Connection, selected: Any) -> tuple[str, questions.Question[Any]]:
        return f"remove {selected.job_id}", client.remove(connection, selected.job_id)


class RENDER_UL_network_jobs(bpy.types.UIList):
    """The rows of the list of jobs."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: Any,
        item: Any,
        icon: int | None,
        active_data: Any,
        active_property: str | None,
        index: int | None,
    ) -> None:
        """Shows a job in one row."""
        split = layout.split(factor=0.65)
        split.label(text=item.name, icon=_STATE_ICONS.get(item.state, "DOT"))
        counts = split.row()
        counts.alignment = "RIGHT"
        counts.label(text=f"{item.done} / {item.total}")


class RENDER_PT_network_jobs(SubPanel, bpy.types.Panel):
    """The farm's jobs."""

    bl_label = "Jobs"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the list as of the last refresh, and the selected job."""
        layout = self.layout
        view = view_of(context)
        row = layout.row()
        row.template_list("RENDER_UL_network_jobs", "", view, "jobs", view, "active_job_index", rows=4)
        buttons = row.column(align=True)
        buttons.operator("render.netclientstatus", text="", icon="FILE_REFRESH")
        buttons.separator()
        buttons.operator("render.netclientcancel", text="", icon="X")
        buttons.operator("render.netclientremove", text="", icon="TRASH")
        if questions.is_asking():
            layout.label(text="Asking the master…", icon="SORTTIME")
        elif view.trouble:
            lines(context, layout, view.trouble, "ERROR")
        selected = view.active_job()
        if selected is not None:
            column = layout.column(align=True)
            failed = f", {selected.failed} failed" if selected.failed else ""
            told = f"{sentence(selected.state)}: {selected.done} of {selected.total} frames{failed}"
            column.label(text=told, icon=_STATE_ICONS.get(selected.state, "DOT"))
            if selected.explanation:
                lines(context, column, sentence(selected.explanation), "INFO")
        layout.operator("render.netclientdownload", icon="IMPORT")


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
        RENDER_OT_netclientstatus,
        RENDER_OT_netclientcancel,
        RENDER_OT_netclientremove,
        RENDER_UL_network_jobs,
        RENDER_PT_network_jobs,
    )
)
