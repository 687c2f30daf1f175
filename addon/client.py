"""What this Blender asks of a master. Nothing here waits for longer than it is told to, whatever the master does.

Every question goes on in threads of the core. Whoever asked looks at its `Question` when they like, or hands it over by
`ask`: `session.pump` then drains it and tells them. Nothing here reads the scene.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import native
from .native import Failure

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

# The core may take it twice: to look around, then for the answer.
CONNECT_TIMEOUT_S = 5.0
SLICE_S = 0.1
FRAMES_PER_PAGE = 1000
# A master that never answers must not gather questions without an end.
QUESTIONS_MAX = 16

T = TypeVar("T")
Steps = Generator["core.Pending[Any]", Any, T]


@dataclass(frozen=True)
class Connection:
    """How a master is reached."""

    address: str
    """A URL, `host:port`, or "auto" to find it by its broadcast."""
    key_file: str | None = None


class Question(Generic[T]):
    """A question on its way to the master: as a rule several steps, each begun once the one before is answered."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._pending: core.Pending[Any] | None = None
        self._answer: T | None = None
        with _failures_told():
            self._go_on(None)

    def answer(self, timeout: float) -> T | None:
        """The answer, or None if a step of it is not answered after `timeout`; 0 never waits."""
        try:
            with _failures_told():
                while self._pending is not None:
                    answer = self._pending.wait(timeout)
                    if answer is None:
                        return None
                    self._go_on(answer)
        except Failure:
            self._steps.close()
            raise
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
        try:
            self._pending = self._steps.send(answer)
        except StopIteration as end:
            self._pending, self._answer = None, end.value


@dataclass(frozen=True)
class _Asked:
    """A question that is answered by `drain`."""

    question: Question[Any]
    answered: Callable[[Any], None]
    failed: Callable[[str], None]


_client: tuple[Connection, core.Client] | None = None
_asked: dict[str, _Asked] = {}
_submissions: list[Submission] = []
_gatherings: list[Gathering] = []


# Questions -----------------------------------------------------------------------------------------------------------


def ask(what: str, question: Question[T], answered: Callable[[T], None], failed: Callable[[str], None]) -> None:
    """Leaves a question to `drain`, which tells the answer or one sentence; it takes the place of an older `what`."""
    older = _asked.pop(what, None)
    if older is not None:
        older.question.stop()
    if len(_asked) >= QUESTIONS_MAX:
        question.stop()
        raise Failure(f"the master has not answered {len(_asked)} questions yet: wait for it")
    _asked[what] = _Asked(question, answered, failed)


def is_asking() -> bool:
    """Whether a question is left to `drain`."""
    return bool(_asked)


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


def jobs(connection: Connection) -> Question[list[core.JobInfo]]:
    """Which jobs does the farm have?"""

    def steps() -> Steps[list[core.JobInfo]]:
        client = yield from _connected(connection)
        found: list[core.JobInfo] = yield client.ask_jobs()
        return found

    return Question(steps())


def cancel(connection: Connection, job: str) -> Question[list[core.JobInfo]]:
    """Ends a job, whose finished frames stay; the answer is what jobs there are then."""
    return _changed(connection, lambda client: client.ask_cancel(job))


def remove(connection: Connection, job: str) -> Question[list[core.JobInfo]]:
    """Deletes a job with its results from the farm; the answer is what jobs there are then."""
    return _changed(connection, lambda client: client.ask_remove(job))


def _changed(connection: Connection, change: Callable[[core.Client], core.Pending[Any]]) -> Question[list[core.JobInfo]]:
    def steps() -> Steps[list[core.JobInfo]]:
        client = yield from _connected(connection)
        yield change(client)
        found: list[core.JobInfo] = yield client.ask_jobs()
        return found

    return Question(steps())


def known_url(connection: Connection) -> str | None:
    """Where the master is, if that is known without asking the network."""
    if _client is not None and _client[0] == connection:
        return _client[1].url
    if connection.address == "auto":
        return None
    return connection.address if "://" in connection.address else f"http://{connection.address}/"


def exr_info(path: str) -> core.ExrInfo:
    """What is in a multilayer EXR."""
    with _failures_told():
        return core.exr_info(path)


# Jobs on their way, results on theirs --------------------------------------------------------------------------------


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
            with _failures_told():
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

    def warnings(self) -> list[str]:
        """What may look different elsewhere, in sentences."""
        return [] if self._inner is None else self._inner.progress().warnings

    def withdraw(self) -> None:
        """Stops it and takes its job back, in threads of the core."""
        with contextlib.suppress(ValueError):
            _submissions.remove(self)
        with _failures_told():
            self._question.stop()
            if self._inner is not None:
                self._inner.cancel()


def _submitted(connection: Connection, blend: str, arguments: dict[str, Any]) -> Steps[core.Submission]:
    client = yield from _connected(connection)
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
        with _failures_told():
            return self._gather.frame(frame, timeout)

    def stop(self) -> None:
        """Ends it, and removes its folder unless the frames are to be kept."""
        if self in _gatherings:
            _gatherings.remove(self)
            self._gather.stop()
            if not self._keep:
                shutil.rmtree(self._folder, ignore_errors=True)


def gather_frames(connection: Connection, job: str, frames: str, parent: str | None) -> Question[Gathering]:
    """Frames for a render, in a temporary folder below `parent` that goes with the gathering."""

    def steps() -> Steps[Gathering]:
        client = yield from _connected(connection)
        folder = tempfile.mkdtemp(prefix="netrender_client_", dir=parent)
        try:
            gather = yield client.start_gather(job, folder, frames=frames)
        except BaseException:
            # Given up, too.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Gathering(gather, folder, keep=False)

    return Question(steps())


@dataclass(frozen=True)
class Results:
    """The finished frames of a job, on their way into a folder of the artist's."""

    frames: list[int]
    gathering: Gathering


def gather_results(connection: Connection, job: str, folder: str) -> Question[Results]:
    """All frames of a job that are finished by now, to be kept."""

    def steps() -> Steps[Results]:
        client = yield from _connected(connection)
        done: list[int] = []
        offset = 0
        while page := (yield client.ask_frames(job, offset=offset, limit=FRAMES_PER_PAGE)):
            done += [frame.frame for frame in page if frame.state == "done"]
            offset += len(page)
        if not done:
            raise Failure("no frame of this job is finished yet")
        gather = yield client.start_gather(job, folder, frames=",".join(map(str, done)))
        return Results(done, Gathering(gather, folder, keep=True))

    return Question(steps())


# The connection ------------------------------------------------------------------------------------------------------


def _connected(connection: Connection) -> Steps[core.Client]:
    """The client for this connection, kept from question to question."""
    global _client
    if _client is not None and _client[0] == connection:
        return _client[1]
    client: core.Client = yield core.Client.start_connect(
        master=connection.address, key_file=connection.key_file, timeout=CONNECT_TIMEOUT_S
    )
    _client = (connection, client)
    return client


@contextlib.contextmanager
def _failures_told() -> Iterator[None]:
    """The same as the core's door; who is lost is looked for anew by the next question: it may have moved."""
    try:
        with native.failures_told():
            yield
    except Failure as failure:
        if native.connection_is_lost(failure):
            _forget()
        raise


def _forget() -> None:
    """What is under way keeps its own connection."""
    global _client
    _client = None


def stop() -> None:
    """Gives up all that is under way; each part within its own bound."""
    for what in list(_asked):
        _asked.pop(what).question.stop()
    for submission in list(_submissions):
        with contextlib.suppress(Failure):
            submission.withdraw()
    for gathering in list(_gatherings):
        gathering.stop()
    _forget()
