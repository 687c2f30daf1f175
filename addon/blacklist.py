"""Who gets nothing: the farm's blacklist, and the selected job's."""

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from . import client, refresh
from .answers import sentence
from .asking import AskingOperator, needing
from .joblist import draw_state
from .layout import Layout, SubPanel, lines
from .lists import NARROW_SHARE, SortedList
from .native import Failure
from .view import view_of

_CAUSES = {
    "failures": ("ERROR", "Frame after frame failed there"),
    "unfit": ("ERROR", "It lacks what the job takes"),
    "client": ("USER", "An artist put it there"),
    "administrator": ("USER", "Somebody put it there"),
}


class RENDER_OT_netclientwhitelistslave(AskingOperator, bpy.types.Operator):
    """Take the slave off the blacklist: it gets work again"""

    bl_idname = "render.netclientwhitelistslave"
    bl_label = "Take off Blacklist"

    slave: StringProperty(
        name="Slave", description="The slave's id; the selected row if it is empty", options={"HIDDEN", "SKIP_SAVE"}
    )
    job: StringProperty(
        name="Job", description="The job whose list is meant; the farm's if it is empty", options={"HIDDEN", "SKIP_SAVE"}
    )
    everybody: BoolProperty(name="Everybody", description="All slaves of the list", options={"HIDDEN", "SKIP_SAVE"})

    def _changes(self, context: bpy.types.Context) -> list[client.Change]:
        selected = view_of(context).active_ban()
        slave, job = self.slave or None, self.job or None
        if self.everybody:
            slave = None
        elif slave is None:
            if selected is None:
                raise Failure("select a slave in the blacklist")
            slave, job = selected.slave_id, selected.job_id or None
        return [lambda later: later.lift_ban(slave, job=job)]


class RENDER_UL_network_bans(SortedList, bpy.types.UIList):
    """The rows of the blacklist."""

    def _draw_row(self, layout: Layout, item: Any, *, narrow: bool) -> None:
        """Shows a slave, of what it gets nothing, and until when."""
        row = layout.split(factor=NARROW_SHARE if narrow else 0.4)
        row.label(text=item.name, icon=_CAUSES.get(item.cause, ("DOT", ""))[0])
        row.label(text="This job" if item.job_id else "All jobs")
        if narrow:
            return
        until = row.row()
        until.alignment = "RIGHT"
        until.label(text=f"Until {item.until}" if item.until else "For good")

    def _rank(self, row: Any) -> Any:
        return bool(row.job_id), row.name.lower()


class RENDER_PT_network_blacklist(SubPanel, bpy.types.Panel):
    """Who gets nothing of the farm's jobs, or of the selected one."""

    bl_label = "Slaves Blacklist"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the list as of the last answer, and why the selected slave is on it."""
        refresh.see("bans")
        layout: Layout = self.layout
        view = view_of(context)
        selected = view.active_ban()
        row = layout.row()
        row.template_list("RENDER_UL_network_bans", "", view, "bans", view, "active_ban_index", rows=3)
        buttons = row.column(align=True)
        buttons.operator("render.netclientstatus", text="", icon="FILE_REFRESH")
        buttons.separator()
        needing(buttons.column(align=True), context, "ban").operator("render.netclientwhitelistslave", text="", icon="REMOVE")
        draw_state(context, layout, view)
        if view.is_known and not view.bans:
            lines(context, layout, "Every slave gets work. Those that fail frame after frame are listed here", "CHECKMARK")
        if selected is not None:
            cause = _CAUSES.get(selected.cause, ("DOT", sentence(selected.cause)))[1]
            until = f"It gets work again at {selected.until}" if selected.until else "It stays there until somebody takes it off"
            lines(context, layout, f"{cause}. {until}", "INFO")
            if selected.reason:
                lines(context, layout, sentence(selected.reason), "DOT")


register, unregister = bpy.utils.register_classes_factory(
    (RENDER_OT_netclientwhitelistslave, RENDER_UL_network_bans, RENDER_PT_network_blacklist)
)
