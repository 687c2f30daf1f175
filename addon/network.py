"""Where the farm is: Network Settings, with the farm's key, the master's certificate, and what to do about another one."""

import bpy
from bpy.props import StringProperty

from . import client, connection, job, keys, native, questions, search, session
from .answers import Result, WaitingOperator, fail, possible
from .layout import Layout, SubPanel, lines, split
from .native import Failure
from .preferences import KEY_CHARACTERS_MAX
from .properties import ADDRESS_CHARACTERS_MAX, DEFAULT
from .view import view_of


class RENDER_OT_netclientkey(bpy.types.Operator):
    """Paste the farm's key once: it is kept on this computer in a file of your own, never in Blender or a scene"""

    # Not REGISTER: what is registered is written into the Info editor, with its arguments.
    bl_idname = "render.netclientkey"
    bl_label = "Enter Farm Key"

    key: StringProperty(
        name="Farm Key",
        description="The line that Copy Farm Key gave on the master's computer",
        subtype="PASSWORD",
        maxlen=KEY_CHARACTERS_MAX,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a core to keep it."""
        return possible(cls)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Asks for it."""
        asked: Result = context.window_manager.invoke_props_dialog(self, width=400)
        return asked

    def draw(self, _context: bpy.types.Context) -> None:
        """A masked field, and where the key comes from."""
        layout: Layout = self.layout
        layout.prop(self, "key", icon="LOCKED")
        layout.label(text="Copy Farm Key, in Master Settings on the master's computer, gives it", icon="INFO")

    def execute(self, _context: bpy.types.Context) -> Result:
        """Keeps it."""
        try:
            farm = keys.keep(self.key)
        except Failure as failure:
            return fail(self, failure)
        finally:
            self.key = ""
        connection.forget()
        search.again()
        self.report({"INFO"}, f"The key of farm {farm} is kept")
        return {"FINISHED"}


class RENDER_OT_netclienttrust(WaitingOperator, bpy.types.Operator):
    """Trust the certificate that the master shows now; only if somebody renewed it on purpose"""

    bl_idname = "render.netclienttrust"
    bl_label = "Trust New Certificate"

    url: StringProperty(name="Address", description="The master's URL", maxlen=ADDRESS_CHARACTERS_MAX, options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a core to ask with."""
        return possible(cls)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Confirms it with the artist first."""
        self.wait = False
        confirmed: Result = context.window_manager.invoke_confirm(self, event)
        return confirmed

    def execute(self, context: bpy.types.Context) -> Result:
        """Meets the master anew."""
        try:
            question = client.trust(self.url, job.settings_in(context).connection().key_file)
            if self.wait:
                _trusted(question.wait())
            else:
                questions.ask("trust", question, _trusted, search.say)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class RENDER_PT_network_settings(SubPanel, bpy.types.Panel):
    """Where the farm is."""

    bl_label = "Network Settings"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the settings that all modes have, and for slaves and clients how the master is found."""
        layout = split(self.layout)
        settings = job.settings_in(context)
        is_master = settings.mode == "RENDER_MASTER"
        layout.prop(settings, "path")
        column = layout.column(align=True)
        row = column.row(align=True)
        row.prop(settings, "server_address")
        if not is_master:
            row.operator("render.netclientscan", text="", icon="FILE_REFRESH")
        # A master that is found by itself tells them.
        rest = column.column(align=True)
        rest.active = is_master or settings.server_address.strip() not in ("", DEFAULT)
        rest.prop(settings, "server_port")
        if not is_master:
            rest.prop(settings, "use_ssl")
            search.draw_found(context, layout)
            layout.operator("render.netclientkey", icon="LOCKED", text="Enter Farm Key…")
        layout.operator("render.netclientweb", icon="URL")


class RENDER_PT_network_ssl(SubPanel, bpy.types.Panel):
    """The master's certificate."""

    bl_label = "SSL"
    bl_parent_id = "RENDER_PT_network_settings"
    mode = "RENDER_MASTER"

    def draw_header(self, context: bpy.types.Context) -> None:
        """The switch."""
        self.layout.prop(job.settings_in(context), "use_ssl", text="")

    def draw(self, context: bpy.types.Context) -> None:
        """Shows where the certificate is."""
        layout = split(self.layout)
        settings = job.settings_in(context)
        layout.active = settings.use_ssl
        layout.prop(settings, "cert_path")
        column = layout.column()
        column.active = bool(settings.cert_path)
        column.prop(settings, "key_path")
        if not settings.cert_path:
            lines(context, layout, "Without files the master makes a certificate of its own, which others remember", "INFO")


def draw_changed_certificate(context: bpy.types.Context, layout: Layout) -> None:
    """Asks in plain words what to do about a master that shows another certificate, where one does."""
    told = (session.status("slave"), view_of(context).trouble, native.last_failure())
    address = next((found for found in map(native.changed_certificate, filter(None, told)) if found), None)
    if address is None:
        return
    box = layout.box()
    text = (
        f"The master at {address} shows another certificate than before. If somebody renewed it on purpose, trust the new one. "
        "If nobody did, another computer may pretend to be your master: ask whoever looks after it."
    )
    lines(context, box, text, "ERROR")
    box.operator("render.netclienttrust", icon="LOCKED").url = address


def _trusted(_fingerprint: str) -> None:
    connection.forget()
    native.forget_failure()
    view_of(bpy.context).trouble = ""
    search.say("the new certificate is trusted from now on")


register, unregister = bpy.utils.register_classes_factory(
    (
        RENDER_OT_netclientkey,
        RENDER_OT_netclienttrust,
        RENDER_PT_network_settings,
        RENDER_PT_network_ssl,
    )
)
