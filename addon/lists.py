"""How lists are shown: filtered by name, sorted by what matters, states as icons, times in words."""

from collections.abc import Callable, Sequence
from typing import Any

import bpy
from bpy.props import BoolProperty

from .layout import Layout, is_narrow

MINUTE_S = 60
HOUR_S = 3600
# What a name takes of a narrow row.
NARROW_SHARE = 0.62
# Up to here a time is told in the smaller unit: "90 s" tells more than "2 min".
MUCH = 1.5


class SortedList:
    """A list with Blender's own filter, and an order of its own beside that of the names."""

    use_own_order: BoolProperty(
        name="Sort by State", description="First what needs somebody, then what goes on, then what is over"
    )

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: Layout,
        data: Any,
        item: Any,
        icon: int | None,
        active_data: Any,
        active_property: str | None,
        index: int | None,
    ) -> None:
        """Shows one row, in Blender's own words for it."""
        self._draw_row(layout, item, narrow=is_narrow(context))

    def draw_filter(self, _context: bpy.types.Context, layout: Layout) -> None:
        """Shows the field for names and the switches for orders."""
        row = layout.row(align=True)
        row.prop(self, "filter_name", text="", icon="VIEWZOOM")
        row.prop(self, "use_filter_invert", text="", icon="ARROW_LEFTRIGHT")
        row.separator()
        row.prop(self, "use_filter_sort_alpha", text="", icon="SORTALPHA")
        row.prop(self, "use_own_order", text="", icon="ERROR")
        row.prop(self, "use_filter_sort_reverse", text="", icon="SORT_DESC" if self.use_filter_sort_reverse else "SORT_ASC")

    def filter_items(self, _context: bpy.types.Context, data: Any, name: str) -> tuple[list[int], list[int]]:
        """Which rows are shown, and at which place."""
        rows = getattr(data, name)
        shown: list[int] = []
        if self.filter_name:
            shown = bpy.types.UI_UL_list.filter_items_by_name(self.filter_name, self.bitflag_filter_item, rows, "name")
        if self.use_own_order:
            return shown, order(rows, self._rank)
        if self.use_filter_sort_alpha:
            return shown, order(rows, lambda row: row.name.lower())
        return shown, []

    def _draw_row(self, layout: Layout, item: Any, *, narrow: bool) -> None:
        raise NotImplementedError

    def _rank(self, row: Any) -> Any:
        raise NotImplementedError

    filter_name: Any
    bitflag_filter_item: Any
    use_filter_sort_alpha: Any
    use_filter_sort_reverse: Any


def order(rows: Sequence[Any], rank: Callable[[Any], Any]) -> list[int]:
    """For each row its place, as Blender wants it told."""
    places = [0] * len(rows)
    for place, index in enumerate(sorted(range(len(rows)), key=lambda index: rank(rows[index]))):
        places[index] = place
    return places


def progress(layout: Layout, row: Any, text: str) -> None:
    """A bar of how far a row is, with a text in front of the per cent."""
    if hasattr(layout, "progress"):
        share = row.progress
        layout.progress(factor=share / 100, text=f"{text}   {share:.0f}%" if text else f"{share:.0f}%")
    else:
        # Before Blender 4.0 a slider that cannot be moved.
        layout.prop(row, "progress", text=text, slider=True)


def failures(layout: Layout, count: int) -> None:
    """How often something failed, in red; an empty place where nothing did."""
    if not count:
        layout.label()
        return
    row = layout.row()
    row.alert = True
    row.label(text=str(count), icon="CANCEL")


def duration(seconds: float) -> str:
    """A time that something takes, as people say it."""
    if seconds < MUCH * MINUTE_S:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < MUCH * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{int(seconds // HOUR_S)} h {int(seconds % HOUR_S // MINUTE_S)} min"


def ago(seconds: float) -> str:
    """How long something is ago."""
    return "just now" if seconds < MINUTE_S / 6 else f"{duration(seconds)} ago"
