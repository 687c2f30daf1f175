"""How panels are laid out: sub-panels of one parent, labels beside their values, texts over several lines."""

import textwrap
from typing import Any

import bpy

from . import job

# The panel that all others are below of.
ROOT = "RENDER_PT_network"

# Blender's `UILayout`, which the stubs have optional in a panel, and with every icon's name.
Layout = Any

# What a panel's edges and an icon take of its width, and a character of a label on the average, both at scale 1.
MARGIN_PIXELS = 90
CHARACTER_PIXELS = 6.2
LINE_CHARACTERS_MIN = 16


class SubPanel:
    """What the collapsed panels below it share."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_parent_id = ROOT
    bl_options = {"DEFAULT_CLOSED"}

    # The mode that shows the panel; None for all.
    mode: str | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the scene's mode is the panel's."""
        return cls.mode in (None, job.settings_in(context).mode)


def split(layout: Layout) -> Layout:
    """Labels on the left, values on the right, as everywhere in Blender's properties."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout


def lines(context: bpy.types.Context, layout: Layout, text: str, icon: Any) -> None:
    """A text over as many lines as it needs: labels do not wrap by themselves."""
    width = context.region.width / context.preferences.system.ui_scale - MARGIN_PIXELS
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, max(LINE_CHARACTERS_MIN, int(width / CHARACTER_PIXELS)))):
        column.label(text=line, icon="BLANK1" if number else icon)


def bar(layout: Layout, share: float, text: str) -> None:
    """A progress bar; a line of text where Blender (before 4.0) has none."""
    if hasattr(layout, "progress"):
        layout.progress(factor=share, text=text)
    else:
        layout.label(text=f"{share:.0%}  {text}", icon="RENDER_ANIMATION")
