"""What belongs to this person and machine rather than to a scene: keys, folders, the usual master, what slaves may do.

With `--addons netrender` there may be no stored preferences at all; every reader gets the defaults then.
"""

import textwrap
from dataclasses import dataclass, field
from typing import Any, Literal

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

from . import keys
from .native import Failure

LogLevel = Literal["ERROR", "WARNING", "INFO"]

KEY_CHARACTERS_MAX = 1024
PATH_CHARACTERS_MAX = 1024
ADDRESS_CHARACTERS_MAX = 256
BLENDERS_MAX = 16
# Where Blender puts the values, as part of the width.
VALUES_FROM = 0.4
# What fits there in the window of the preferences as Blender opens it.
LINE_CHARACTERS = 36

_LOG_LEVELS = (
    ("ERROR", "Errors", "Print only what ends a service"),
    ("WARNING", "Warnings", "Print also what goes wrong and is tried again"),
    ("INFO", "All", "Print also what services do"),
)

# What became of the key that was pasted last.
_key_said = ""
# Stands in the field for keys that are here: nobody reads them there.
_KEY_MASK = "*" * 12


@dataclass(frozen=True)
class Preferences:
    """The preferences as plain values."""

    key_file: str | None = None
    path: str | None = None
    master: str | None = None
    slave_blenders: list[str] = field(default_factory=list)
    slave_allow_scripts: bool = False
    log_level: LogLevel = "INFO"
    use_desktop_notices: bool = True


def read() -> Preferences:
    """The stored preferences, or the defaults where none are stored."""
    addon = bpy.context.preferences.addons.get(__package__)
    stored = addon.preferences if addon else None
    if not isinstance(stored, NetworkRenderPreferences):
        return Preferences()
    return Preferences(
        key_file=bpy.path.abspath(stored.key_file) or None,
        path=bpy.path.abspath(stored.path) or None,
        master=stored.master.strip() or None,
        slave_blenders=[bpy.path.abspath(one.path) for one in stored.slave_blenders if one.path],
        slave_allow_scripts=stored.slave_allow_scripts,
        log_level=stored.log_level,
        use_desktop_notices=stored.use_desktop_notices,
    )


def _masked_key(_stored: Any) -> str:
    return _KEY_MASK if keys.farms() else ""


def _keep_key(_stored: Any, line: str) -> None:
    global _key_said
    line = line.replace(_KEY_MASK, "").strip()
    if not line:
        return
    try:
        _key_said = f"The key of farm {keys.keep(line)} is kept"
    except Failure as failure:
        _key_said = f"Not kept: {failure}"


class NetworkRenderBlender(bpy.types.PropertyGroup):
    """A Blender that slaves render with."""

    path: StringProperty(
        name="Blender",
        description="Executable of Blender, or a Python that has it as a module",
        subtype="FILE_PATH",
        maxlen=PATH_CHARACTERS_MAX,
    )


class PREFERENCES_OT_network_render_blender_add(bpy.types.Operator):
    """Add a Blender that slaves on this computer render with"""

    bl_idname = "preferences.network_render_blender_add"
    bl_label = "Add Blender"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[Literal["FINISHED", "CANCELLED"]]:
        """Adds an empty row, up to a sensible number."""
        stored: Any = context.preferences.addons[__package__].preferences
        if len(stored.slave_blenders) < BLENDERS_MAX:
            stored.slave_blenders.add()
        return {"FINISHED"}


class PREFERENCES_OT_network_render_blender_remove(bpy.types.Operator):
    """Let slaves on this computer no longer render with this Blender"""

    bl_idname = "preferences.network_render_blender_remove"
    bl_label = "Remove Blender"
    bl_options = {"INTERNAL"}

    index: IntProperty(name="Row", description="Which one", min=0, max=BLENDERS_MAX)

    def execute(self, context: bpy.types.Context) -> set[Literal["FINISHED", "CANCELLED"]]:
        """Removes the row."""
        stored: Any = context.preferences.addons[__package__].preferences
        stored.slave_blenders.remove(self.index)
        return {"FINISHED"}


class NetworkRenderPreferences(bpy.types.AddonPreferences):
    """Network Render in Preferences > Add-ons."""

    bl_idname = __package__

    key: StringProperty(
        name="Farm Key",
        description="Paste what Copy Farm Key gave on the master's computer; keys are kept in files of your own, not in Blender",
        subtype="PASSWORD",
        maxlen=KEY_CHARACTERS_MAX,
        get=_masked_key,
        set=_keep_key,
        options={"SKIP_SAVE"},
    )
    key_file: StringProperty(
        name="Key File",
        description="File with the one key that is used instead of those that this computer knows; usually empty",
        subtype="FILE_PATH",
        maxlen=PATH_CHARACTERS_MAX,
    )
    path: StringProperty(
        name="Default Path",
        description="Folder for working files where a scene says [default]; leave it empty for a folder of your own",
        subtype="DIR_PATH",
        maxlen=PATH_CHARACTERS_MAX,
    )
    master: StringProperty(
        name="Default Master",
        description="Address of the master where a scene says [default], such as node1:8000; leave it empty to find it by itself",
        maxlen=ADDRESS_CHARACTERS_MAX,
    )
    slave_blenders: CollectionProperty(type=NetworkRenderBlender)
    slave_allow_scripts: BoolProperty(
        name="Run Scripts of Jobs",
        description="Let scenes run their own Python scripts here, as you; anybody with the farm's key can send such a scene",
    )
    log_level: EnumProperty(
        name="Console Log", description="What services in this Blender print on the console", items=_LOG_LEVELS, default="INFO"
    )
    use_desktop_notices: BoolProperty(
        name="Desktop Notifications", description="Tell on the desktop when a job has finished or failed", default=True
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Shows the preferences."""
        layout: Any = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        row = column.row(align=True)
        row.prop(self, "key", icon="LOCKED")
        row.operator("render.netmasterkey", text="", icon="COPYDOWN")
        if _key_said:
            _say(column, _key_said)
        for number, line in enumerate(_known_farms()):
            _say(column, line, title="" if number else "Known Farms")
        column.prop(self, "key_file")
        column = layout.column()
        column.prop(self, "master")
        column.prop(self, "path")
        self._draw_slave(layout)
        column = layout.column()
        column.prop(self, "log_level")
        column.prop(self, "use_desktop_notices")

    def _draw_slave(self, layout: Any) -> None:
        column = layout.column()
        for index, one in enumerate(self.slave_blenders):
            row = column.row(align=True)
            row.prop(one, "path", text="Slave's Blenders" if index == 0 else " ")
            row.operator("preferences.network_render_blender_remove", text="", icon="X").index = index
        if not self.slave_blenders:
            _say(column, "Slaves on this computer render with this Blender", title="Slave's Blenders")
        row = column.row()
        row.alignment = "RIGHT"
        row.operator("preferences.network_render_blender_add", icon="ADD")
        column.prop(self, "slave_allow_scripts")
        if self.slave_allow_scripts:
            _say(column, "Whoever has the farm's key can run programs as you on this computer", "ERROR")


def _known_farms() -> list[str]:
    farms = keys.farms()
    if not farms:
        return ["None yet: paste a key, or start a master, which makes one"]
    own = [f"{farms[0]}, of this computer"] if keys.own() else []
    return own + [f"{farm}, of another computer" for farm in farms[len(own) :]]


def _say(layout: Any, text: str, icon: str = "NONE", *, title: str = "") -> None:
    """A sentence where the values are, over several lines, because labels do not wrap by themselves."""
    row = layout.split(factor=VALUES_FROM)
    name = row.row()
    name.alignment = "RIGHT"
    name.label(text=title)
    column = row.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, LINE_CHARACTERS)):
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon)


register, unregister = bpy.utils.register_classes_factory(
    (
        NetworkRenderBlender,
        PREFERENCES_OT_network_render_blender_add,
        PREFERENCES_OT_network_render_blender_remove,
        NetworkRenderPreferences,
    )
)
