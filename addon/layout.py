"""How panels are laid out: sub-panels of one parent, labels beside their values, texts over several lines."""

import textwrap
from functools import lru_cache
from typing import Any

import bpy

from . import job

# The panel that all others are below of.
ROOT = "RENDER_PT_network"

# Blender's `UILayout`, which the stubs have optional in a panel, and with every icon's name.
Layout = Any

# What a panel's edges and an icon take of its width, then a button without text, and a character on the average; all at scale 1.
MARGIN_PIXELS = 60
BUTTON_PIXELS = 20
CHARACTER_PIXELS = 5.8
LINE_CHARACTERS_MIN = 16
# Below this, labels of two buttons beside each other, and most columns of a list, would be cut off. Blender's own Properties
# editor begins with half of it.
NARROW_PIXELS = 400
# Texts that are kept with their lines: more than all panels together show.
WRAPPED_MAX = 256


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


def width(context: bpy.types.Context) -> float:
    """How wide the editor's region is, in pixels at scale 1."""
    scale: float = context.preferences.system.ui_scale
    return context.region.width / scale


def is_narrow(context: bpy.types.Context) -> bool:
    """Whether there is only room for what matters most."""
    return width(context) < NARROW_PIXELS


def beside(context: bpy.types.Context, layout: Layout) -> Layout:
    """For buttons beside each other where there is room, below each other where there is not."""
    return layout.column(align=True) if is_narrow(context) else layout.row(align=True)


def lines(context: bpy.types.Context, layout: Layout, text: str, icon: Any, *, buttons: int = 0) -> None:
    """A text over as many lines as it needs, beside some buttons without text: labels do not wrap by themselves."""
    room = width(context) - MARGIN_PIXELS - buttons * BUTTON_PIXELS
    column = layout.column(align=True)
    for number, line in enumerate(_wrapped(text, max(LINE_CHARACTERS_MIN, int(room / CHARACTER_PIXELS)))):
        column.label(text=line, icon="BLANK1" if number else icon)


@lru_cache(WRAPPED_MAX)
def _wrapped(text: str, characters: int) -> list[str]:
    return textwrap.wrap(text, characters)


def bar(context: bpy.types.Context, layout: Layout, share: float, text: str) -> None:
    """A progress bar with a text below it; the text alone where Blender (before 4.0) has no bars."""
    if hasattr(layout, "progress"):
        layout.progress(factor=share, text=f"{share:.0%}")
        lines(context, layout, text, "RENDER_ANIMATION")
    else:
        lines(context, layout, f"{share:.0%}  {text}", "RENDER_ANIMATION")
