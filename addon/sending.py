"""Sending jobs: with a window while the artist goes on working, without one step by step, for scripts."""

from typing import Any

import bpy

from . import borrow, engine, job, moving, service
from .answers import TICK_S, Result, fail, possible, refuse, sentence
from .native import Failure


class SendingOperator:
    """What the operators that send a job share: prepare, send, then `_sent`."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether this Blender is a client that can send."""
        if job.settings_in(context).mode != "RENDER_CLIENT":
            return refuse(cls, "Choose the mode Client")
        if not bpy.data.filepath:
            return refuse(cls, "Save the file first: what is sent is the file on disk")
        return possible(cls)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Sends while the artist goes on working."""
        try:
            self._begin(context)
        except Failure as failure:
            return fail(self, failure)
        manager: Any = context.window_manager
        manager.modal_handler_add(self)
        self._timer = manager.event_timer_add(TICK_S, window=context.window)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Looks at each tick how far it is; ESC takes it back."""
        if event.type == "ESC":
            self._leave(context)
            return self._withdraw()
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            created = self._submission.job(0.0)
        except Failure as failure:
            self._leave(context)
            return fail(self, failure)
        if created is None:
            context.workspace.status_text_set(f"{sentence(self._submission.text())}   ESC takes it back")
            return {"PASS_THROUGH"}
        self._leave(context)
        return self._finish(context, created, "INVOKE_DEFAULT")

    def cancel(self, context: bpy.types.Context) -> None:
        """Another file is opened or Blender ends: nobody would ever hear of the job."""
        self._leave(context)
        try:
            self._submission.withdraw()
        except Failure as failure:
            print(f"netrender: the job could not be taken back: {failure}")

    def execute(self, context: bpy.types.Context) -> Result:
        """Sends and waits, for scripts."""
        interruption = service.Interruption()
        interruption.watch()
        try:
            self._begin(context)
            created = None
            while created is None:
                if interruption.asked:
                    return self._withdraw()
                created = self._submission.job(TICK_S)
        except Failure as failure:
            return fail(self, failure)
        finally:
            interruption.leave()
        return self._finish(context, created, "EXEC_DEFAULT")

    def _frames(self, scene: bpy.types.Scene) -> str:
        return job.frame_range(scene)

    def _begin(self, context: bpy.types.Context) -> None:
        scene = job.scene_of(context)
        settings = job.settings_of(scene)
        reason = job.obstacle(scene)
        if reason is not None:
            raise Failure(reason)
        if settings.save_before_job:
            bpy.ops.wm.save_mainfile()
        # Until it is sent, the artist may have gone to another scene, or undone something: a name outlives both.
        self._scene_name = scene.name
        self._request = job.request(scene, self._frames(scene))
        if self._request.notice is not None:
            self.report({"WARNING"}, sentence(self._request.notice))
        self._connection = settings.connection()
        self._submission = moving.Submission(self._connection, self._request.blend, self._request.arguments)

    def _finish(self, context: bpy.types.Context, created: str, how: str) -> Result:
        scene = bpy.data.scenes.get(self._scene_name)
        if scene is None:
            return fail(self, Failure(f"the scene {self._scene_name} is gone: its job {created} goes on by itself"))
        self._remember(scene, created)
        return self._sent(scene, created, how)

    def _remember(self, scene: bpy.types.Scene, created: str) -> None:
        for warning in self._submission.warnings():
            self.report({"WARNING"}, sentence(warning))
        settings = job.settings_of(scene)
        settings.job_id = created
        settings.job_engine = self._request.engine

    def _sent(self, _scene: bpy.types.Scene, created: str, _how: str) -> Result:
        self.report({"INFO"}, f"Job sent to the master: {created}")
        return {"FINISHED"}

    def _withdraw(self) -> Result:
        try:
            self._submission.withdraw()
        except Failure as failure:
            return fail(self, failure)
        self.report({"INFO"}, "The job was taken back")
        return {"CANCELLED"}

    def _leave(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        # Without a window there is no workspace.
        if context.workspace is not None:
            context.workspace.status_text_set(None)


class RENDER_OT_netclientsend(SendingOperator, bpy.types.Operator):
    """Send the animation to the farm; Ctrl-F12 brings its frames back, also after Blender was closed"""

    bl_idname = "render.netclientsend"
    bl_label = "Send Job"
    bl_options = {"REGISTER", "UNDO"}


class RENDER_OT_netclientsendframe(SendingOperator, bpy.types.Operator):
    """Send the current frame to the farm; F12 brings it back"""

    bl_idname = "render.netclientsendframe"
    bl_label = "Send Current Frame Job"
    bl_options = {"REGISTER", "UNDO"}

    def _frames(self, scene: bpy.types.Scene) -> str:
        return str(scene.frame_current)


class RENDER_OT_netclientanim(SendingOperator, bpy.types.Operator):
    """Render the animation on the farm and bring every frame back, as if it was rendered here; ESC cancels it"""

    bl_idname = "render.netclientanim"
    bl_label = "Animation on Network"
    bl_options = {"REGISTER"}

    def _sent(self, scene: bpy.types.Scene, created: str, how: str) -> Result:
        borrow.change(scene.render, "engine", job.NETWORK_RENDER)
        engine.own(self._connection, created)
        result: Result = {"CANCELLED"}
        try:
            result = bpy.ops.render.render(how, animation=True, scene=scene.name)
        except RuntimeError as error:
            return fail(self, Failure(str(error).removeprefix("Error: ").strip()))
        finally:
            # A render that goes on in its window puts the engine back itself, whichever way it ends.
            if "RUNNING_MODAL" not in result:
                engine.disown()
                borrow.put_back()
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (RENDER_OT_netclientanim, RENDER_OT_netclientsend, RENDER_OT_netclientsendframe)
)
