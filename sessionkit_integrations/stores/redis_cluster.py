"""What redis-py leaves open about clusters."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis
import redis.asyncio
from redis.exceptions import TryAgainError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_NODES = ("redis_connection", "execute_command", "connection_kwargs")
"""What redis-py asks of a node, even if it has found none of that name."""


def is_cluster(client: object) -> bool:
    """Say whether a client is one of a cluster."""
    return isinstance(client, (redis.RedisCluster, redis.asyncio.RedisCluster))


@contextmanager
def following(client: object) -> Iterator[None]:
    """Raise an error of redis-py where its cluster clients stumble while slots move or nodes fail."""
    try:
        yield
    except AttributeError as error:
        if error.obj is not None or not is_cluster(client):
            raise
        if error.name in _OF_NODES:
            raise TryAgainError("a slot is moving to a node that the client does not know yet") from error
        # An asynchronous client closes all its connections when it looks for its nodes again, also those in use.
        raise redis.ConnectionError("the connection was closed while it was used") from error
