"""The frames of the selected job: which failed and why, what Blender printed, and how to have one rendered anew."""

from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import IntProperty

from . import client, job, questions, refresh
from .answers import Result, fail, sentence
from .asking import JobOperator, needing
from .joblist import JobPanel, draw_state
from .layout import Layout, lines
from .lists import NARROW_SHARE, SortedList, duration
from .native import Failure
from .view import view_of

STATE_ICONS = {
    "queued": "SORTTIME",
    "rendering": "RENDER_STILL",
    "delivering": "EXPORT",
    "done": "CHECKMARK",
    "failed": "ERROR",
}
_RANKS = {state: rank for rank, state in enumerate(("failed", "rendering", "delivering", "queued", "done"))}
# The one text that shows logs; it never reaches a file.
TEXT_NAME = "Network Render Log"
NO_FRAME = -(2**31)


class NETRENDER_OT_show_log(JobOperator, bpy.types.Operator):
    """Show what Blender printed while the frame was rendered, in a Text editor"""

    bl_idname = "netrender.show_log"
    bl_label = "Show Log"

    frame: IntProperty(
        name="Frame", description="The selected frame if it is not given", default=NO_FRAME, options={"HIDDEN", "SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> Result:
        """Asks for it, and shows it when it comes."""
        try:
            whom, frame = self._whom(context), self._frame(context)
            question = client.log(job.settings_in(context).connection(), whom, frame)
            if self.wait:
                show_log(question.wait(), in_editor=False)
            else:
                questions.ask(self.bl_idname, question, show_log, refresh.show_trouble)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}

    def _frame(self, context: bpy.types.Context) -> int:
        if self.frame != NO_FRAME:
            return int(self.frame)
        selected = view_of(context).active_frame()
        if selected is None:
            raise Failure("select a frame in the list")
        return int(selected.frame)


class RENDER_UL_network_frames(SortedList, bpy.types.UIList):
    """The rows of the list of frames."""

    def _draw_row(self, layout: Layout, item: Any, *, narrow: bool) -> None:
        """Shows a frame in one row: its state and number, who renders it, how long it took."""
        row = layout.split(factor=NARROW_SHARE if narrow else 0.3)
        row.alert = item.state == "failed"
        row.label(text=item.name, icon=STATE_ICONS.get(item.state, "DOT"))
        row.label(text=item.slave or sentence(item.state))
        if narrow:
            return
        took = row.row()
        took.alignment = "RIGHT"
        took.label(text=duration(item.seconds) if item.seconds else f"{item.percent} %" if item.percent else "")

    def _rank(self, row: Any) -> Any:
        return _RANKS.get(row.state, len(_RANKS)), row.frame


class RENDER_PT_network_frames(JobPanel, bpy.types.Panel):
    """The frames of the selected job."""

    bl_label = "Frames"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the list as of the last answer, and what became of the selected frame."""
        refresh.see("frames")
        layout: Layout = self.layout
        view = view_of(context)
        if not view.has_frames():
            layout.label(text="Asking the master…", icon="SORTTIME")
            return
        selected_job, selected = view.active_job(), view.active_frame()
        row = layout.row()
        row.template_list("RENDER_UL_network_frames", "", view, "frames", view, "active_frame_index", rows=4)
        buttons = needing(row.column(align=True), context, "frame")
        buttons.operator("netrender.show_log", text="", icon="TEXT")
        anew = buttons.operator("netrender.reset_job", text="", icon="LOOP_BACK")
        anew.frames = str(selected.frame) if selected is not None else ""
        draw_state(context, layout, view)
        if selected_job is not None and selected_job.frame_total > len(view.frames) > 0:
            lines(
                context,
                layout,
                f"The first {len(view.frames)} of {selected_job.frame_total} frames; the monitor shows all",
                "INFO",
            )
        if selected is not None and selected.failure:
            lines(context, layout, sentence(selected.failure), "ERROR")


def show_log(text: str, *, in_editor: bool = True) -> None:
    """Shows a log in the Text editor: one that is open, or one in a window of its own."""
    shown = bpy.data.texts.get(TEXT_NAME) or bpy.data.texts.new(TEXT_NAME)
    shown.from_string(text or "Blender printed nothing\n")
    if not in_editor:
        return
    windows = bpy.context.window_manager.windows
    editors = [area for window in windows for area in window.screen.areas if area.type == "TEXT_EDITOR"]
    if not editors:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.wm.window_new()
        editors = [windows[-1].screen.areas[0]]
        editors[0].type = "TEXT_EDITOR"
        editors[0].spaces.active.show_word_wrap = True
    space: Any = editors[0].spaces.active
    space.text, space.top = shown, 0
    editors[0].tag_redraw()


@persistent
def _before_the_file_is_saved(*_arguments: object) -> None:
    shown = bpy.data.texts.get(TEXT_NAME)
    if shown is not None:
        bpy.data.texts.remove(shown)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (NETRENDER_OT_show_log, RENDER_UL_network_frames, RENDER_PT_network_frames)
)


def register() -> None:
    """Adds the list, and watches for saves: logs are no part of the artist's file."""
    _register_classes()
    bpy.app.handlers.save_pre.append(_before_the_file_is_saved)


def unregister() -> None:
    """Takes them away."""
    bpy.app.handlers.save_pre.remove(_before_the_file_is_saved)
    _unregister_classes()
