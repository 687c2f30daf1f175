"""What the panels show of the farm, kept in the window manager: never saved in a file."""

import bpy
from bpy.props import CollectionProperty, IntProperty, PointerProperty, StringProperty


class NetworkRenderJob(bpy.types.PropertyGroup):
    """A row of the list of jobs, as of the last refresh; its name is the job's."""

    job_id: StringProperty()
    state: StringProperty()
    frames: StringProperty()
    total: IntProperty()
    done: IntProperty()
    failed: IntProperty()
    explanation: StringProperty()


class NetworkRenderView(bpy.types.PropertyGroup):
    """`window_manager.network_render`: what the panels show of the farm."""

    jobs: CollectionProperty(type=NetworkRenderJob)
    active_job_index: IntProperty(name="Job", description="The selected job", default=-1, min=-1)
    # What became of the last question: empty while all is well.
    trouble: StringProperty()

    def active_job(self) -> NetworkRenderJob | None:
        """The selected row."""
        return self.jobs[self.active_job_index] if 0 <= self.active_job_index < len(self.jobs) else None


def view_of(context: bpy.types.Context) -> NetworkRenderView:
    """The window manager's view, with its type."""
    view: NetworkRenderView = context.window_manager.network_render
    return view


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((NetworkRenderJob, NetworkRenderView))


def register() -> None:
    """Adds the view to the window manager."""
    _register_classes()
    bpy.types.WindowManager.network_render = PointerProperty(type=NetworkRenderView)


def unregister() -> None:
    """Takes it away."""
    del bpy.types.WindowManager.network_render
    _unregister_classes()
