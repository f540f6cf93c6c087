"""Connections of a store: a client, and the gate before it that is as wide as its pool."""

from __future__ import annotations

import math
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessionkit_integrations.runtime.batches import Batches
from sessionkit_integrations.runtime.gates import AsyncGate, Gate
from sessionkit_integrations.runtime.resources import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.requests import Send

C = TypeVar("C")

MAX_CONNECTIONS = 100
"""Most connections of a store to its server, unless the URL or the given client says otherwise.

More make a server no faster, but use up descriptors here and its own limit of clients.
"""


@dataclass(frozen=True)
class Connections(Generic[C]):
    """A client for threads, with its gate.

    The client is not in the repr, as some versions of redis-py show the password in theirs. For the same reason no
    function of this package has a client in a variable while a command is under way.

    Attributes:
        client: The client.
        gate: The gate.
        direct: Whether commands go over connections of the client's pool, and not by its `execute_command`; see
            `wire.py`.
        idle: Connections that were taken from the client's pool and that nobody uses.
    """

    client: C = field(repr=False)
    gate: Gate
    direct: bool = False
    idle: list[Any] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class AsyncConnections(Generic[C]):
    """A client for an event loop, with its gate, and the batches that pass it; see `Connections`.

    Attributes:
        client: The client.
        gate: The gate.
        batches: The batches for each server, or node of a cluster, by its name.
        wait: Seconds that an attempt waits for an answer, where the client itself would wait for ever.
        name_of: Returns the name of the server that a command goes to, with others; ``None`` if it goes by itself.
        hurries: Whether a command looks for no others while nothing is under way. That takes one iteration of the loop,
            which is some percent of a write to Redis.
        direct: As in `Connections`.
    """

    client: C = field(repr=False)
    gate: AsyncGate
    batches: defaultdict[str, Batches[Send]]
    wait: float
    name_of: Callable[[Command[Any]], str | None] = field(repr=False)
    hurries: bool
    direct: bool

    def destination(self, command: Command[Any]) -> str | None:
        """Return the name of the server that a command goes to now, with others; ``None`` if it goes by itself."""
        return None if self.hurries and self.gate.is_empty else self.name_of(command)


def connections(client: C, width: int = MAX_CONNECTIONS, *, direct: bool = False) -> Connections[C]:
    """Return a client with a gate; see `Connections`."""
    return Connections(client, Gate(width), direct)


def to_one_server(_command: Command[Any]) -> str:
    """Return the name of the server of a client that has one only."""
    return ""


def async_connections(
    client: C,
    width: int = MAX_CONNECTIONS,
    *,
    wait: float = math.inf,
    name_of: Callable[[Command[Any]], str | None] = to_one_server,
    hurries: bool = False,
    direct: bool = False,
) -> AsyncConnections[C]:
    """Return an asynchronous client with a gate; see `AsyncConnections` for what else there is."""
    gate = AsyncGate(width)
    return AsyncConnections(client, gate, defaultdict(lambda: Batches(gate, wait)), wait, name_of, hurries, direct)


def shared_threads() -> Shared[ThreadPoolExecutor]:
    """Return threads, started when they are needed, in which an event loop uses connections that are not its own."""
    return Shared(
        lambda: ThreadPoolExecutor(MAX_CONNECTIONS, "sessionkit"), lambda threads: threads.shutdown(wait=False)
    )


def width_of_pool(client: Any) -> int:
    """Return the most connections that a redis-py client opens, if it has a limit; on each node of a cluster."""
    pool = getattr(client, "connection_pool", None)
    options = getattr(getattr(client, "nodes_manager", None), "connection_kwargs", None)
    width = getattr(pool, "max_connections", None) or (options or {}).get("max_connections")
    return width if isinstance(width, int) and 0 < width < _NO_LIMIT else MAX_CONNECTIONS


_NO_LIMIT = 2**31
"""Value that redis-py gives to pools without a limit, before version 8."""
