"""Peculiarities of redis-py, above all of its cluster clients, and what evens them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
import redis.cluster
from redis.exceptions import AskError, InvalidResponse, MovedError, TryAgainError

from sessionkit_integrations.stores.redis.errors import UNREACHABLE

if TYPE_CHECKING:
    from types import TracebackType

    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.requests import Send

_SINCE_RETRY_COUNTS = 6
"""First version of redis-py whose cluster clients try as often as ``retry`` says, and no more."""

SENDING_ONCE = {"cluster_error_retry_attempts": 0} if int(redis.__version__.split(".")[0]) < _SINCE_RETRY_COUNTS else {}
"""Options, beside a ``retry`` of none, with which a cluster client sends each command once, redirections aside."""

REDIRECTIONS = (AskError, MovedError, TryAgainError)
"""Answers of a node of a cluster that has not executed a command, and that another one may execute."""

_OF_NODES = ("redis_connection", "execute_command", "connection_kwargs")
"""Attributes that redis-py looks up on the node of a name even if it has found none."""

_CHANGED_MEANWHILE = ("changed size during iteration", "handler is closed", "already waiting for incoming data")
"""Texts about another task: Python's about the nodes, uvloop's and asyncio's about a connection."""

_DRIVER_PACKAGES = ("redis", "asyncio", "uvloop")
"""Packages whose own errors are taken for a lost connection; what is raised elsewhere is a bug."""


if "ssl_check_hostname" not in redis.cluster.REDIS_ALLOWED_KEYS:
    # Before version 6, its synchronous cluster clients drop this option, and with it the check.
    redis.cluster.REDIS_ALLOWED_KEYS = (*redis.cluster.REDIS_ALLOWED_KEYS, "ssl_check_hostname")  # type: ignore[assignment]


def is_cluster(client: object) -> bool:
    """Return whether a client is a cluster's."""
    return isinstance(client, (redis.RedisCluster, redis.asyncio.RedisCluster))


def single_reply(reply: Any, step: Send) -> Any:
    """Return the reply of a single node to SCAN as a server gives it; redis-py gives a cursor for each node."""
    if step.command.name != "SCAN" or step.node is None:
        return reply
    cursors, keys = reply
    return next(iter(cursors.values())), keys


def node_of(client: Any, command: Command[Any]) -> Any:
    """Return the node to which an asynchronous client of a cluster sends a command, and others with it.

    It is ``None`` for a command that goes by itself: the client has to ask for the nodes, or reads from replicas.
    """
    reads_from_replicas = client.read_from_replicas or getattr(client, "load_balancing_strategy", None)
    is_to_ask = client._initialize  # noqa: SLF001 - as it is not said elsewhere
    if is_to_ask or (reads_from_replicas and not command.is_script):
        return None
    nodes = client.nodes_manager.slots_cache.get(client.keyslot(command.keys[0]))
    return nodes[0] if nodes else None


def name_of_node(client: Any, command: Command[Any]) -> str | None:
    """Return the name of that node."""
    node = node_of(client, command)
    return None if node is None else node.name


async def renew(node: Any, connection: Any) -> None:
    """Close a connection that its node wants opened again, as after a change of the nodes; sending opens it."""
    if hasattr(node, "disconnect_if_needed"):  # which older versions lack
        await node.disconnect_if_needed(connection)


def give_back(node: Any, connection: Any) -> None:
    """Give back a connection that a node of an asynchronous client of a cluster gave."""
    if hasattr(node, "release"):
        node.release(connection)
    else:
        node._free.append(connection)  # noqa: SLF001 - as a node itself does before version 7


def moving_to_unknown_node() -> TryAgainError:
    """Return the error of a command whose slot moves to a node that is new."""
    return TryAgainError("a slot is moving to a node that the client does not know yet")


def look_for_nodes(client: Any) -> None:
    """Have an asynchronous client of a cluster ask for the nodes before its next command, as after one that failed."""
    client._initialize = True  # noqa: SLF001 - closing it does so as well, and takes the connections of others


def close(client: Any) -> None:
    """Close a synchronous client, of a cluster or not."""
    if is_cluster(client):
        client.disconnect_connection_pools()  # which closing alone leaves to the garbage collector
    client.close()


class FaultsTranslated:
    """Context that raises errors of redis-py where it stumbles over a reply, or its cluster clients over other tasks.

    An answer of the wrong shape ends in a bare `TypeError`, or the like, of the function that reads it. And when a
    command fails, a cluster client closes the other connections of its node. A command under way may find its own gone,
    which redis-py and asyncio answer with such errors as well. Only those count that were raised inside these packages:
    a bug of this one must not be taken for a fault of the server and be repeated. Also, redis-py before 7 forgets each
    node that failed, until it knows of none that it could ask for the others.

    A class, as a generator takes four times as long for each operation.

    Args:
        client: The client in use.
    """

    __slots__ = ("_client",)

    def __init__(self, client: Any) -> None:
        self._client = client

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, UNREACHABLE):
            _keep_startup_nodes(self._client)
        elif isinstance(error, (AttributeError, TypeError, RuntimeError)) and _raised_in_driver(error):
            translated = _translated(error, of_cluster=is_cluster(self._client))
            if translated is not None:
                raise translated from error


def _keep_startup_nodes(client: Any) -> None:
    if is_cluster(client) and not client.nodes_manager.startup_nodes:
        client.nodes_manager.startup_nodes.update(client.nodes_manager.nodes_cache)


def _translated(error: Exception, *, of_cluster: bool) -> redis.RedisError | None:
    """Return what a bare error of redis-py means; ``None`` if it is to be raised as it is."""
    closed = redis.ConnectionError("the connection was closed while it was used")
    if isinstance(error, RuntimeError) and any(text in str(error) for text in _CHANGED_MEANWHILE):
        return closed
    if isinstance(error, RecursionError) or (not isinstance(error, RuntimeError) and not of_cluster):
        return InvalidResponse(f"the driver cannot read the answer ({type(error).__name__})")
    if isinstance(error, RuntimeError):
        return None
    if isinstance(error, AttributeError) and error.name in _OF_NODES:
        return moving_to_unknown_node()
    return closed


def _raised_in_driver(error: Exception) -> bool:
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    module: str = innermost.tb_frame.f_globals.get("__name__", "") if innermost is not None else ""
    return module.partition(".")[0] in _DRIVER_PACKAGES
