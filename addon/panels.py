"""Network Render in the Render properties, under every engine: three controls first, all else collapsed."""

import textwrap
from typing import Any

import bpy

from . import client, job, native, operators, service, session

_STATE_ICONS = {
    "waiting": "SORTTIME",
    "queued": "RENDER_ANIMATION",
    "paused": "PAUSE",
    "finished": "CHECKMARK",
    "failed": "ERROR",
    "cancelled": "X",
}

# What a panel's edges and an icon take of its width, and a character of a label on the average, both at scale 1.
MARGIN_PIXELS = 90
CHARACTER_PIXELS = 6.2
LINE_CHARACTERS_MIN = 16


class RENDER_PT_network(bpy.types.Panel):
    """The role of this Blender, and its main button."""

    bl_label = "Network Render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the mode and what it can do."""
        layout = self.layout
        obstacle = native.obstacle()
        if obstacle is not None:
            _lines(context, layout, operators.sentence(obstacle), "ERROR")
        layout.row().prop(job.settings_in(context), "mode", expand=True)
        role = service.role_of(job.scene_of(context))
        if role is None:
            _draw_client(layout)
        else:
            _draw_service(context, layout, role)


class NetworkSubPanel:
    """What the collapsed panels below it share."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_parent_id = "RENDER_PT_network"
    bl_options = {"DEFAULT_CLOSED"}

    # The mode that shows the panel; None for all.
    mode: str | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the scene's mode is the panel's."""
        return cls.mode in (None, job.settings_in(context).mode)


class RENDER_PT_network_job(NetworkSubPanel, bpy.types.Panel):
    """What is sent."""

    bl_label = "Job Settings"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the job's settings."""
        layout = _split(self.layout)
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


class RENDER_PT_network_jobs(NetworkSubPanel, bpy.types.Panel):
    """The farm's jobs."""

    bl_label = "Jobs"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the list as of the last refresh, and the selected job."""
        layout = self.layout
        view = operators.view_of(context)
        row = layout.row()
        row.template_list("RENDER_UL_network_jobs", "", view, "jobs", view, "active_job_index", rows=4)
        buttons = row.column(align=True)
        buttons.operator("render.netclientstatus", text="", icon="FILE_REFRESH")
        buttons.separator()
        buttons.operator("render.netclientcancel", text="", icon="X")
        buttons.operator("render.netclientremove", text="", icon="TRASH")
        if client.is_asking():
            layout.label(text="Asking the master…", icon="SORTTIME")
        elif view.trouble:
            _lines(context, layout, view.trouble, "ERROR")
        selected = view.active_job()
        if selected is not None:
            column = layout.column(align=True)
            failed = f", {selected.failed} failed" if selected.failed else ""
            told = f"{operators.sentence(selected.state)}: {selected.done} of {selected.total} frames{failed}"
            column.label(text=told, icon=_STATE_ICONS.get(selected.state, "DOT"))
            if selected.explanation:
                _lines(context, column, operators.sentence(selected.explanation), "INFO")
        layout.operator("render.netclientdownload", icon="IMPORT")


class RENDER_PT_network_master(NetworkSubPanel, bpy.types.Panel):
    """How the master works."""

    bl_label = "Master Settings"
    mode = "RENDER_MASTER"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the master's settings."""
        layout = _split(self.layout)
        settings = job.settings_in(context)
        layout.row().prop(settings, "master_access", expand=True)
        column = layout.column()
        column.prop(settings, "use_master_broadcast")
        column.prop(settings, "use_master_clear")
        column.prop(settings, "use_master_force_upload")
        layout.operator("render.netmasterkey", icon="COPYDOWN")


class RENDER_PT_network_slave(NetworkSubPanel, bpy.types.Panel):
    """How the slave works."""

    bl_label = "Slave Settings"
    mode = "RENDER_SLAVE"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the slave's settings."""
        layout = _split(self.layout)
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


class RENDER_PT_network_settings(NetworkSubPanel, bpy.types.Panel):
    """Where the farm is."""

    bl_label = "Network Settings"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the settings that all modes have."""
        layout = _split(self.layout)
        settings = job.settings_in(context)
        layout.prop(settings, "path")
        column = layout.column(align=True)
        column.prop(settings, "server_address")
        column.prop(settings, "server_port")
        layout.operator("render.netclientweb", icon="URL")


def _draw_client(layout: bpy.types.UILayout) -> None:
    column = layout.column()
    main = column.row()
    main.scale_y = 1.5
    main.operator("render.netclientanim", icon="RENDER_ANIMATION")
    row = column.row(align=True)
    row.operator("render.netclientsend", icon="EXPORT")
    row.operator("render.netclientsendframe", text="Send Current Frame", icon="RENDER_STILL")


def _draw_service(context: bpy.types.Context, layout: bpy.types.UILayout, role: session.Role) -> None:
    main = layout.row()
    main.scale_y = 1.5
    if session.is_running(role):
        main.operator("render.netclientstop", text=f"Stop {role.title()}", icon="PAUSE")
    else:
        main.operator("render.netclientstart", text=f"Start {role.title()}", icon="PLAY")
    text = session.status(role)
    if text:
        _lines(context, layout, operators.sentence(text), "INFO" if session.is_running(role) else "ERROR")


def _split(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Labels on the left, values on the right, as everywhere in Blender's properties."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout


def _lines(context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: Any) -> None:
    """A text over as many lines as it needs: labels do not wrap by themselves."""
    width = context.region.width / context.preferences.system.ui_scale - MARGIN_PIXELS
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, max(LINE_CHARACTERS_MIN, int(width / CHARACTER_PIXELS)))):
        column.label(text=line, icon="BLANK1" if number else icon)


def _panels_like_cycles() -> list[type]:
    """Blender's panels that show under Cycles: the same settings count on the farm."""
    return [panel for panel in bpy.types.Panel.__subclasses__() if "CYCLES" in getattr(panel, "COMPAT_ENGINES", ())]


CLASSES = (
    RENDER_PT_network,
    RENDER_PT_network_job,
    RENDER_UL_network_jobs,
    RENDER_PT_network_jobs,
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
