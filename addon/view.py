"""What the panels show of the farm, kept in the window manager: never saved in a file. Filled by `refresh`."""

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, PointerProperty, StringProperty


class NetworkRenderJob(bpy.types.PropertyGroup):
    """A row of the list of jobs, as of the last refresh; its name is the job's."""

    job_id: StringProperty()
    # What its numbers count: "frame", "tile", "task" or "bake".
    piece: StringProperty()
    state: StringProperty()
    frames: StringProperty()
    category: StringProperty()
    tags: StringProperty()
    requirements: StringProperty()
    priority: IntProperty()
    chunks: IntProperty()
    frame_total: IntProperty()
    total: IntProperty()
    done: IntProperty()
    failed: IntProperty()
    rendering: IntProperty()
    seconds: FloatProperty()
    blacklisted: IntProperty()
    # Of one that bakes: frames are all or nothing.
    percent: IntProperty()
    explanation: StringProperty()
    # What its row shows: written once an answer, read at every redraw.
    told_done: StringProperty()
    told_left: StringProperty()
    progress: FloatProperty(
        name="Progress",
        description="Finished frames",
        subtype="PERCENTAGE",
        min=0,
        max=100,
        precision=0,
        get=lambda self: self.percent if self.piece == "bake" else 100 * self.done / self.total if self.total else 0,
    )


class NetworkRenderSlave(bpy.types.PropertyGroup):
    """A row of the list of slaves; its name is the slave's."""

    slave_id: StringProperty()
    state: StringProperty()
    job: StringProperty()
    address: StringProperty()
    tags: StringProperty()
    blenders: StringProperty()
    machine: StringProperty()
    # In digits: a number of Blender's has too few for a moment.
    last_seen: StringProperty(default="0")
    load: FloatProperty()
    speed: FloatProperty()
    done: IntProperty()
    failed: IntProperty()
    explanation: StringProperty()
    told_doing: StringProperty()
    told_speed: StringProperty()


class NetworkRenderBan(bpy.types.PropertyGroup):
    """A row of the blacklist; its name is the slave's."""

    slave_id: StringProperty()
    # Empty: of no job at all.
    job_id: StringProperty()
    cause: StringProperty()
    reason: StringProperty()
    until: StringProperty()


class NetworkRenderFrame(bpy.types.PropertyGroup):
    """A row of the list of the selected job's frames; its name is the frame's number, or that of a bake."""

    frame: IntProperty()
    state: StringProperty()
    attempt: IntProperty()
    slave: StringProperty()
    seconds: FloatProperty()
    # How much of it is done, where that is told.
    percent: IntProperty()
    failure: StringProperty()


class NetworkRenderView(bpy.types.PropertyGroup):
    """`window_manager.network_render`: what the panels show of the farm."""

    jobs: CollectionProperty(type=NetworkRenderJob)
    active_job_index: IntProperty(name="Job", description="The selected job", default=-1, min=-1)
    slaves: CollectionProperty(type=NetworkRenderSlave)
    active_slave_index: IntProperty(name="Slave", description="The selected slave", default=-1, min=-1)
    bans: CollectionProperty(type=NetworkRenderBan)
    active_ban_index: IntProperty(name="Slave", description="The selected slave", default=-1, min=-1)
    frames: CollectionProperty(type=NetworkRenderFrame)
    active_frame_index: IntProperty(name="Frame", description="The selected frame", default=-1, min=-1)
    # Of which job the frames are.
    frames_job: StringProperty()
    # Whether the master has told its jobs: an empty list says something only then.
    is_known: BoolProperty()
    # What became of the last question: empty while all is well.
    trouble: StringProperty()
    # The same of the question which revision a file is at.
    version_trouble: StringProperty()

    def active_job(self) -> NetworkRenderJob | None:
        """The selected row."""
        return self.jobs[self.active_job_index] if 0 <= self.active_job_index < len(self.jobs) else None

    def active_slave(self) -> NetworkRenderSlave | None:
        """The selected row."""
        return self.slaves[self.active_slave_index] if 0 <= self.active_slave_index < len(self.slaves) else None

    def active_ban(self) -> NetworkRenderBan | None:
        """The selected row."""
        return self.bans[self.active_ban_index] if 0 <= self.active_ban_index < len(self.bans) else None

    def active_frame(self) -> NetworkRenderFrame | None:
        """The selected row, if it is one of the selected job's."""
        chosen = self.active_frame_index if self.has_frames() else -1
        return self.frames[chosen] if 0 <= chosen < len(self.frames) else None

    def has_frames(self) -> bool:
        """Whether the frames are those of the selected job: another one may have been selected since they were told."""
        job = self.active_job()
        return job is not None and job.job_id == self.frames_job


def view_of(context: bpy.types.Context) -> NetworkRenderView:
    """The window manager's view, with its type."""
    view: NetworkRenderView = context.window_manager.network_render
    return view


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (NetworkRenderJob, NetworkRenderSlave, NetworkRenderBan, NetworkRenderFrame, NetworkRenderView)
)


def register() -> None:
    """Adds the view to the window manager."""
    _register_classes()
    bpy.types.WindowManager.network_render = PointerProperty(type=NetworkRenderView)


def unregister() -> None:
    """Takes it away."""
    del bpy.types.WindowManager.network_render
    _unregister_classes()
