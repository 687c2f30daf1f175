"""Bake on Network and Get Bakes: simulations are baked by the farm, and play back in this scene."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import StringProperty

from . import client, job, notices, questions, simulations, waiting
from .answers import Result, WaitingOperator, fail, possible, refuse, sentence, undoable
from .layout import Layout, SubPanel, beside, lines
from .native import Failure
from .properties import NetworkRenderSettings
from .sending import SendingOperator
from .view import view_of

if TYPE_CHECKING:
    from netrender_core import Bakes

NAMED_MAX = 8


class RENDER_OT_netclientbake(SendingOperator, bpy.types.Operator):
    """Bake the simulations on the farm, each by itself; Get Bakes brings them, rigid bodies inside of a copy of the file"""

    bl_idname = "render.netclientbake"
    bl_label = "Bake on Network"
    bl_options = {"REGISTER", "UNDO"}

    only_bakes = True

    def _note(self, settings: NetworkRenderSettings, created: str) -> None:
        settings.bake_job_id = created


class RENDER_OT_netclientbakes(WaitingOperator, bpy.types.Operator):
    """Put what the farm has baked beside this file, and have this scene play it back"""

    bl_idname = "render.netclientbakes"
    bl_label = "Get Bakes"
    bl_options = {"REGISTER"}

    job: StringProperty(
        name="Job", description="The job that bakes; if it is empty, the one that was sent last", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a place for them, and a job."""
        if not bpy.data.filepath:
            return refuse(cls, "Save the file first: bakes lie beside it")
        return possible(cls) and (bool(_job_in(context)) or refuse(cls, "Bake on Network first: this scene has no bakes yet"))

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
    if selected is not None and selected.piece == "bake":
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
    undoable(RENDER_OT_netclientbakes.bl_label)
    notices.tell("; ".join(told))


def play_back(here: "Bakes", blend: str) -> list[str]:
    """Has the open file play back what lies beside it; tells in sentences what was done, and what could not be."""
    if bpy.data.filepath != blend:
        raise Failure(f"the bakes lie beside {Path(blend).name}: open it, and get them once more")
    try:
        baked = json.loads(Path(here.index).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{here.index} cannot be read: {error}") from error
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
    # Of what is in the copy, too, the same was told twice.
    return [sentence(each) for each in dict.fromkeys(done + told + here.warnings)]


def unbaked(scene: bpy.types.Scene) -> list[str]:
    """Names of simulations that are shown and do not play back anything, by asking all that can be asked: for scripts."""
    found = simulations.simulations(scene)
    return [each.name for each in found if simulations.is_shown(each) and not simulations.is_baked(each)]


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


class RENDER_PT_network_bakes(SubPanel, bpy.types.Panel):
    """The simulations of this scene."""

    bl_label = "Simulations"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows what is not baked, and what can be done about it."""
        layout: Layout = self.layout
        settings = job.settings_in(context)
        known = waiting.see(job.scene_of(context))
        if known is None:
            layout.label(text="Looking for what is not baked…", icon="PHYSICS")
        elif known.names:
            lines(context, layout, f"Not baked: {_named(known.names)}", "PHYSICS")
        elif not known.unsure:
            layout.label(text="Nothing is left to be baked", icon="CHECKMARK")
        if known and known.unsure:
            lines(context, layout, f"Not baked, or inside of this file: {_named(known.unsure)}", "QUESTION")
        layout.prop(settings, "bake_first")
        if known and known.names and not settings.bake_first:
            lines(context, layout, "Slaves that begin with a later frame will show these wrongly", "ERROR")
        row = beside(context, layout)
        row.operator(RENDER_OT_netclientbake.bl_idname, icon="PHYSICS")
        row.operator(RENDER_OT_netclientbakes.bl_idname, icon="IMPORT")


register, unregister = bpy.utils.register_classes_factory(
    (RENDER_OT_netclientbake, RENDER_OT_netclientbakes, RENDER_PT_network_bakes)
)
