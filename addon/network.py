"""Where the farm is: Network Settings, with a search for masters, the farm's key, and certificates that have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import bpy
from bpy.props import BoolProperty, StringProperty

from . import client, connection, job, keys, native, questions, session
from .answers import Result, fail, possible, refuse, sentence
from .layout import Layout, SubPanel, lines, split
from .native import Failure
from .preferences import KEY_CHARACTERS_MAX
from .properties import ADDRESS_CHARACTERS_MAX, DEFAULT
from .view import view_of

if TYPE_CHECKING:
    from netrender_core import MasterFound

SEARCH = "masters"

# Those that answered last, and what became of the last search.
_found: list[MasterFound] = []
_said = ""


class RENDER_OT_netclientscan(bpy.types.Operator):
    """Look for masters on the local network; the one that can be used is taken, several are offered by name"""

    bl_idname = "render.netclientscan"
    bl_label = "Refresh"

    wait: BoolProperty(
        name="Wait", description="Return once they have answered, for scripts", default=True, options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether no search is under way."""
        return possible(cls) and (not questions.is_asking(SEARCH) or refuse(cls, "The search goes on"))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Looks while the artist goes on working."""
        self.wait = False
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> Result:
        """Looks."""
        try:
            question = client.masters()
            if self.wait:
                _show(question.wait())
            else:
                questions.ask(SEARCH, question, _show, _fail)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class RENDER_OT_netclientusemaster(bpy.types.Operator):
    """Use this master for the scene"""

    bl_idname = "render.netclientusemaster"
    bl_label = "Use Master"
    bl_options = {"REGISTER", "UNDO"}

    url: StringProperty(name="Address", description="The master's URL", maxlen=ADDRESS_CHARACTERS_MAX, options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> Result:
        """Writes its address into the scene's settings."""
        try:
            _use(self.url)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


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
        self.report({"INFO"}, f"The key of farm {farm} is kept")
        return {"FINISHED"}


class RENDER_OT_netclienttrust(bpy.types.Operator):
    """Trust the certificate that the master shows now; only if somebody renewed it on purpose"""

    bl_idname = "render.netclienttrust"
    bl_label = "Trust New Certificate"

    url: StringProperty(name="Address", description="The master's URL", maxlen=ADDRESS_CHARACTERS_MAX, options={"SKIP_SAVE"})
    wait: BoolProperty(
        name="Wait", description="Return once the master has answered, for scripts", default=True, options={"HIDDEN", "SKIP_SAVE"}
    )

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
                questions.ask("trust", question, _trusted, _fail)
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
            self._draw_search(context, layout)
            layout.operator("render.netclientkey", icon="LOCKED", text="Enter Farm Key…")
        layout.operator("render.netclientweb", icon="URL")

    def _draw_search(self, context: bpy.types.Context, layout: Layout) -> None:
        if questions.is_asking(SEARCH):
            layout.label(text="Looking for masters…", icon="SORTTIME")
            return
        if _said:
            lines(context, layout, _said, "INFO")
        column = layout.column(align=True)
        for master in _found:
            row = column.row(align=True)
            # One that cannot be used is offered as well: its key may be entered next.
            row.operator(
                "render.netclientusemaster",
                text=f"{master.name}  ({urlsplit(master.url).netloc})",
                icon="NETWORK_DRIVE" if master.usable else "LOCKED",
            ).url = master.url


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


def _show(found: list[MasterFound]) -> None:
    global _found, _said
    _found = sorted(found, key=lambda master: (not master.usable, master.name))
    usable = [master for master in _found if master.usable]
    if len(usable) == 1:
        _use(usable[0].url)
        _said = f"Found {usable[0].name}"
        _found = []
    elif usable:
        _said = "Several masters answered: choose one"
    elif _found:
        _said = "None of these can be used from here yet: enter its Farm Key, or bring both to one version"
    else:
        _said = "No master answered on this network. Animation on Network starts one; one elsewhere needs its Address"


def _fail(text: str) -> None:
    global _said
    _said = sentence(text)


def _trusted(_fingerprint: str) -> None:
    global _said
    connection.forget()
    native.forget_failure()
    view_of(bpy.context).trouble = ""
    _said = "The new certificate is trusted from now on"


def _use(url: str) -> None:
    parts = urlsplit(url)
    if not parts.hostname:
        raise Failure(f"{url!r} is no address of a master: give one such as http://node1:8000")
    settings = job.settings_in(bpy.context)
    settings.server_address = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    settings.use_ssl = parts.scheme == "https"
    if parts.port is not None:
        settings.server_port = parts.port


register, unregister = bpy.utils.register_classes_factory(
    (
        RENDER_OT_netclientscan,
        RENDER_OT_netclientusemaster,
        RENDER_OT_netclientkey,
        RENDER_OT_netclienttrust,
        RENDER_PT_network_settings,
    )
)
