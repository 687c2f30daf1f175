"""What this Blender asks of a master: each question by its name. Nothing here reads the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import keys, native
from .connection import CONNECT_TIMEOUT_S, Connection, Steps, connected
from .native import Failure
from .questions import Question

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

# Masters on a local network answer within a fraction of this.
SEARCH_TIMEOUT_S = 2.0


def masters(timeout: float = SEARCH_TIMEOUT_S) -> Question[list[core.MasterFound]]:
    """Which masters are on the local network?"""

    def steps() -> Steps[list[core.MasterFound]]:
        found: list[core.MasterFound] = yield core.start_find_masters(timeout)
        return found

    return Question(steps())


def why_unusable(found: list[core.MasterFound]) -> str:
    """What keeps masters that answered from being used from here."""
    unknown = sorted(master.name for master in found if master.farm not in keys.farms())
    if unknown:
        return f"the key of {', '.join(unknown)} is not known on this computer: Enter Farm Key in Network Settings takes it"
    others = ", ".join(sorted(f"{master.name} ({master.version})" for master in found))
    return f"{others} is another version of Network Render than this Blender's: bring both to one"


def trust(url: str, key_file: str | None) -> Question[str]:
    """Trusts the certificate that a master shows now; the answer is its SHA-256."""

    def steps() -> Steps[str]:
        client: core.Client = yield core.start_trust(url, key_file=key_file, timeout=CONNECT_TIMEOUT_S)
        return client.fingerprint or ""

    return Question(steps())


# Frames of a job that are shown: more rows would make every refresh felt in the window.
FRAMES_SHOWN_MAX = 500
# Of a frame's log, from its beginning.
LOG_CHARACTERS_MAX = 2_000_000
# States of a job that has come to its end.
OVER = ("finished", "failed", "cancelled")


@dataclass(frozen=True)
class Wanted:
    """What of the farm is to be seen; jobs are asked for always."""

    slaves: bool = False
    bans: bool = False
    rules: bool = False
    frames: bool = False
    """Those of `job`."""
    job: str = ""


@dataclass(frozen=True)
class Seen:
    """The farm at one moment; None stands for what was not asked."""

    wanted: Wanted
    jobs: list[core.JobInfo]
    slaves: list[core.SlaveInfo] | None = None
    bans: list[tuple[str, core.Ban]] | None = None
    """With the job of which the slave gets nothing; empty: of any."""
    rules: core.Rules | None = None
    frames: list[core.FrameInfo] = field(default_factory=list)


def left_s(job: core.JobInfo) -> float | None:
    """How long a job will take, if its frames go on as now; None while nothing tells."""
    frames = job.total - job.done - job.failed
    return job.frame_seconds * frames / job.rendering if frames > 0 and job.rendering and job.frame_seconds else None


def jobs(connection: Connection) -> Question[list[core.JobInfo]]:
    """Which jobs does the farm have?"""

    def steps() -> Steps[list[core.JobInfo]]:
        client = yield from connected(connection)
        found: list[core.JobInfo] = yield client.later.jobs()
        return found

    return Question(steps())


# What is to be done first, through the core's questions without a wait.
Change = Callable[["core.Later"], "core.Pending[Any]"]


def look(connection: Connection, wanted: Wanted, *changes: Change) -> Question[Seen]:
    """Makes changes, one after the other, then tells how the farm is."""

    def steps() -> Steps[Seen]:
        client = yield from connected(connection)
        for change in changes:
            yield change(client.later)
        seen: Seen = yield from _seen(client.later, wanted)
        return seen

    return Question(steps())


def clear(connection: Connection, wanted: Wanted, *, only_over: bool) -> Question[Seen]:
    """Deletes jobs with their results from the farm: all of them, or those that are over."""

    def steps() -> Steps[Seen]:
        client = yield from connected(connection)
        jobs: list[core.JobInfo] = yield client.later.jobs()
        for job in jobs:
            if job.state in OVER or not only_over:
                yield client.later.remove(job.id)
        seen: Seen = yield from _seen(client.later, wanted)
        return seen

    return Question(steps())


def _seen(later: core.Later, wanted: Wanted) -> Steps[Seen]:
    jobs: list[core.JobInfo] = yield later.jobs()
    job = next((one for one in jobs if one.id == wanted.job), None)
    return Seen(
        wanted=wanted,
        jobs=jobs,
        # Frames tell slaves by their ids only: names come from here.
        slaves=(yield later.slaves()) if wanted.slaves or wanted.frames else None,
        bans=(yield from _bans(later, job)) if wanted.bans else None,
        rules=(yield later.rules()) if wanted.rules else None,
        frames=(yield from _frames(later, job)) if wanted.frames and job else [],
    )


def _frames(later: core.Later, job: core.JobInfo) -> Steps[list[core.FrameInfo]]:
    try:
        frames: list[core.FrameInfo] = yield later.frames(job.id, limit=FRAMES_SHOWN_MAX)
    except Failure as failure:
        # Somebody has removed it since the jobs were told.
        if not native.is_gone(failure):
            raise
        return []
    return frames


def _bans(later: core.Later, job: core.JobInfo | None) -> Steps[list[tuple[str, core.Ban]]]:
    bans: list[core.Ban] = yield later.blacklist()
    found = [("", ban) for ban in bans]
    if job is not None and job.blacklisted:
        bans = yield later.blacklist(job.id)
        found += [(job.id, ban) for ban in bans]
    return found


def cancel(connection: Connection, jobs: list[str]) -> Question[list[str]]:
    """Ends those of these jobs that are not over; their finished frames stay. The answer is which ones."""

    def steps() -> Steps[list[str]]:
        client = yield from connected(connection)
        known: list[core.JobInfo] = yield client.later.jobs()
        ended = [one.id for one in known if one.id in jobs and one.state not in OVER]
        for job in ended:
            yield client.later.cancel(job)
        return ended

    return Question(steps())


def bakes(connection: Connection, job: str, folder: str, blender: str) -> Question[core.Bakes]:
    """Brings what a job has baked into a folder; this Blender makes the .blend that has rigid bodies inside."""

    def steps() -> Steps[core.Bakes]:
        client = yield from connected(connection)
        here: core.Bakes = yield client.later.bring_bakes(job, folder, blender=blender)
        return here

    return Question(steps())


def guess_version(blend: str, **told: str | None) -> Question[core.VersionGuess]:
    """In which working copy does a file lie, and at which revision? What is told is not guessed."""

    def steps() -> Steps[core.VersionGuess]:
        guess: core.VersionGuess = yield core.start_guess_version(blend, **told)  # type: ignore[arg-type]
        return guess

    return Question(steps())


def log(connection: Connection, job: str, frame: int) -> Question[str]:
    """What did Blender print in the frame's latest attempt?"""

    def steps() -> Steps[str]:
        client = yield from connected(connection)
        text: str = yield client.later.log(job, frame)
        return text[:LOG_CHARACTERS_MAX]

    return Question(steps())


def thumbnail(connection: Connection, job: str, frame: int, width: int) -> Question[bytes]:
    """How does a finished frame look, as a small PNG?"""

    def steps() -> Steps[bytes]:
        client = yield from connected(connection)
        png: bytes = yield client.later.thumbnail(job, frame, width=width)
        return png

    return Question(steps())
