"""How operators answer Blender and the artist: possible or not and why, done, or failed with one sentence."""

from typing import Any, Literal

import bpy
from bpy.props import BoolProperty

from . import native
from .native import Failure

# How often an operator that goes on looks how far it is.
TICK_S = 0.1

# What Blender takes as an operator's answer.
Result = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]


class WaitingOperator:
    """An operator that asks the master: a script waits for the answer, a button does not."""

    wait: BoolProperty(
        name="Wait",
        description="Return once the answer is here, for scripts",
        default=True,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        """Asks while the artist goes on working."""
        self.wait = False
        return self.execute(context)

    def execute(self, _context: bpy.types.Context) -> Result:
        """Asks."""
        raise NotImplementedError


def possible(operator: Any) -> bool:
    """Whether the native core is there; else says in the button's tooltip why not."""
    obstacle = native.obstacle()
    return obstacle is None or refuse(operator, sentence(obstacle))


def refuse(operator: Any, reason: str) -> bool:
    """Greys a button out and says why."""
    operator.poll_message_set(reason)
    return False


def fail(operator: Any, failure: Failure) -> Result:
    """Ends an operator with the reason."""
    operator.report({"ERROR"}, sentence(str(failure)))
    return {"CANCELLED"}


def undoable(message: str) -> None:
    """Makes what an answer has changed in the scene a step of its undo history: the operator that asked has ended long before."""
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message=message)


def sentence(text: str) -> str:
    """A reason as the interface writes it."""
    return text[:1].upper() + text[1:]
