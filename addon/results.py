"""Get Results: the finished frames of a job, into the output folder."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from . import delivery, job, refresh
from .answers import TICK_S, Result, fail
from .asking import JobOperator, needing
from .joblist import JobPanel
from .layout import Layout, beside, lines
from .native import Failure
from .view import view_of

_KINDS = (
    ("LAYERS", "Multilayer EXR", "As they were rendered, with every view layer and pass: for compositing, or for later"),
    ("FINAL", "Final Files", "What a local render writes: the scene's own output format, composited; movies, too"),
)


class RENDER_OT_netclientdownload(JobOperator, bpy.types.Operator):
    """Save all finished frames of the job in the current output folder; ESC ends it, and what is there stays"""

    bl_idname = "render.netclientdownload"
    bl_label = "Get Results"

    kind: EnumProperty(name="As", description="What kind of files", items=_KINDS, options={"SKIP_SAVE"})
    folder: StringProperty(
        name="Folder",
        description="Where they go; the scene's output folder if it is empty",
        subtype="DIR_PATH",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: "RENDER_OT_netclientdownload") -> str:
        """The tooltip of each of the two buttons."""
        told = next(description for name, _, description in _KINDS if name == properties.kind)
        return f"Save all finished frames of the job in the current output folder. {told}"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Fetches while the artist goes on working."""
        begun = self._begin(context)
        if begun != {"RUNNING_MODAL"}:
            return begun
        context.window_manager.modal_handler_add(self)
        self._timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        return begun

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Looks at each tick how many frames are here."""
        if event.type == "ESC":
            return self._end(context, {"CANCELLED"})
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            progress = self._look(0.0)
        except Failure as failure:
            self._end(context, {"CANCELLED"})
            return fail(self, failure)
        if progress is not None and progress.is_over:
            return self._end(context, {"FINISHED"})
        context.workspace.status_text_set(f"Get Results: {self._text()}   ESC ends it")
        # Others, such as a job that is being sent, live on the same ticks.
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Another file is opened or Blender ends: what is here stays."""
        self._leave(context)

    def execute(self, context: bpy.types.Context) -> Result:
        """Fetches and waits, for scripts."""
        begun = self._begin(context)
        if begun != {"RUNNING_MODAL"}:
            return begun
        try:
            while (progress := self._look(TICK_S)) is None or not progress.is_over:
                pass
        except Failure as failure:
            self._leave(context)
            return fail(self, failure)
        return self._end(context, {"FINISHED"})

    def _begin(self, context: bpy.types.Context) -> Result:
        self._timer = None
        self._delivery: delivery.Delivery | None = None
        self._progress: delivery.Progress | None = None
        self._folder = Path(bpy.path.abspath(self.folder)) if self.folder else output_folder(job.scene_of(context))
        try:
            connection, whom = job.settings_in(context).connection(), self._whom(context)
            if self.kind == "FINAL":
                self._question = delivery.finals(connection, whom, str(self._folder), job.own_blender())
            else:
                self._question = delivery.layers(connection, whom, str(self._folder), job.own_blender())
        except Failure as failure:
            return fail(self, failure)
        return {"RUNNING_MODAL"}

    def _look(self, timeout: float) -> delivery.Progress | None:
        if self._delivery is None:
            self._delivery = self._question.answer(timeout)
        if self._delivery is not None:
            self._progress = self._delivery.look(timeout)
        return self._progress

    def _text(self) -> str:
        return "asking the master…" if self._progress is None else self._progress.text

    def _end(self, context: bpy.types.Context, result: Result) -> Result:
        self._leave(context)
        if self._progress is not None:
            self.report({"INFO"}, f"{self._progress.here} of {self._progress.wanted} frames are in {self._folder}")
        return result

    def _leave(self, context: bpy.types.Context) -> None:
        self._question.stop()
        if self._delivery is not None:
            self._delivery.stop()
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            # Without a window there is no workspace.
            if context.workspace is not None:
                context.workspace.status_text_set(None)


class RENDER_PT_network_results(JobPanel, bpy.types.Panel):
    """The finished frames of the selected job."""

    bl_label = "Get Results"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows what can be had, and where it goes."""
        refresh.see("jobs")
        layout: Layout = self.layout
        selected = view_of(context).active_job()
        row = needing(beside(context, layout), context, "results")
        row.operator("render.netclientdownload", text="Multilayer EXR", icon="RENDERLAYERS").kind = "LAYERS"
        row.operator("render.netclientdownload", text="Final Files", icon="OUTPUT").kind = "FINAL"
        if selected is not None and selected.done:
            lines(context, layout, f"Into {output_folder(job.scene_of(context))}", "FILE_FOLDER")


def output_folder(scene: bpy.types.Scene) -> Path:
    """Where the scene's own frames would go."""
    # With a name behind it, a path that ends with a slash is the folder itself, as in Blender.
    return Path(bpy.path.abspath(scene.render.filepath) + "name").parent


register, unregister = bpy.utils.register_classes_factory((RENDER_OT_netclientdownload, RENDER_PT_network_results))
