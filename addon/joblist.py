"""The farm's jobs: the list, what the selected one does, and why it waits."""

from typing import Any

import bpy

from . import client, native, questions, refresh
from .answers import sentence
from .asking import needing
from .layout import Layout, SubPanel, beside, lines
from .lists import NARROW_SHARE, SortedList, duration, failures, progress
from .view import NetworkRenderJob, NetworkRenderView, view_of

STATE_ICONS = {
    "waiting": "SORTTIME",
    "queued": "RENDER_ANIMATION",
    "paused": "PAUSE",
    "finished": "CHECKMARK",
    "failed": "ERROR",
    "cancelled": "X",
}
# Who needs somebody comes first.
_RANKS = {state: rank for rank, state in enumerate(("failed", "queued", "waiting", "paused", "finished", "cancelled"))}


class RENDER_UL_network_jobs(SortedList, bpy.types.UIList):
    """The rows of the list of jobs."""

    def _draw_row(self, layout: Layout, item: Any, *, narrow: bool) -> None:
        """Shows a job in one row: its state and name, how far it is, when it may be done, what failed."""
        # Fixed shares, so that rows have columns; texts as they were written when the master answered.
        row = layout.split(factor=NARROW_SHARE if narrow else 0.36)
        row.alert = narrow and item.failed > 0
        row.label(text=item.name, icon=STATE_ICONS.get(item.state, "DOT"))
        if narrow:
            progress(row, item, "")
            return
        row = row.split(factor=0.54)
        progress(row, item, item.told_done)
        row.label(text=item.told_left)
        failures(row, item.failed)

    def _rank(self, row: Any) -> Any:
        return _RANKS.get(row.state, len(_RANKS)), -row.failed, row.name.lower()


class RENDER_PT_network_jobs(SubPanel, bpy.types.Panel):
    """The farm's jobs."""

    bl_label = "Jobs"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the list as of the last answer, and the selected job."""
        refresh.see("jobs")
        layout: Layout = self.layout
        view = view_of(context)
        selected = view.active_job()
        row = layout.row()
        row.template_list("RENDER_UL_network_jobs", "", view, "jobs", view, "active_job_index", rows=7)
        _draw_buttons(context, row.column(align=True), selected)
        draw_state(context, layout, view)
        if view.is_known and not view.jobs:
            lines(context, layout, "The farm has no jobs: Animation on Network or Send Job makes one of this scene", "INFO")
        if selected is not None:
            _draw_selected(context, layout, selected)
        elif view.jobs:
            lines(context, layout, "Select a job to see what it does, its frames and its results", "INFO")


class JobPanel(SubPanel):
    """What the panels about the selected job share: without one they are not there."""

    bl_parent_id = "RENDER_PT_network_jobs"
    mode = "RENDER_CLIENT"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether a job is selected."""
        return super().poll(context) and view_of(context).active_job() is not None


class RENDER_PT_network_why(JobPanel, bpy.types.Panel):
    """Why the selected job does not go on."""

    bl_label = "Why Is It Waiting?"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the sentences of the code that decides."""
        selected = view_of(context).active_job()
        told = "" if selected is None else selected.explanation
        for line in told.splitlines() or ["The master tells no reason"]:
            lines(context, self.layout, sentence(line), "DOT")


def draw_state(context: bpy.types.Context, layout: Layout, view: NetworkRenderView) -> None:
    """Tells what keeps a list from being shown as it is now."""
    if view.trouble:
        box = layout.box()
        box.alert = True
        lines(context, box, view.trouble, "ERROR")
    elif native.obstacle() is None and (not view.is_known or (questions.is_asking() and not questions.is_asking(refresh.LOOK))):
        layout.label(text="Asking the master…", icon="SORTTIME")


def _draw_buttons(context: bpy.types.Context, column: Layout, selected: NetworkRenderJob | None) -> None:
    column.operator("render.netclientstatus", text="", icon="FILE_REFRESH")
    column.separator()
    one = needing(column.column(align=True), context, "job")
    if selected is not None and selected.state == "paused":
        one.operator("netrender.resume_job", text="", icon="PLAY")
    else:
        one.operator("netrender.pause_job", text="", icon="PAUSE")
    one.operator("netrender.change_priority", text="", icon="TRIA_UP").by = 1
    one.operator("netrender.change_priority", text="", icon="TRIA_DOWN").by = -1
    one.separator()
    one.operator("render.netclientcancel", text="", icon="X")
    one.operator("render.netclientremove", text="", icon="TRASH")
    needing(column.column(align=True), context, "jobs").operator("netrender.remove_jobs", text="", icon="CANCEL")


def _draw_selected(context: bpy.types.Context, layout: Layout, selected: NetworkRenderJob) -> None:
    column = layout.column(align=True)
    told = f"{sentence(selected.state)}: {selected.done} of {selected.total} {selected.piece}s"
    if selected.rendering and selected.state not in client.OVER:
        told += f", {selected.rendering} in work"
    lines(context, column, told, STATE_ICONS.get(selected.state, "DOT"))
    if selected.told_left:
        lines(context, column, f"About {selected.told_left} left, {duration(selected.seconds)} a {selected.piece}", "TIME")
    place = f"Priority {selected.priority}" + (f", category {selected.category}" if selected.category else "")
    lines(context, column, place, "SORTBYEXT")
    if selected.blacklisted:
        slaves = "1 slave gets" if selected.blacklisted == 1 else f"{selected.blacklisted} slaves get"
        lines(context, column, f"{slaves} nothing of it: see Slaves Blacklist", "GHOST_DISABLED")
    row = beside(context, layout)
    row.operator("netrender.edit_job", text="Edit", icon="GREASEPENCIL")
    reset = "Reset Error" if selected.failed == 1 else f"Reset {selected.failed or ''} Errors".replace("  ", " ")
    needing(row.row(align=True), context, "errors").operator("netrender.reset_job", text=reset, icon="LOOP_BACK")
    row.operator("netrender.show_job", text="Monitor", icon="URL")


register, unregister = bpy.utils.register_classes_factory((RENDER_UL_network_jobs, RENDER_PT_network_jobs, RENDER_PT_network_why))
