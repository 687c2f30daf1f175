"""The services in the background of this Blender: start, stop, monitor, key."""

import webbrowser

import bpy

from . import job, service, session
from .answers import Result, fail, possible, refuse
from .native import Failure


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


register, unregister = bpy.utils.register_classes_factory(
    (
        RENDER_OT_netclientstart,
        RENDER_OT_netclientstop,
        RENDER_OT_netclientweb,
        RENDER_OT_netmasterkey,
    )
)
