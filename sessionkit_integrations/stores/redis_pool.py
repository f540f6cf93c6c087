"""Connections of redis-py whose every wait heeds the time limit of the operation that they serve.

redis-py has a time limit for each wait on a socket, not for a command: a server that answers one byte at a time, or a
cluster client that asks node after node, would keep an operation waiting for ever.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import redis

from sessionkit_integrations.stores import deadlines


class LimitedPool(redis.ConnectionPool):
    """A pool of such connections, of whichever kind a URL asks for."""

    def __init__(self, connection_class: Any = redis.Connection, **options: Any) -> None:
        super().__init__(_limited(connection_class), **options)


@cache
def _limited(connection_class: Any) -> type[Any]:
    return type(f"Limited{connection_class.__name__}", (_Limited, connection_class), {})


class _Limited:
    """What a connection class is given: `_connect` is the one method in which its subclasses differ."""

    socket_connect_timeout: float | None
    socket_timeout: float | None

    def _connect(self) -> Any:
        limits = self.socket_connect_timeout, self.socket_timeout
        self.socket_connect_timeout, self.socket_timeout = map(deadlines.left, limits)
        try:
            connected = super()._connect()  # type: ignore[misc]
        finally:
            self.socket_connect_timeout, self.socket_timeout = limits
        return _LimitedSocket(connected, self.socket_timeout)


class _LimitedSocket:
    """A socket whose own time limit is for one wait, and never lasts longer than the operation's."""

    def __init__(self, connected: Any, limit: float | None) -> None:
        self._socket = connected
        self._limit = limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def settimeout(self, limit: float | None) -> None:
        self._limit = limit

    def recv(self, *args: Any) -> Any:
        self._socket.settimeout(deadlines.left(self._limit))
        return self._socket.recv(*args)

    def recv_into(self, *args: Any) -> Any:
        self._socket.settimeout(deadlines.left(self._limit))
        return self._socket.recv_into(*args)

    def sendall(self, data: Any) -> None:
        self._socket.settimeout(deadlines.left(self._limit))
        self._socket.sendall(data)
