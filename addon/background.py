"""The services in the background of this Blender: start, stop, monitor, key, and what they do at the moment."""

import webbrowser
from typing import Any

import bpy
from bpy.props import EnumProperty

from . import job, service, session
from .answers import Result, fail, possible, refuse, sentence
from .layout import Layout, lines, split
from .native import Failure

_ROLES = (
    ("MODE", "Of the Mode", "What the scene's mode is"),
    ("MASTER", "Master", "The master"),
    ("SLAVE", "Slave", "The slave"),
)


class ServiceOperator:
    """What start and stop share: the service that is meant."""

    role: EnumProperty(name="Service", description="Which service is meant", items=_ROLES, options={"SKIP_SAVE"})

    def _role(self, context: bpy.types.Context) -> session.Role | None:
        roles: dict[str, session.Role] = {"MASTER": "master", "SLAVE": "slave"}
        return roles.get(self.role) or service.role_of(job.scene_of(context))


class RENDER_OT_netclientstart(ServiceOperator, bpy.types.Operator):
    """Start the master or slave in the background of this Blender, which stays free for your work"""

    bl_idname = "render.netclientstart"
    bl_label = "Start Service"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether services can run here."""
        return possible(cls)

    def execute(self, context: bpy.types.Context) -> Result:
        """Starts it; returns as soon as it listens."""
        role = self._role(context)
        if role is None:
            return fail(self, Failure("choose the mode Master or Slave to start a service"))
        if session.is_running(role):
            return fail(self, Failure(f"the {role} runs already"))
        try:
            service.start(job.scene_of(context), role)
        except Failure as failure:
            return fail(self, failure)
        self.report({"INFO"}, f"The {role} runs")
        return {"FINISHED"}


class RENDER_OT_netclientstop(ServiceOperator, bpy.types.Operator):
    """Stop the service that runs in this Blender; its jobs and results are kept"""

    bl_idname = "render.netclientstop"
    bl_label = "Stop Service"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether any runs."""
        return any(map(session.is_running, session.ROLES)) or refuse(cls, "No service runs in this Blender")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Has it end while the artist goes on working."""
        return self._stop(context, wait=False)

    def execute(self, context: bpy.types.Context) -> Result:
        """Stops it within a bounded time, for scripts."""
        return self._stop(context, wait=True)

    def _stop(self, context: bpy.types.Context, *, wait: bool) -> Result:
        role = self._role(context)
        if role is None or not session.is_running(role):
            return fail(self, Failure("no service of this mode runs in this Blender"))
        try:
            if wait:
                session.stop(role)
            else:
                session.stop_soon(role)
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
    """Copy the key of this computer's farm, to be pasted as Farm Key on other computers"""

    bl_idname = "render.netmasterkey"
    bl_label = "Copy Farm Key"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a key to be copied."""
        return session.farm_key() is not None or refuse(cls, "No master with a key has run here yet")

    def execute(self, context: bpy.types.Context) -> Result:
        """Puts it into the clipboard."""
        context.window_manager.clipboard = session.farm_key() or ""
        self.report({"INFO"}, "The farm's key is in the clipboard")
        return {"FINISHED"}


def draw_main(context: bpy.types.Context, layout: Layout, role: session.Role) -> None:
    """The main button of a mode that is a service, and what the service does."""
    main = layout.row()
    main.scale_y = 1.5
    if not session.is_running(role):
        main.operator("render.netclientstart", icon="PLAY").role = role.upper()
        why = session.status(role)
        if why:
            lines(context, layout, sentence(why), "ERROR")
        return
    main.enabled = not session.is_stopping(role)
    main.operator("render.netclientstop", icon="SNAP_FACE").role = role.upper()
    column = split(layout.column(align=True))
    for name, value in session.facts(role):
        row = column.split(factor=0.4)
        left = row.row()
        left.alignment = "RIGHT"
        left.label(text=name)
        row.label(text=value)


def draw_others(context: bpy.types.Context, layout: Layout, shown: session.Role | None) -> None:
    """The services that run although the mode is another one."""
    for role in session.ROLES:
        if role != shown and session.is_running(role):
            row = layout.row(align=True)
            lines(context, row, f"{role.title()}: {session.status(role)}", ICONS[role], buttons=1)
            row.operator("render.netclientstop", text="", icon="X", emboss=False).role = role.upper()


def draw_in_status_bar(header: Any, _context: bpy.types.Context) -> None:
    """What runs in this Blender, wherever the artist looks."""
    layout: Layout = header.layout
    for role in session.ROLES:
        if session.is_running(role):
            layout.label(text=f"{role.title()}: {session.status(role)}", icon=ICONS[role])


ICONS: dict[session.Role, str] = {"master": "NETWORK_DRIVE", "slave": "RENDER_ANIMATION"}


def _status_bar() -> Any:
    return bpy.types.STATUSBAR_HT_header


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (
        RENDER_OT_netclientstart,
        RENDER_OT_netclientstop,
        RENDER_OT_netclientweb,
        RENDER_OT_netmasterkey,
    )
)


def register() -> None:
    """Adds the buttons, and the line in the status bar."""
    _register_classes()
    _status_bar().append(draw_in_status_bar)


def unregister() -> None:
    """Takes them away."""
    _status_bar().remove(draw_in_status_bar)
    _unregister_classes()
