"""Bake on Network and Get Bakes: simulations are baked by the farm, and play back in this scene."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from . import client, job, notices, questions, simulations
from .answers import Result, fail, possible, refuse, sentence
from .layout import Layout, SubPanel, lines
from .native import Failure
from .properties import NetworkRenderSettings
from .sending import SendingOperator
from .view import view_of

if TYPE_CHECKING:
    from netrender_core import Bakes

NAMED_MAX = 8
_LIST = "bakes.json"


class RENDER_OT_netclientbake(SendingOperator, bpy.types.Operator):
    """Bake the simulations on the farm, each by itself; Get Bakes brings them, rigid bodies inside of a copy of the file"""

    bl_idname = "render.netclientbake"
    bl_label = "Bake on Network"
    bl_options = {"REGISTER", "UNDO"}

    only_bakes = True

    def _note(self, settings: NetworkRenderSettings, created: str) -> None:
        settings.bake_job_id = created


class RENDER_OT_netclientbakes(bpy.types.Operator):
    """Put what the farm has baked beside this file, and have this scene play it back"""

    bl_idname = "render.netclientbakes"
    bl_label = "Get Bakes"
    bl_options = {"REGISTER", "UNDO"}

    job: StringProperty(
        name="Job", description="The job that bakes; if it is empty, the one that was sent last", options={"HIDDEN", "SKIP_SAVE"}
    )
    wait: BoolProperty(
        name="Wait",
        description="Return once they play back, for scripts",
        default=True,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a place for them, and a job."""
        if not bpy.data.filepath:
            return refuse(cls, "Save the file first: bakes lie beside it")
        return possible(cls) and (bool(_job_in(context)) or refuse(cls, "Bake on Network first: this scene has no bakes yet"))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Fetches while the artist goes on working."""
        self.wait = False
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> Result:
        """Fetches them, and has the scene play them back."""
        blend = bpy.data.filepath
        try:
            whose = self.job or _job_in(context)
            question = client.bakes(job.settings_in(context).connection(), whose, str(Path(blend).parent), job.own_blender())
            if not self.wait:
                questions.ask(self.bl_idname, question, lambda here: _tell(here, blend), _tell_failure)
                return {"FINISHED"}
            for told in play_back(question.wait(), blend):
                self.report({"INFO"}, told)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


def _job_in(context: bpy.types.Context) -> str:
    """The selected job if it bakes, else the one of this scene that does."""
    selected = view_of(context).active_job()
    if selected is not None and selected.bakes:
        return str(selected.job_id)
    return str(job.settings_in(context).bake_job_id)


def _tell_failure(why: str) -> None:
    notices.tell(why, failed=True)


def _tell(here: "Bakes", blend: str) -> None:
    try:
        told = play_back(here, blend)
    except Failure as failure:
        _tell_failure(str(failure))
        return
    bpy.ops.ed.undo_push(message=RENDER_OT_netclientbakes.bl_label)
    notices.tell("; ".join(told))


def play_back(here: "Bakes", blend: str) -> list[str]:
    """Has the open file play back what lies beside it; tells in sentences what was done, and what could not be."""
    if bpy.data.filepath != blend:
        raise Failure(f"the bakes lie beside {Path(blend).name}: open it, and get them once more")
    listed = Path(blend).parent / simulations.BESIDE / _LIST
    try:
        baked = json.loads(listed.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{listed} cannot be read: {error}") from error
    told = simulations.attach(baked)
    scene = bpy.context.scene
    scene.frame_set(scene.frame_current)
    inside = [each["name"] for each in baked if each["kind"] == "rigid_body"]
    played = len(baked) - len(told) - len(inside)
    done = [f"{played} of {here.wanted} bakes play back in this scene: save the file to keep that"] if played else []
    if inside and here.blend:
        name = Path(here.blend).name
        done.append(f"the {inside[0]} are baked inside of {name}, which plays back the others, too: open that one")
    if here.failed:
        done.append(f"{here.failed} bakes have failed: the job's log tells why")
    elif len(here.names) < here.wanted:
        done.append("the others are not baked yet: get them once more later")
    return [sentence(each) for each in done + told]


def unbaked(scene: bpy.types.Scene) -> list[str]:
    """Names of simulations that are shown and do not play back anything."""
    return [each.name for each in simulations.simulations(scene) if _is_shown(each) and not _plays_back(each)]


def _is_shown(simulation: simulations.Simulation) -> bool:
    owner = simulation.owner
    return owner is None or (not owner.hide_render and simulation.modifier.show_render)


def _plays_back(simulation: simulations.Simulation) -> bool:
    handle = simulation.handle
    if simulation.kind == "fluid":
        return bool(handle.has_cache_baked_data)
    if simulation.kind in simulations.NODES:
        return bool(handle.use_custom_path and handle.directory and Path(bpy.path.abspath(handle.directory)).is_dir())
    return bool(handle.is_baked or handle.use_external)


class RENDER_PT_network_bakes(SubPanel, bpy.types.Panel):
    """The simulations of this scene."""

    bl_label = "Simulations"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows what is not baked, and what can be done about it."""
        layout: Layout = self.layout
        settings = job.settings_in(context)
        names = unbaked(job.scene_of(context))
        if names:
            more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
            lines(context, layout, f"Not baked: {', '.join(names[:NAMED_MAX])}{more}", "PHYSICS")
        else:
            layout.label(text="Nothing is left to be baked", icon="CHECKMARK")
        layout.prop(settings, "bake_first")
        if names and not settings.bake_first:
            lines(context, layout, "Slaves that begin with a later frame will show these wrongly", "ERROR")
        row = layout.row(align=True)
        row.operator(RENDER_OT_netclientbake.bl_idname, icon="PHYSICS")
        row.operator(RENDER_OT_netclientbakes.bl_idname, icon="IMPORT")


register, unregister = bpy.utils.register_classes_factory(
    (RENDER_OT_netclientbake, RENDER_OT_netclientbakes, RENDER_PT_network_bakes)
)
