"""What redis-py's cluster clients need from those who use them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio

from sessionkit_integrations.stores.redis_errors import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEED_RETRY = 6
"""The version of redis-py since which ``retry`` is all that says how often a cluster client tries."""


_CHANGED_MEANWHILE = ("changed size during iteration", "handler is closed")
"""What else is said of such a change: by Python of the nodes, by uvloop of a connection."""


def is_cluster(client: object) -> bool:
    """Whether a client is a cluster's."""
    return isinstance(client, (redis.RedisCluster, redis.asyncio.RedisCluster))


def trying_once(no_retries: Any) -> dict[str, Any]:
    """Return the options of a cluster client that sends each command once, and again only where it is sent to.

    Args:
        no_retries: A ``Retry`` without any.
    """
    attempts = {"cluster_error_retry_attempts": 0} if int(redis.__version__.split(".")[0]) < _HEED_RETRY else {}
    return {"retry": no_retries, **attempts}


def of_one_node(reply: Any) -> Any:
    """Return the reply to SCAN of a single node of a cluster, which redis-py gives with a cursor for each node."""
    cursors, keys = reply
    return next(iter(cursors.values())), keys


@contextmanager
def mended(client: Any) -> Iterator[None]:
    """Let threads or tasks share a client while some of their commands fail.

    A command that fails has its node's other connections closed, so that another command may find its own gone, which
    redis-py and asyncio do not expect. And redis-py before 7 forgets each node that failed, until it knows of none that
    it could ask for the others.
    """
    try:
        yield
    except (AttributeError, TypeError) as error:
        raise redis.ConnectionError("the connection was closed meanwhile") from error
    except RuntimeError as error:
        if not any(text in str(error) for text in _CHANGED_MEANWHILE):
            raise
        raise redis.ConnectionError("the connection was closed meanwhile") from error
    except UNREACHABLE:
        if is_cluster(client) and not client.nodes_manager.startup_nodes:
            client.nodes_manager.startup_nodes.update(client.nodes_manager.nodes_cache)
        raise
