"""Sending jobs: with a window while the artist goes on working, without one step by step, for scripts."""

from typing import Any

import bpy

from . import engine, gathering, job, service, watching
from .answers import TICK_S, Result, fail, possible, refuse, sentence
from .dispatch import Dispatch
from .native import Failure
from .properties import NetworkRenderSettings


class SendingOperator:
    """What the operators that send a job share: the steps of a `Dispatch`, then `_sent`."""

    # Whether a farm is made of this Blender if there is none.
    may_start = False
    # Whether only its simulations are baked.
    only_bakes = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether this Blender is a client that can send."""
        if job.settings_in(context).mode != "RENDER_CLIENT":
            return refuse(cls, "Choose the mode Client")
        if not job.has_source(job.scene_of(context)):
            return refuse(cls, "Save the file first: what is sent is the file on disk")
        return possible(cls)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Sends while the artist goes on working."""
        self._given_up = False
        try:
            self._begin(context, 0.0)
            watching.say(sentence(next(self._steps)))
        except Failure as failure:
            return fail(self, failure)
        manager: Any = context.window_manager
        manager.modal_handler_add(self)
        self._timer = manager.event_timer_add(TICK_S, window=context.window)
        _under_way.append(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Looks at each tick how far it is; ESC takes it back."""
        if self not in _under_way:
            # It was over, but its last step opened a window for the render: Blender then takes no notice of what it answers.
            return {"FINISHED", "PASS_THROUGH"}
        if self._given_up or (event.type == "ESC" and event.value == "PRESS"):
            return self._withdraw(context)
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            text = next(self._steps)
        except StopIteration as end:
            self._leave(context)
            return self._finish(end.value, "INVOKE_DEFAULT")
        except Failure as failure:
            self._leave(context)
            return fail(self, failure)
        watching.say(sentence(text))
        context.workspace.status_text_set(f"{sentence(text)}   ESC takes it back")
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Another file is opened or Blender ends: nobody would ever hear of the job."""
        self._leave(context)
        try:
            self._steps.close()
        except Failure as failure:
            print(f"netrender: the job could not be taken back: {failure}")

    def execute(self, context: bpy.types.Context) -> Result:
        """Sends and waits, for scripts."""
        interruption = service.Interruption()
        interruption.watch()
        try:
            self._begin(context, TICK_S)
            while True:
                try:
                    next(self._steps)
                except StopIteration as end:
                    created = end.value
                    break
                if interruption.asked:
                    self._steps.close()
                    return self._taken_back()
        except Failure as failure:
            return fail(self, failure)
        finally:
            interruption.leave()
        return self._finish(created, "EXEC_DEFAULT")

    def give_up(self) -> None:
        """Has it taken back at its next tick."""
        self._given_up = True

    def _frames(self, scene: bpy.types.Scene) -> str:
        return job.frame_range(scene)

    def _begin(self, context: bpy.types.Context, timeout: float) -> None:
        scene = job.scene_of(context)
        reason = job.obstacle(scene)
        if reason is not None:
            raise Failure(reason)
        if job.settings_of(scene).save_before_job and bpy.data.filepath:
            bpy.ops.wm.save_mainfile()
        arguments = {"may_start": self.may_start, "only_bakes": self.only_bakes}
        self._dispatch = Dispatch(scene, self._frames(scene), **arguments, timeout=timeout)
        self._steps = self._dispatch.steps()

    def _finish(self, created: str, how: str) -> Result:
        for notice in self._dispatch.notices:
            self.report({"WARNING"}, sentence(notice))
        try:
            scene = self._dispatch.scene()
        except Failure as failure:
            return fail(self, Failure(f"{failure}: its job {created} goes on by itself"))
        self._note(job.settings_of(scene), created)
        for job_id in self._jobs(created):
            watching.add(self._dispatch.connection, job_id)
        return self._sent(scene, created, how)

    def _jobs(self, created: str) -> list[str]:
        """All that was sent, in the order in which it is worked off."""
        bakes = self._dispatch.bake_job
        return [created] if bakes is None else [bakes, created]

    def _note(self, settings: NetworkRenderSettings, created: str) -> None:
        """Remembers the job in the scene, for those who bring what comes of it."""
        settings.job_id, settings.job_engine = created, self._dispatch.engine
        if self._dispatch.bake_job is not None:
            settings.bake_job_id = self._dispatch.bake_job

    def _sent(self, _scene: bpy.types.Scene, created: str, _how: str) -> Result:
        self.report({"INFO"}, f"Job sent to the master: {created}")
        return {"FINISHED"}

    def _withdraw(self, context: bpy.types.Context) -> Result:
        self._leave(context)
        try:
            self._steps.close()
        except Failure as failure:
            return fail(self, failure)
        return self._taken_back()

    def _taken_back(self) -> Result:
        self.report({"INFO"}, "The job was taken back")
        return {"CANCELLED"}

    def _leave(self, context: bpy.types.Context) -> None:
        watching.say(None)
        _under_way.remove(self)
        context.window_manager.event_timer_remove(self._timer)
        # Without a window there is no workspace.
        if context.workspace is not None:
            context.workspace.status_text_set(None)


_under_way: list[SendingOperator] = []


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
    """Render the animation on all computers of the farm and bring every frame back, as if it was rendered here; ESC cancels it"""

    bl_idname = "render.netclientanim"
    bl_label = "Animation on Network"
    bl_options = {"REGISTER"}

    may_start = True

    def _sent(self, scene: bpy.types.Scene, created: str, how: str) -> Result:
        engine.own(self._dispatch.connection, self._jobs(created))
        goes_on = False
        try:
            goes_on = gathering.render(scene, how, animation=True)
        except Failure as failure:
            return fail(self, failure)
        finally:
            if not goes_on:
                engine.disown()
        return {"FINISHED"}


class RENDER_OT_netclientwithdraw(bpy.types.Operator):
    """Take back the job that is being sent"""

    bl_idname = "render.netclientwithdraw"
    bl_label = "Take Back"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether one is on its way."""
        return bool(_under_way) or refuse(cls, "No job is being sent")

    def execute(self, _context: bpy.types.Context) -> Result:
        """Has those that are on their way taken back."""
        for operator in _under_way:
            operator.give_up()
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (RENDER_OT_netclientanim, RENDER_OT_netclientsend, RENDER_OT_netclientsendframe, RENDER_OT_netclientwithdraw)
)
