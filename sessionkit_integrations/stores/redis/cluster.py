"""What redis-py's cluster clients need from those who use them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
from redis.exceptions import TryAgainError

from sessionkit_integrations.stores.redis.errors import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

_SINCE_RETRY_COUNTS = 6
"""First version of redis-py whose cluster clients try as often as ``retry`` says, and no more."""

SENDING_ONCE = {"cluster_error_retry_attempts": 0} if int(redis.__version__.split(".")[0]) < _SINCE_RETRY_COUNTS else {}
"""Options, beside a ``retry`` of none, with which a cluster client sends each command once, redirections aside."""

_OF_NODES = ("redis_connection", "execute_command", "connection_kwargs")
"""Attributes that redis-py looks up on the node of a name even if it has found none."""

_CHANGED_MEANWHILE = ("changed size during iteration", "handler is closed")
"""Texts about a change by another task: Python's about the nodes, uvloop's about a connection."""

_DRIVER_PACKAGES = ("redis", "asyncio", "uvloop")
"""Packages whose own errors are taken for a lost connection; what is raised elsewhere is a bug."""


def is_cluster(client: object) -> bool:
    """Return whether a client is a cluster's."""
    return isinstance(client, (redis.RedisCluster, redis.asyncio.RedisCluster))


def scan_reply(reply: Any) -> Any:
    """Return the reply of one node to SCAN as a server gives it; redis-py has a cursor for each node in it."""
    cursors, keys = reply
    return next(iter(cursors.values())), keys


def close(client: Any) -> None:
    """Close a synchronous client, of a cluster or not."""
    if is_cluster(client):
        client.disconnect_connection_pools()  # which closing alone leaves to the garbage collector
    client.close()


@contextmanager
def driver_faults_translated(client: Any) -> Iterator[None]:
    """Raise errors of redis-py where its cluster clients stumble while slots move, nodes fail or others use them.

    When a command fails, redis-py closes the other connections of its node. A command under way may find its own gone,
    which redis-py and asyncio answer with a bare `TypeError` or `AttributeError`. Only those count that were raised
    inside these packages: a bug of this one must not be taken for a lost connection and be repeated. Also, redis-py
    before 7 forgets each node that failed, until it knows of none that it could ask for the others.
    """
    try:
        yield
    except (AttributeError, TypeError, RuntimeError) as error:
        if not _raised_in_driver(error):
            raise
        if isinstance(error, AttributeError) and error.name in _OF_NODES:
            raise TryAgainError("a slot is moving to a node that the client does not know yet") from error
        if isinstance(error, RuntimeError) and not any(text in str(error) for text in _CHANGED_MEANWHILE):
            raise
        raise redis.ConnectionError("the connection was closed while it was used") from error
    except UNREACHABLE:
        if not client.nodes_manager.startup_nodes:
            client.nodes_manager.startup_nodes.update(client.nodes_manager.nodes_cache)
        raise


def _raised_in_driver(error: Exception) -> bool:
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    module: str = innermost.tb_frame.f_globals.get("__name__", "") if innermost is not None else ""
    return module.partition(".")[0] in _DRIVER_PACKAGES
