"""How operators answer Blender and the artist: possible or not and why, done, or failed with one sentence."""

from typing import Any, Literal

from . import native
from .native import Failure

# How often an operator that goes on looks how far it is.
TICK_S = 0.1

# What Blender takes as an operator's answer.
Result = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]


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


def sentence(text: str) -> str:
    """A reason as the interface writes it."""
    return text[:1].upper() + text[1:]
