"""The farm's slaves: what each does, what it is, and what can be done to it."""

import time
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from . import client, refresh
from .answers import sentence
from .asking import SlaveOperator, needing
from .joblist import draw_state
from .layout import Layout, SubPanel, lines
from .lists import NARROW_SHARE, SortedList, ago, failures
from .native import Failure
from .view import NetworkRenderSlave, view_of

_STATE_ICONS = {
    "rendering": "RENDER_ANIMATION",
    "idle": "CHECKMARK",
    "resting": "SORTTIME",
    "paused": "PAUSE",
    "blacklisted": "GHOST_DISABLED",
    "away": "UNLINKED",
}
_RANKS = {state: rank for rank, state in enumerate(("blacklisted", "resting", "paused", "rendering", "idle", "away"))}


class RENDER_OT_netclientblacklistslave(SlaveOperator, bpy.types.Operator):
    """Give the slave nothing more, of any job; what it renders is stopped"""

    bl_idname = "render.netclientblacklistslave"
    bl_label = "Blacklist Slave"

    only_job: BoolProperty(name="Only This Job", description="Nothing more of the selected job only", options={"SKIP_SAVE"})
    reason: StringProperty(name="Reason", description="Why, for others to read", options={"SKIP_SAVE"})

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        selected = view_of(context).active_job()
        if self.only_job and selected is None:
            raise Failure("select a job in the list")
        chosen = selected.job_id if self.only_job and selected is not None else None
        reason = self.reason
        return lambda later: later.ban(whom, job=chosen, reason=reason)


class NETRENDER_OT_pause_slave(SlaveOperator, bpy.types.Operator):
    """Let the slave finish what it renders, and give it nothing more"""

    bl_idname = "netrender.pause_slave"
    bl_label = "Pause Slave"

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        return lambda later: later.pause_slave(whom)


class NETRENDER_OT_resume_slave(SlaveOperator, bpy.types.Operator):
    """Give the paused slave work again"""

    bl_idname = "netrender.resume_slave"
    bl_label = "Resume Slave"

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        return lambda later: later.resume_slave(whom)


class NETRENDER_OT_end_slave(SlaveOperator, bpy.types.Operator):
    """Let the slave end after what it renders; it is started again on its own computer only"""

    bl_idname = "netrender.end_slave"
    bl_label = "End Slave"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Any:
        """Confirms it with the artist first."""
        self.wait = False
        return context.window_manager.invoke_confirm(self, event)

    def _change(self, context: bpy.types.Context, whom: str) -> client.Change:
        return lambda later: later.end_slave(whom)


class RENDER_UL_network_slaves(SortedList, bpy.types.UIList):
    """The rows of the list of slaves."""

    def _draw_row(self, layout: Layout, item: Any, *, narrow: bool) -> None:
        """Shows a slave in one row: its state and name, what it renders, how fast it is, what it has done."""
        row = layout.split(factor=NARROW_SHARE if narrow else 0.34)
        row.active = item.state != "away"
        row.alert = narrow and item.failed > 0
        row.label(text=item.name, icon=_STATE_ICONS.get(item.state, "DOT"))
        if narrow:
            row.label(text=item.told_doing)
            return
        row = row.split(factor=0.4)
        row.label(text=item.told_doing)
        row.label(text=item.told_speed)
        row.label(text=str(item.done), icon="CHECKMARK")
        failures(row, item.failed)

    def _rank(self, row: Any) -> Any:
        return _RANKS.get(row.state, len(_RANKS)), row.name.lower()


class RENDER_PT_network_slaves(SubPanel, bpy.types.Panel):
    """The farm's slaves."""

    bl_label = "Slaves Status"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the list as of the last answer, and the selected slave."""
        refresh.see("slaves")
        layout: Layout = self.layout
        view = view_of(context)
        selected = view.active_slave()
        row = layout.row()
        row.template_list("RENDER_UL_network_slaves", "", view, "slaves", view, "active_slave_index", rows=4)
        _draw_buttons(context, row.column(align=True), selected)
        draw_state(context, layout, view)
        if view.is_known and not view.slaves:
            lines(context, layout, "No slave is known: choose the mode Slave in a Blender of another computer", "INFO")
        if selected is not None:
            _draw_selected(context, layout, selected)


def _draw_buttons(context: bpy.types.Context, column: Layout, selected: NetworkRenderSlave | None) -> None:
    column.operator("render.netclientstatus", text="", icon="FILE_REFRESH")
    column.separator()
    one = needing(column.column(align=True), context, "slave")
    if selected is not None and selected.state == "paused":
        one.operator("netrender.resume_slave", text="", icon="PLAY")
    else:
        one.operator("netrender.pause_slave", text="", icon="PAUSE")
    one.operator("render.netclientblacklistslave", text="", icon="REMOVE")
    one.operator("netrender.end_slave", text="", icon="QUIT")


def _draw_selected(context: bpy.types.Context, layout: Layout, selected: NetworkRenderSlave) -> None:
    column = layout.column(align=True)
    seen = ago(max(0.0, time.time() - float(selected.last_seen)))
    lines(context, column, f"{selected.address}, seen {seen}", "NETWORK_DRIVE")
    lines(context, column, f"{selected.machine}, load {selected.load:.1f}", "DESKTOP")
    failed = f", {selected.failed} failed" if selected.failed else ""
    speed = f", {selected.speed:.1f} times as fast as the average slave" if selected.done else ""
    lines(context, column, f"{selected.done} frames done{failed}{speed}", "TIME")
    lines(context, column, f"Blender {selected.blenders}" if selected.blenders else "No Blender", "BLENDER")
    if selected.tags:
        lines(context, column, f"Tags {selected.tags}", "BOOKMARKS")
    for told in selected.explanation.splitlines():
        lines(context, column, sentence(told), "DOT")


register, unregister = bpy.utils.register_classes_factory(
    (
        RENDER_OT_netclientblacklistslave,
        NETRENDER_OT_pause_slave,
        NETRENDER_OT_resume_slave,
        NETRENDER_OT_end_slave,
        RENDER_UL_network_slaves,
        RENDER_PT_network_slaves,
    )
)
