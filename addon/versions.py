"""Jobs out of version control: which revision of which working copy, and Refresh, which finds out."""

from typing import TYPE_CHECKING

import bpy

from . import client, job, questions
from .answers import Result, WaitingOperator, fail, possible, refuse, sentence, undoable
from .layout import Layout, SubPanel, lines, split
from .native import Failure
from .view import view_of

if TYPE_CHECKING:
    import netrender_core as core

QUESTION = "version"


class RENDER_OT_netclientvcsguess(WaitingOperator, bpy.types.Operator):
    """Find out in which working copy this file lies, at which revision, and where slaves get it from"""

    bl_idname = "render.netclientvcsguess"
    bl_label = "Refresh"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a file to look for."""
        if not bpy.data.filepath:
            return refuse(cls, "Save the file into a working copy first")
        return possible(cls)

    def execute(self, context: bpy.types.Context) -> Result:
        """Finds out, and fills in the fields."""
        scene = job.scene_of(context)
        try:
            # Only the system is a choice; the rest is what is to be found out.
            question = client.guess_version(bpy.data.filepath, vcs=job.settings_of(scene).vcs_system)
            view_of(context).version_trouble = ""
            if self.wait:
                _fill(scene.name, question.wait())
            else:
                questions.ask(QUESTION, question, lambda guess, name=scene.name: _fill_later(name, guess), _show_trouble)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class RENDER_PT_network_versions(SubPanel, bpy.types.Panel):
    """Which revision slaves get the job's files from."""

    bl_label = "From Version Control"
    bl_parent_id = "RENDER_PT_network_job"
    mode = "RENDER_CLIENT"

    def draw_header(self, context: bpy.types.Context) -> None:
        """The switch."""
        self.layout.prop(job.settings_in(context), "use_vcs", text="")

    def draw(self, context: bpy.types.Context) -> None:
        """Shows what is known; what is empty is found out when the job is sent."""
        layout: Layout = split(self.layout)
        settings = job.settings_in(context)
        layout.active = settings.use_vcs
        row = layout.row(align=True)
        row.prop(settings, "vcs_system")
        row.operator("render.netclientvcsguess", text="", icon="FILE_REFRESH")
        layout.prop(settings, "vcs_revision")
        layout.prop(settings, "vcs_rpath")
        layout.prop(settings, "vcs_wpath")
        trouble = view_of(context).version_trouble
        if questions.is_asking(QUESTION):
            layout.label(text="Looking at the working copy…", icon="SORTTIME")
        elif trouble:
            lines(context, layout, trouble, "ERROR")
        elif settings.use_vcs:
            lines(context, layout, "Commit first: all that the scene needs must be in the revision as it is on this disk", "INFO")


def _fill(name: str, guess: "core.VersionGuess") -> None:
    """The scene may be gone meanwhile."""
    scene = bpy.data.scenes.get(name)
    if scene is not None:
        settings = job.settings_of(scene)
        settings.use_vcs = True
        settings.vcs_system, settings.vcs_revision = guess.vcs, guess.revision
        settings.vcs_rpath, settings.vcs_wpath = guess.remote, guess.working_copy


def _fill_later(name: str, guess: "core.VersionGuess") -> None:
    _fill(name, guess)
    undoable("From Version Control")


def _show_trouble(text: str) -> None:
    view_of(bpy.context).version_trouble = sentence(text)


register, unregister = bpy.utils.register_classes_factory((RENDER_OT_netclientvcsguess, RENDER_PT_network_versions))
