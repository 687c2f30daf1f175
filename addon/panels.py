"""Network Render in the Render properties, under every engine: three controls first, all else collapsed."""

import bpy

from . import job, native, service, session
from .answers import sentence
from .layout import ROOT, Layout, SubPanel, lines, split


class RENDER_PT_network(bpy.types.Panel):
    """The role of this Blender, and its main button."""

    bl_idname = ROOT
    bl_label = "Network Render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the mode and what it can do."""
        layout = self.layout
        obstacle = native.obstacle()
        if obstacle is not None:
            lines(context, layout, sentence(obstacle), "ERROR")
        layout.row().prop(job.settings_in(context), "mode", expand=True)
        role = service.role_of(job.scene_of(context))
        if role is None:
            _draw_client(layout)
        else:
            _draw_service(context, layout, role)


class RENDER_PT_network_job(SubPanel, bpy.types.Panel):
    """What is sent."""

    bl_label = "Job Settings"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the job's settings."""
        layout = split(self.layout)
        settings = job.settings_in(context)
        column = layout.column()
        column.prop(settings, "job_name")
        column.prop(settings, "job_category")
        column.prop(settings, "job_tags")
        column = layout.column()
        if context.scene.render.engine == job.NETWORK_RENDER:
            column.prop(settings, "job_render_engine")
            if settings.job_render_engine == "OTHER":
                column.prop(settings, "job_render_engine_other")
        column = layout.column(align=True)
        column.prop(settings, "priority")
        column.prop(settings, "chunks")
        layout.prop(settings, "save_before_job")


class RENDER_PT_network_master(SubPanel, bpy.types.Panel):
    """How the master works."""

    bl_label = "Master Settings"
    mode = "RENDER_MASTER"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the master's settings."""
        layout = split(self.layout)
        settings = job.settings_in(context)
        layout.row().prop(settings, "master_access", expand=True)
        column = layout.column()
        column.prop(settings, "use_master_broadcast")
        column.prop(settings, "use_master_clear")
        column.prop(settings, "use_master_force_upload")
        layout.operator("render.netmasterkey", icon="COPYDOWN")


class RENDER_PT_network_slave(SubPanel, bpy.types.Panel):
    """How the slave works."""

    bl_label = "Slave Settings"
    mode = "RENDER_SLAVE"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the slave's settings."""
        layout = split(self.layout)
        settings = job.settings_in(context)
        render = context.scene.render
        layout.prop(settings, "slave_tags")
        column = layout.column()
        column.row().prop(render, "threads_mode", expand=True)
        threads = column.column()
        threads.enabled = render.threads_mode == "FIXED"
        threads.prop(render, "threads", text="Threads")
        column = layout.column()
        column.prop(settings, "use_slave_output_log")
        column.prop(settings, "use_slave_clear")


class RENDER_PT_network_settings(SubPanel, bpy.types.Panel):
    """Where the farm is."""

    bl_label = "Network Settings"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the settings that all modes have."""
        layout = split(self.layout)
        settings = job.settings_in(context)
        layout.prop(settings, "path")
        column = layout.column(align=True)
        column.prop(settings, "server_address")
        column.prop(settings, "server_port")
        layout.operator("render.netclientweb", icon="URL")


def _draw_client(layout: Layout) -> None:
    column = layout.column()
    main = column.row()
    main.scale_y = 1.5
    main.operator("render.netclientanim", icon="RENDER_ANIMATION")
    row = column.row(align=True)
    row.operator("render.netclientsend", icon="EXPORT")
    row.operator("render.netclientsendframe", text="Send Current Frame", icon="RENDER_STILL")


def _draw_service(context: bpy.types.Context, layout: Layout, role: session.Role) -> None:
    main = layout.row()
    main.scale_y = 1.5
    if session.is_running(role):
        main.operator("render.netclientstop", text=f"Stop {role.title()}", icon="PAUSE")
    else:
        main.operator("render.netclientstart", text=f"Start {role.title()}", icon="PLAY")
    text = session.status(role)
    if text:
        lines(context, layout, sentence(text), "INFO" if session.is_running(role) else "ERROR")


def _panels_like_cycles() -> list[type]:
    """Blender's panels that show under Cycles: the same settings count on the farm."""
    return [panel for panel in bpy.types.Panel.__subclasses__() if "CYCLES" in getattr(panel, "COMPAT_ENGINES", ())]


CLASSES = (
    RENDER_PT_network,
    RENDER_PT_network_job,
    RENDER_PT_network_master,
    RENDER_PT_network_slave,
    RENDER_PT_network_settings,
)
_register_classes, _unregister_classes = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    """Adds the panels, and the engine to those of Blender's that would vanish when it is chosen."""
    _register_classes()
    for panel in _panels_like_cycles():
        panel.COMPAT_ENGINES.add(job.NETWORK_RENDER)


def unregister() -> None:
    """Takes them away."""
    for panel in _panels_like_cycles():
        panel.COMPAT_ENGINES.discard(job.NETWORK_RENDER)
    _unregister_classes()
