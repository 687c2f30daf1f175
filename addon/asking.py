"""What operators share that change something on the farm: they ask, and the lists show the answer when it comes.

A script says what is meant; a button means the selected row, and says what is missing while there is none.
"""

from collections.abc import Callable
from typing import Any, Literal

import bpy
from bpy.props import StringProperty

from . import client, job, questions, refresh
from .answers import Result, WaitingOperator, fail, possible, refuse
from .layout import Layout
from .native import Failure
from .view import NetworkRenderJob, NetworkRenderView, view_of

Need = Literal["jobs", "job", "errors", "results", "frame", "slave", "ban"]

# What a button of the panels needs, and what its tooltip says without that.
_NEEDS: dict[Need, tuple[Callable[[NetworkRenderView], object], str]] = {
    "jobs": (lambda view: view.jobs, "The farm has no jobs"),
    "job": (lambda view: view.active_job(), "Select a job in the list"),
    "errors": (lambda view: any(row.failed for row in _selected(view)), "No frame of this job has failed"),
    "results": (lambda view: any(row.done for row in _selected(view)), "No frame of this job is finished yet"),
    "frame": (lambda view: view.active_frame(), "Select a frame in the list"),
    "slave": (lambda view: view.active_slave(), "Select a slave in the list"),
    "ban": (lambda view: view.active_ban(), "Select a slave in the blacklist"),
}


def needing(layout: Layout, context: bpy.types.Context, need: Need) -> Layout:
    """Has the buttons of a layout greyed out, with the reason, while what they need is not there."""
    layout.context_pointer_set(f"network_render_needs_{need}", view_of(context))
    return layout


class AskingOperator(WaitingOperator):
    """An operator whose answer is how the farm is afterwards."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a core to ask with and, for a button, what it needs."""
        missing = _missing(context)
        return possible(cls) and (missing is None or refuse(cls, missing))

    def execute(self, context: bpy.types.Context) -> Result:
        """Makes its changes, and shows how the farm is then."""
        view_of(context).trouble = ""
        try:
            changes = self._changes(context)
            wanted = refresh.everything(context) if self.wait else refresh.what_is_drawn(context)
            question = client.look(job.settings_in(context).connection(), wanted, *changes)
            if self.wait:
                refresh.show(question.wait())
            else:
                questions.ask(f"{self.bl_idname} {self._whom(context)}", question, refresh.show, refresh.show_trouble)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}

    def _changes(self, _context: bpy.types.Context) -> list[client.Change]:
        return []

    def _whom(self, _context: bpy.types.Context) -> str:
        """A question about something else does not take this one's place."""
        return ""

    bl_idname: Any


class _OneOperator(AskingOperator):
    """An operator of one job or one slave."""

    def _changes(self, context: bpy.types.Context) -> list[client.Change]:
        return [self._change(context, self._whom(context))]

    def _change(self, _context: bpy.types.Context, whom: str) -> client.Change:
        """What is done to it. It is done when the operator is gone already: nothing in it may name `self`."""
        raise NotImplementedError


class JobOperator(_OneOperator):
    """An operator of one job."""

    job: StringProperty(name="Job", description="The job's id; the selected job if it is empty", options={"HIDDEN", "SKIP_SAVE"})

    def _whom(self, context: bpy.types.Context) -> str:
        if self.job:
            return str(self.job)
        selected = view_of(context).active_job()
        if selected is None:
            raise Failure("select a job in the list")
        return str(selected.job_id)


class SlaveOperator(_OneOperator):
    """An operator of one slave."""

    slave: StringProperty(
        name="Slave", description="The slave's id; the selected slave if it is empty", options={"HIDDEN", "SKIP_SAVE"}
    )

    def _whom(self, context: bpy.types.Context) -> str:
        if self.slave:
            return str(self.slave)
        selected = view_of(context).active_slave()
        if selected is None:
            raise Failure("select a slave in the list")
        return str(selected.slave_id)


def _missing(context: bpy.types.Context) -> str | None:
    """What a button needs and does not have, as a sentence; scripts need no selection."""
    for need, (found, reason) in _NEEDS.items():
        if getattr(context, f"network_render_needs_{need}", None) is not None and not found(view_of(context)):
            return reason
    return None


def _selected(view: NetworkRenderView) -> list[NetworkRenderJob]:
    selected = view.active_job()
    return [] if selected is None else [selected]
