"""How a master is reached, and the one connection that is kept from question to question."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from . import native
from .native import Failure

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

# The core may take it twice: to look around, then for the answer.
CONNECT_TIMEOUT_S = 5.0

# The word for "find the master by its broadcast".
AUTO = "auto"

T = TypeVar("T")
Steps = Generator["core.Pending[Any]", Any, T]


@dataclass(frozen=True)
class Connection:
    """How a master is reached."""

    address: str
    """A URL, `host:port`, or "auto" to find it by its broadcast."""
    key_file: str | None = None


# With its URL: to ask the core for it lets other threads run, which a button's `poll` may not (see `session`).
_client: tuple[Connection, core.Client, str] | None = None
# The master that was found when none was named.
_found_url: str | None = None


def remember(url: str) -> None:
    """Takes a master that was found for the one that is meant by `AUTO`, until it is lost."""
    global _found_url
    _found_url = url


def connected(connection: Connection) -> Steps[core.Client]:
    """The client for this connection, kept from question to question."""
    global _client
    if connection.address == AUTO and _found_url is not None:
        connection = Connection(_found_url, connection.key_file)
    if _client is not None and _client[0] == connection:
        return _client[1]
    client: core.Client = yield core.Client.start_connect(
        master=connection.address, key_file=connection.key_file, timeout=CONNECT_TIMEOUT_S
    )
    _client = (connection, client, client.url)
    native.forget_failure()
    return client


@contextlib.contextmanager
def failures_told() -> Iterator[None]:
    """The same as the core's door; who is lost is looked for anew by the next question: it may have moved."""
    try:
        with native.failures_told():
            yield
    except Failure as failure:
        if native.connection_is_lost(failure):
            forget()
        raise


def known_url(connection: Connection) -> str | None:
    """Where the master is, if that is known without asking the network."""
    if _client is not None and _client[0] == connection:
        return _client[2]
    if connection.address == AUTO:
        return _found_url
    return connection.address if "://" in connection.address else f"http://{connection.address}/"


def forget() -> None:
    """Has the next question look for the master anew; what is under way keeps its own connection."""
    global _client, _found_url
    _client = _found_url = None
