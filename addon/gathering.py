"""Get Image and Get Animation: a render by the engine Network Render, which brings frames instead of making them."""

import bpy
from bpy.props import BoolProperty

from . import borrow, job
from .answers import Result, fail, possible, refuse
from .native import Failure


class RENDER_OT_netclientgather(bpy.types.Operator):
    """Bring the frames of the job that was sent last into the render window, as if they were rendered here"""

    bl_idname = "render.netclientgather"
    bl_label = "Get Animation"

    animation: BoolProperty(name="Animation", description="All frames; else only the current one", default=True)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """What the button does, as its tooltip."""
        what = "each frame" if getattr(properties, "animation", True) else "the current frame"
        return f"Bring {what} of the job that was sent last, as if it was rendered here; waits for those that are being rendered"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a job to gather."""
        settings = job.settings_in(context)
        if settings.mode != "RENDER_CLIENT":
            return refuse(cls, "Choose the mode Client")
        return possible(cls) and (bool(settings.job_id) or refuse(cls, "Send a job first: this scene has none yet"))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Gathers while the artist looks on; ESC ends it and leaves the job alone."""
        return self._gather(context, "INVOKE_DEFAULT")

    def execute(self, context: bpy.types.Context) -> Result:
        """Gathers and waits, for scripts."""
        return self._gather(context, "EXEC_DEFAULT")

    def _gather(self, context: bpy.types.Context, how: str) -> Result:
        try:
            render(job.scene_of(context), how, animation=self.animation)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


def render(scene: bpy.types.Scene, how: str, *, animation: bool) -> bool:
    """Renders with the engine Network Render, and tells whether that goes on in its window; else it is over."""
    borrow.change(scene.render, "engine", job.NETWORK_RENDER)
    result: Result = {"CANCELLED"}
    try:
        # A picture is written by whoever asks for that: F12 does not.
        result = bpy.ops.render.render(how, animation=animation, scene=scene.name)
    except RuntimeError as error:
        raise Failure(str(error).removeprefix("Error: ").strip()) from error
    finally:
        # A render that goes on in its window puts the engine back itself, whichever way it ends.
        if "RUNNING_MODAL" not in result:
            borrow.put_back()
    return "RUNNING_MODAL" in result


register, unregister = bpy.utils.register_classes_factory((RENDER_OT_netclientgather,))
