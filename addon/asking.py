"""What operators share that change something on the farm: they ask, and the lists show the answer when it comes."""

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from . import client, job, questions, refresh
from .answers import Result, fail, possible
from .native import Failure
from .view import view_of


class AskingOperator:
    """An operator whose answer is how the farm is afterwards."""

    wait: BoolProperty(
        name="Wait",
        description="Return once the master has answered, for scripts",
        default=True,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether there is a core to ask with."""
        return possible(cls)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Asks while the artist goes on working."""
        self.wait = False
        return self.execute(context)

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
