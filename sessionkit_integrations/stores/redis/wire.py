"""Commands over connections of redis-py's pools, without the `execute_command` of its clients.

A store's own client of a single server needs no more than a connection: `execute_command` takes a third of the
processor time of a command for what such a client has no use of. It makes attempts, but of these our client has one. It
hands replies to functions, but for those to our scripts and to LRANGE there are none. The pool connects, looks whether
a connection is still usable and counts connections for metrics; the connection has its time limits, its health checks
and its pushed messages, and closes itself if sending or reading fails. Both are the same either way.

All else goes by `execute_command`: clients that were given may have a cache, attempts or a method of their own, those
of clusters look for the node and follow redirections, and somebody may watch each command there (see `clients.py`).
"""

from __future__ import annotations

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


def exchange(own: Connections[Any], words: tuple[Word, ...], *, decode: bool) -> Any:
    """Send a command and return its reply.

    Args:
        own: The connections of a client of ours.
        words: The command.
        decode: Whether a client that decodes replies decodes this one.

    Raises:
        redis.RedisError: The server answered with it, or the connection was lost.
    """
    connection = own.client.connection_pool.get_connection(*ARGUMENTS_OF_POOL)
    try:
        connection.send_packed_command([packed(words, connection.encoder)])
        return connection.read_response(disable_decoding=not decode)
    except redis.ResponseError:
        raise
    except BaseException:
        # As by Ctrl-C between the two: the next command must not read this one's reply.
        connection.disconnect()
        raise
    finally:
        own.client.connection_pool.release(connection)


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
