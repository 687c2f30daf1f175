"""What this Blender asks of a master: each question by its name. Nothing here reads the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .connection import Connection, Steps, connected
from .questions import Question

if TYPE_CHECKING:
    import netrender_core as core


def jobs(connection: Connection) -> Question[list[core.JobInfo]]:
    """Which jobs does the farm have?"""

    def steps() -> Steps[list[core.JobInfo]]:
        client = yield from connected(connection)
        found: list[core.JobInfo] = yield client.later.jobs()
        return found

    return Question(steps())


def cancel(connection: Connection, job: str) -> Question[list[core.JobInfo]]:
    """Ends a job, whose finished frames stay; the answer is what jobs there are then."""
    return _changed(connection, lambda client: client.later.cancel(job))


def remove(connection: Connection, job: str) -> Question[list[core.JobInfo]]:
    """Deletes a job with its results from the farm; the answer is what jobs there are then."""
    return _changed(connection, lambda client: client.later.remove(job))


def _changed(connection: Connection, change: Callable[[core.Client], core.Pending[Any]]) -> Question[list[core.JobInfo]]:
    def steps() -> Steps[list[core.JobInfo]]:
        client = yield from connected(connection)
        yield change(client)
        found: list[core.JobInfo] = yield client.later.jobs()
        return found

    return Question(steps())
