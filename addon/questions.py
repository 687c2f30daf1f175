"""Questions to a master, on their way in threads of the core. Nothing here waits for longer than it is told to.

Whoever asked looks at its `Question` when they like, or hands it over by `ask`: `session.pump` then drains it and tells them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from . import native
from .connection import Steps, T, failures_told
from .native import Failure

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

SLICE_S = 0.1
# A master that never answers must not gather questions without an end.
QUESTIONS_MAX = 16


class Question(Generic[T]):
    """A question on its way to the master: as a rule several steps, each begun once the one before is answered."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._pending: core.Pending[Any] | None = None
        self._answer: T | None = None
        self._go_on(None)

    def answer(self, timeout: float) -> T | None:
        """The answer, or None if a step of it is not answered after `timeout`; 0 never waits."""
        while self._pending is not None:
            try:
                with failures_told():
                    answer = self._pending.wait(timeout)
            except Failure as failure:
                # The steps may know what to do about it; if they do not, it comes out here again.
                self._go_on_after(failure)
                continue
            if answer is None:
                return None
            self._go_on(answer)
        return self._answer

    def wait(self) -> T:
        """The answer, for those without a window: each step is bounded by the core, and Ctrl-C ends the wait."""
        while (answer := self.answer(SLICE_S)) is None:
            pass
        return answer

    def stop(self) -> None:
        """Gives it up; what the master has done by then stays done."""
        if self._pending is not None:
            self._pending.stop()
        self._steps.close()

    def _go_on(self, answer: Any) -> None:
        with failures_told():
            self._step(lambda: self._steps.send(answer))

    def _go_on_after(self, failure: Failure) -> None:
        with failures_told():
            self._step(lambda: self._steps.throw(failure))

    def _step(self, step: Callable[[], core.Pending[Any]]) -> None:
        try:
            self._pending = step()
        except StopIteration as end:
            self._pending, self._answer = None, end.value


@dataclass(frozen=True)
class _Asked:
    """A question that is answered by `drain`."""

    question: Question[Any]
    answered: Callable[[Any], None]
    failed: Callable[[str], None]


_asked: dict[str, _Asked] = {}


def ask(what: str, question: Question[T], answered: Callable[[T], None], failed: Callable[[str], None]) -> None:
    """Leaves a question to `drain`, which tells the answer or one sentence; it takes the place of an older `what`."""
    older = _asked.pop(what, None)
    if older is not None:
        older.question.stop()
    if len(_asked) >= QUESTIONS_MAX:
        question.stop()
        raise Failure(f"the master has not answered {len(_asked)} questions yet: wait for it")
    _asked[what] = _Asked(question, answered, failed)


def is_asking(what: str | None = None) -> bool:
    """Whether a question, or the one of this name, is left to `drain`."""
    return bool(_asked) if what is None else what in _asked


def drain() -> bool:
    """Tells what was answered meanwhile, and whether anything was; never waits."""
    told = False
    for what, asked in list(_asked.items()):
        try:
            answer = asked.question.answer(0.0)
        except Failure as failure:
            _settle(what, asked)
            asked.failed(str(failure))
        else:
            if answer is None:
                continue
            _settle(what, asked)
            asked.answered(answer)
        told = True
    return told


def _settle(what: str, asked: _Asked) -> None:
    if _asked.get(what) is asked:
        del _asked[what]


def stop() -> None:
    """Gives up all that are left to `drain`."""
    for what in list(_asked):
        _asked.pop(what).question.stop()
