"""Finished frames on their way into a folder of the artist's: as they were rendered, or as final files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .connection import Connection, Steps, connected, failures_told
from .moving import Gathering
from .native import Failure
from .questions import Question

if TYPE_CHECKING:
    import netrender_core as core

FRAMES_PER_PAGE = 1000


@dataclass(frozen=True)
class Progress:
    """How far a delivery is."""

    here: int
    wanted: int
    text: str
    is_over: bool


class Delivery(Protocol):
    """Frames on their way into a folder."""

    def look(self, timeout: float) -> Progress:
        """How far it is, after waiting for more for up to `timeout`."""

    def stop(self) -> None:
        """Ends it; what is in the folder stays."""


class Layers:
    """Frames as slaves rendered them: multilayer EXR files with every pass."""

    def __init__(self, frames: list[int], gathering: Gathering) -> None:
        self._wanted = len(frames)
        self._left = frames
        self._gathering = gathering

    def look(self, timeout: float) -> Progress:
        """How far it is, after waiting for the next frame for up to `timeout`."""
        while self._left:
            gathered = self._gathering.frame(self._left[0], timeout)
            if gathered.state in ("failed", "unknown", "cancelled"):
                raise Failure(gathered.text)
            if gathered.path is None:
                break
            self._left = self._left[1:]
        here = self._wanted - len(self._left)
        return Progress(here, self._wanted, f"{here} of {self._wanted} frames", not self._left)

    def stop(self) -> None:
        """Ends it."""
        self._gathering.stop()


class Finals:
    """What a local render of the scene writes: made by a Blender of this machine, or by slaves already."""

    def __init__(self, finish: core.Finish) -> None:
        self._finish = finish

    def look(self, timeout: float) -> Progress:
        """How far it is, after waiting for its end for up to `timeout`."""
        with failures_told():
            told = self._finish.wait(timeout)
        text = f"{told.finished} of {told.wanted} frames" + (f", {told.text}" if told.text and not told.complete else "")
        return Progress(told.finished, told.wanted, text, told.complete)

    def stop(self) -> None:
        """Ends it."""
        with failures_told():
            self._finish.stop()


def layers(connection: Connection, job: str, folder: str, blender: str) -> Question[Delivery]:
    """Begins to bring all frames of a job that are finished by now; this Blender denoises what slaves left noisy."""

    def steps() -> Steps[Delivery]:
        client = yield from connected(connection)
        done = yield from _done(client, job)
        gather: core.Gather = yield client.later.gather(job, folder, frames=",".join(map(str, done)), blender=blender)
        return Layers(done, Gathering(gather, folder, keep=True))

    return Question(steps())


def finals(connection: Connection, job: str, folder: str, blender: str) -> Question[Delivery]:
    """The same as final files, made by this Blender."""

    def steps() -> Steps[Delivery]:
        client = yield from connected(connection)
        # Else a Blender would open the scene to find out that there is nothing to do.
        yield from _done(client, job)
        finish: core.Finish = yield client.later.finish(job, folder, follow=False, blender=blender)
        return Finals(finish)

    return Question(steps())


def _done(client: core.Client, job: str) -> Steps[list[int]]:
    done: list[int] = []
    offset = 0
    while page := (yield client.later.frames(job, offset=offset, limit=FRAMES_PER_PAGE)):
        done += [frame.frame for frame in page if frame.state == "done"]
        offset += len(page)
    if not done:
        raise Failure("no frame of this job is finished yet")
    return done
