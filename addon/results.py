"""Get Results: the finished frames of the selected job, into the output folder."""

from pathlib import Path

import bpy

from . import job, moving
from .answers import TICK_S, Result, fail
from .asking import JobOperator
from .native import Failure
from .view import view_of


class RENDER_OT_netclientdownload(JobOperator, bpy.types.Operator):
    """Save all finished frames of the selected job as multilayer EXR files into the current output folder"""

    bl_idname = "render.netclientdownload"
    bl_label = "Get Results"

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
            while self._take(0.0):
                pass
        except Failure as failure:
            self._end(context, {"CANCELLED"})
            return fail(self, failure)
        if self._results is not None and not self._left:
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
            while self._results is None or self._left:
                self._take(TICK_S)
        except Failure as failure:
            self._leave(context)
            return fail(self, failure)
        return self._end(context, {"FINISHED"})

    def _begin(self, context: bpy.types.Context) -> Result:
        selected = view_of(context).active_job()
        self._timer = None
        self._results: moving.Results | None = None
        self._left: list[int] = []
        # With a name behind it, a path that ends with a slash is the folder itself, as in Blender.
        self._folder = Path(bpy.path.abspath(context.scene.render.filepath) + "name").parent
        try:
            connection = job.settings_in(context).connection()
            self._question = moving.gather_results(connection, selected.job_id, str(self._folder))
        except Failure as failure:
            return fail(self, failure)
        return {"RUNNING_MODAL"}

    def _take(self, timeout: float) -> bool:
        """Whether there is more to be taken: the master's answer is here, or the next frame."""
        if self._results is None:
            self._results = self._question.answer(timeout)
            self._left = [] if self._results is None else list(self._results.frames)
            return self._results is not None
        if not self._left:
            return False
        gathered = self._results.gathering.frame(self._left[0], timeout)
        if gathered.state in ("failed", "unknown", "cancelled"):
            raise Failure(gathered.text)
        if gathered.path is None:
            return False
        self._left.pop(0)
        return True

    def _text(self) -> str:
        if self._results is None:
            return "asking the master…"
        return f"{len(self._results.frames) - len(self._left)} of {len(self._results.frames)} frames"

    def _end(self, context: bpy.types.Context, result: Result) -> Result:
        self._leave(context)
        if self._results is not None:
            self.report({"INFO"}, f"{self._text()} are in {self._folder}")
        return result

    def _leave(self, context: bpy.types.Context) -> None:
        self._question.stop()
        if self._results is not None:
            self._results.gathering.stop()
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            # Without a window there is no workspace.
            if context.workspace is not None:
                context.workspace.status_text_set(None)


register, unregister = bpy.utils.register_classes_factory((RENDER_OT_netclientdownload,))
