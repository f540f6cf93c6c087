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

_HEED_RETRY = 6
"""The version of redis-py since which ``retry`` is all that says how often a cluster client tries."""

SENDING_ONCE = {"cluster_error_retry_attempts": 0} if int(redis.__version__.split(".")[0]) < _HEED_RETRY else {}
"""What a cluster client needs beside a ``retry`` of none, to send each command once, or on to where it is sent to."""

_OF_NODES = ("redis_connection", "execute_command", "connection_kwargs")
"""What redis-py asks of a node, even if it has found none of that name."""

_CHANGED_MEANWHILE = ("changed size during iteration", "handler is closed")
"""What is said of a change by another task: by Python of the nodes, by uvloop of a connection."""


def is_cluster(client: object) -> bool:
    """Return whether a client is a cluster's."""
    return isinstance(client, (redis.RedisCluster, redis.asyncio.RedisCluster))


def of_one_node(reply: Any) -> Any:
    """Return the reply to SCAN of a single node of a cluster, which redis-py gives with a cursor for each node."""
    cursors, keys = reply
    return next(iter(cursors.values())), keys


def close(client: Any) -> None:
    """Close a synchronous client, of a cluster or not."""
    if is_cluster(client):
        client.disconnect_connection_pools()  # which closing alone leaves to the garbage collector
    client.close()


@contextmanager
def mended(client: Any) -> Iterator[None]:
    """Raise errors of redis-py where its cluster clients stumble while slots move, nodes fail or others use them.

    A command that fails has its node's other connections closed, so that another command may find its own gone, which
    redis-py and asyncio do not expect. And redis-py before 7 forgets each node that failed, until it knows of none that
    it could ask for the others.
    """
    try:
        yield
    except AttributeError as error:
        if error.name in _OF_NODES:
            raise TryAgainError("a slot is moving to a node that the client does not know yet") from error
        raise redis.ConnectionError("the connection was closed while it was used") from error
    except TypeError as error:
        raise redis.ConnectionError("the connection was closed while it was used") from error
    except RuntimeError as error:
        if not any(text in str(error) for text in _CHANGED_MEANWHILE):
            raise
        raise redis.ConnectionError("the connection was closed while it was used") from error
    except UNREACHABLE:
        if not client.nodes_manager.startup_nodes:
            client.nodes_manager.startup_nodes.update(client.nodes_manager.nodes_cache)
        raise
