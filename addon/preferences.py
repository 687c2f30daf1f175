"""What belongs to this person and machine rather than to a scene: the farm's key, which Blender slaves use.

With `--addons netrender` there may be no stored preferences at all; every reader gets the defaults then.
"""

from dataclasses import dataclass

import bpy
from bpy.props import BoolProperty, StringProperty


@dataclass(frozen=True)
class Preferences:
    """The preferences as plain values."""

    key_file: str | None = None
    slave_blender: str | None = None
    slave_allow_scripts: bool = False


def read() -> Preferences:
    """The stored preferences, or the defaults where none are stored."""
    addon = bpy.context.preferences.addons.get(__package__)
    stored = addon.preferences if addon else None
    if not isinstance(stored, NetworkRenderPreferences):
        return Preferences()
    return Preferences(
        key_file=bpy.path.abspath(stored.key_file) or None,
        slave_blender=bpy.path.abspath(stored.slave_blender) or None,
        slave_allow_scripts=stored.slave_allow_scripts,
    )


class NetworkRenderPreferences(bpy.types.AddonPreferences):
    """Network Render in Preferences > Add-ons."""

    bl_idname = __package__

    key_file: StringProperty(
        name="Farm Key",
        description="File with the key of a farm elsewhere; leave it empty for the farms that this computer knows",
        subtype="FILE_PATH",
    )
    slave_blender: StringProperty(
        name="Slave's Blender",
        description="Blender that a slave on this computer renders with; leave it empty for this one",
        subtype="FILE_PATH",
    )
    slave_allow_scripts: BoolProperty(
        name="Run Scripts of Jobs",
        description="Let scenes run their own Python scripts on this slave; anybody on the farm can send them",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Shows the preferences."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "key_file")
        layout.prop(self, "slave_blender")
        layout.prop(self, "slave_allow_scripts")


register, unregister = bpy.utils.register_classes_factory((NetworkRenderPreferences,))
