"""Commands over connections of redis-py's pools, without the `execute_command` of its clients.

A store's own client of a single server needs only a connection. `execute_command` spends a third of a command's
processor time on two things that such a client does not use. It repeats failed commands, and our client makes one
attempt. It passes replies to callbacks, and the replies to our scripts and to LRANGE have none. The pool still
connects, checks that a connection is usable and counts connections for metrics. The connection still has its time
limits, health checks and pushed messages, and closes itself if sending or reading fails.

Threads also keep the connections that they took, in `Connections.idle`: taking one from the pool and giving it back
takes more processor time than the command itself. An idle connection is checked before it is used, and goes back to the
pool if anything is odd. Code that takes connections from the pool by itself gives the idle ones back first, so that
there are never more than the pool allows. Tasks of an event loop share connections in batches instead.

All else goes through `execute_command`: a client that you give may have a cache, retries or a method of its own, a
cluster's client finds the node and follows redirections, and somebody may watch each command there (see `clients.py`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import redis

try:
    import hiredis
except ImportError:
    _pack: Any = None
else:
    _pack = getattr(hiredis, "pack_command", None)

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.commands import Word
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections

ARGUMENTS_OF_POOL = () if tuple(map(int, redis.__version__.split(".")[:2])) >= (5, 3) else ("_",)
"""Arguments with which a pool gives a connection: older versions of redis-py want the name of a command, to no end."""


_MAY_MOVE = hasattr(redis.Connection, "should_reconnect")
"""True if redis-py may be told by a server that it moves, and marks connections to be opened again."""


def exchange(own: Connections[Any], words: tuple[Word, ...], *, decode: bool) -> Any:
    """Send a command and return its reply.

    Args:
        own: The store's own connections.
        words: The command.
        decode: Whether a client that decodes replies decodes this one.

    Raises:
        redis.RedisError: The server answered with it, or the connection was lost.
    """
    connection = _take(own)
    try:
        connection.send_packed_command([packed(words, connection.encoder)])
        reply = connection.read_response(disable_decoding=not decode)
    except redis.ResponseError:
        own.idle.append(connection)
        raise
    except BaseException:
        # As by Ctrl-C between the two: the next command must not read this one's reply.
        connection.disconnect()
        own.client.connection_pool.release(connection)
        raise
    own.idle.append(connection)
    return reply


def give_back(own: Connections[Any]) -> None:
    """Give the connections that are idle back to the pool, as somebody else takes one there."""
    with suppress(IndexError):  # of another thread that takes the last one
        while own.idle:
            own.client.connection_pool.release(own.idle.pop())


def _take(own: Connections[Any]) -> Any:
    """Return a connection, if possible the one that was used last."""
    try:
        connection = own.idle.pop()
    except IndexError:
        return own.client.connection_pool.get_connection(*ARGUMENTS_OF_POOL)
    try:
        is_usable = _is_usable(connection)
    except BaseException:  # by Ctrl-C: the pool counts this one until it is back
        own.client.connection_pool.release(connection)
        raise
    if is_usable:
        return connection
    own.client.connection_pool.release(connection)
    return own.client.connection_pool.get_connection(*ARGUMENTS_OF_POOL)


def _is_usable(connection: Any) -> bool:
    """Return whether a connection that was idle is open, with nothing left to read, and is to stay open."""
    try:
        return not (connection.can_read() or (_MAY_MOVE and connection.should_reconnect()))
    except (redis.RedisError, OSError):
        return False


async def aexchange(own: AsyncConnections[Any], words: tuple[Word, ...], *, decode: bool) -> Any:
    """See `exchange`."""
    connection = await own.client.connection_pool.get_connection(*ARGUMENTS_OF_POOL)
    try:
        await connection.send_packed_command([packed(words, connection.encoder)])
        return await connection.read_response(disable_decoding=not decode)
    finally:
        await own.client.connection_pool.release(connection)


def packed(words: tuple[Word, ...], encoder: Any) -> bytes:
    """Return a command as it goes over the wire.

    Args:
        words: The command.
        encoder: The encoder of the connection, which says how texts become bytes.
    """
    encoding, errors = encoder.encoding, encoder.encoding_errors
    if _pack is not None and encoding == "utf-8" and errors == "strict":
        in_one: bytes = _pack(words)
        return in_one
    texts = [word if isinstance(word, bytes) else str(word).encode(encoding, errors) for word in words]
    return b"".join([b"*%d\r\n" % len(texts), *[b"$%d\r\n%b\r\n" % (len(text), text) for text in texts]])
