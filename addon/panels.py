"""Network Render in the Render properties, under every engine: three controls first, all else collapsed."""

import bpy

from . import background, client, job, native, network, service, watching
from .answers import sentence
from .layout import ROOT, Layout, SubPanel, bar, beside, lines, split
from .lists import duration


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
        for notice in native.notices():
            lines(context, layout, notice, "ERROR")
        layout.row().prop(job.settings_in(context), "mode", expand=True)
        role = service.role_of(job.scene_of(context))
        if role is None:
            _draw_client(context, layout)
        else:
            background.draw_main(context, layout, role)
        background.draw_others(context, layout, role)
        if role != "master":
            network.draw_changed_certificate(context, layout)


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
        column.prop(settings, "job_requirements")
        if context.scene.render.engine == job.NETWORK_RENDER:
            column = layout.column()
            column.prop(settings, "job_render_engine")
            if settings.job_render_engine == "OTHER":
                column.prop(settings, "job_render_engine_other")
        column = layout.column(align=True)
        column.prop(settings, "priority")
        column.prop(settings, "chunks")
        column.prop(settings, "tiles")
        column = layout.column(heading="Send")
        column.prop(settings, "save_before_job")
        rest = column.column()
        rest.active = not settings.save_before_job
        rest.prop(settings, "send_from_memory")


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
        column.prop(settings, "use_master_force_upload")
        column.prop(settings, "use_master_clear")
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
        threads.active = render.threads_mode == "FIXED"
        threads.prop(render, "threads", text="Threads")
        column = layout.column()
        column.prop(settings, "use_slave_thumb")
        column.prop(settings, "use_slave_output_log")
        column.prop(settings, "use_slave_clear")


def _draw_client(context: bpy.types.Context, layout: Layout) -> None:
    column = layout.column()
    main = column.row()
    main.scale_y = 1.5
    main.operator("render.netclientanim", icon="RENDER_ANIMATION")
    row = beside(context, column)
    row.operator("render.netclientsend", icon="EXPORT")
    row.operator("render.netclientsendframe", text="Send Current Frame", icon="RENDER_STILL")
    if job.settings_in(context).job_id:
        row = beside(context, column)
        row.operator("render.netclientgather", text="Get Image", icon="IMAGE_DATA").animation = False
        row.operator("render.netclientgather", text="Get Animation", icon="IMPORT").animation = True
    said = watching.said()
    if said is not None:
        row = layout.row(align=True)
        lines(context, row, said, "EXPORT", buttons=1)
        row.operator("render.netclientwithdraw", text="", icon="X", emboss=False)
    for watched in watching.jobs():
        _draw_watched(context, layout, watched)


def _draw_watched(context: bpy.types.Context, layout: Layout, watched: watching.Watched) -> None:
    info = watched.info
    if info is None:
        lines(context, layout, "Sent: asking the master how far it is…", "SORTTIME")
    elif info.state == "finished":
        done = "rendered" if info.piece in ("frame", "tile") else "done"
        lines(context, layout, f"{info.name}: all {info.total} {info.piece}s are {done}", "CHECKMARK")
    else:
        left = client.left_s(info)
        text = f"{info.name}: {info.done} of {info.total} {info.piece}s"
        share = info.done / max(info.total, 1) if info.percent is None else info.percent / 100
        bar(context, layout, share, text if left is None else f"{text}, {duration(left)} left")
        if info.failed:
            lines(context, layout, f"{info.failed} {info.piece}s have failed", "ERROR")
        elif not info.rendering and info.explanation:
            lines(context, layout, sentence(info.explanation[0]), "INFO")
    if watched.trouble is not None:
        lines(context, layout, sentence(watched.trouble), "ERROR")


def _panels_like_cycles() -> list[type]:
    """Blender's panels that show under Cycles: the same settings count on the farm."""
    return [panel for panel in bpy.types.Panel.__subclasses__() if "CYCLES" in getattr(panel, "COMPAT_ENGINES", ())]


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (
        RENDER_PT_network,
        RENDER_PT_network_job,
        RENDER_PT_network_master,
        RENDER_PT_network_slave,
    )
)


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
