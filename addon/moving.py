"""Jobs on their way to the master, and frames on their way back."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from . import native
from .connection import Connection, Steps, connected, failures_told
from .native import Failure
from .questions import Question

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

_submissions: list[Submission] = []
_gatherings: list[Gathering] = []


def under_way() -> list[tuple[str, float | None]]:
    """The jobs on their way, each in one line and with the part of it that is there."""
    return [(submission.text(), submission.share()) for submission in _submissions]


class Submission:
    """A job on its way to the master."""

    def __init__(self, connection: Connection, blend: str, arguments: dict[str, Any]) -> None:
        self._question = Question(_submitted(connection, blend, arguments))
        self._inner: core.Submission | None = None
        _submissions.append(self)

    def job(self, timeout: float) -> str | None:
        """The job's id once it is sent, None if that takes longer than `timeout`; 0 never waits."""
        try:
            if self._inner is None:
                self._inner = self._question.answer(timeout)
            with failures_told():
                job = None if self._inner is None else self._inner.wait(timeout)
        except Failure:
            _submissions.remove(self)
            raise
        if job is not None:
            _submissions.remove(self)
        return job

    def text(self) -> str:
        """Where it stands, in one line for people."""
        return "asking the master…" if self._inner is None else self._inner.progress().text

    def share(self) -> float | None:
        """Which part of its bytes is there; None if that is not known yet."""
        progress = None if self._inner is None else self._inner.progress()
        return progress.done / progress.total if progress is not None and progress.total else None

    def warnings(self) -> list[str]:
        """What may look different elsewhere, in sentences."""
        return [] if self._inner is None else self._inner.progress().warnings

    def bake_job(self) -> str | None:
        """The job that bakes before it, if there is one."""
        return None if self._inner is None else self._inner.progress().bake_job

    def withdraw(self) -> None:
        """Stops it and takes its job back, in threads of the core; a second call does nothing."""
        with contextlib.suppress(ValueError):
            _submissions.remove(self)
        with failures_told():
            self._question.stop()
            if self._inner is not None:
                self._inner.cancel()


def _submitted(connection: Connection, blend: str, arguments: dict[str, Any]) -> Steps[core.Submission]:
    client = yield from connected(connection)
    return client.submit(blend, **arguments)


class Gathering:
    """Frames of one job on their way to this machine, several at a time."""

    def __init__(self, gather: core.Gather, folder: str, *, keep: bool) -> None:
        self._gather = gather
        self._folder = folder
        self._keep = keep
        _gatherings.append(self)

    def frame(self, frame: int, timeout: float) -> core.GatheredFrame:
        """The frame's state, after waiting for its file for up to `timeout`."""
        with failures_told():
            return self._gather.frame(frame, timeout)

    def tiles(self, frame: int, width: int, height: int) -> list[tuple[str, int, int, int, int]]:
        """The tiles of a frame that are here before it is: path, left, bottom, width, height; never waits."""
        return self._gather.tiles(frame, width, height)

    def stop(self) -> None:
        """Ends it, and removes its folder unless the frames are to be kept."""
        if self in _gatherings:
            _gatherings.remove(self)
            self._gather.stop()
            if not self._keep:
                shutil.rmtree(self._folder, ignore_errors=True)


def gather_frames(connection: Connection, job: str, frames: str, parent: str | None, blender: str) -> Question[Gathering]:
    """Frames for a render, in a temporary folder below `parent` that goes with the gathering; `blender` denoises the rest."""

    def steps() -> Steps[Gathering]:
        client = yield from connected(connection)
        folder = tempfile.mkdtemp(prefix="netrender_client_", dir=parent)
        try:
            gather = yield client.later.gather(job, folder, frames=frames, blender=blender)
        except BaseException:
            # Given up, too.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Gathering(gather, folder, keep=False)

    return Question(steps())


def exr_info(path: str) -> core.ExrInfo:
    """What is in a multilayer EXR."""
    with failures_told():
        return core.exr_info(path)


def stop() -> None:
    """Gives up all that is under way; each part within its own bound."""
    for submission in list(_submissions):
        with contextlib.suppress(Failure):
            submission.withdraw()
    for gathering in list(_gatherings):
        gathering.stop()
