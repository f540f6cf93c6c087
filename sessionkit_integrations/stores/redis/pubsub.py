"""Notices heard with redis-py: a connection of the store that has subscribed to them."""

from __future__ import annotations

import random
import time
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio

from sessionkit_integrations.runtime import retries
from sessionkit_integrations.stores.redis import cluster
from sessionkit_integrations.stores.redis.hearing import AsyncLine, Line, LineInThreads, Pulse
from sessionkit_integrations.stores.redis.wire import give_back

if TYPE_CHECKING:
    from collections.abc import Collection

    from sessionkit_integrations.runtime.resources import Borrowed, PerLoop, Shared
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections
    from sessionkit_integrations.stores.redis.hearing import Channel

    PerEachLoop = PerLoop[AsyncConnections[Any]] | Borrowed[AsyncConnections[Any]]

_MOST_AT_ONCE = 1000
"""Messages that are read before what they say is looked at."""

_NOW = 0.001
"""Seconds in which what has arrived is read."""


def lines(
    channel: Channel, shared: Shared[Connections[Any]], per_loop: PerEachLoop, wait: float
) -> tuple[Line, AsyncLine]:
    """Return the two lines of a store.

    Args:
        channel: What they hear.
        shared: The store's connections for threads.
        per_loop: Those for event loops.
        wait: Seconds that the server may take to answer.
    """
    return _PubSubLine(channel, shared, wait), _AsyncPubSubLine(channel, shared, per_loop, wait)


class _PubSubLine(Line):
    def __init__(self, channel: Channel, shared: Shared[Connections[Any]], wait: float) -> None:
        self._channel, self._shared, self._wait = channel, shared, wait
        self._held = ExitStack()
        self._pulse = Pulse(wait)
        self._failed = False

    def connect(self) -> None:
        """See `Line.connect`."""
        own = self._held.enter_context(self._shared.use())
        own.gate.enter(time.monotonic() + self._wait)
        self._held.callback(own.gate.leave)
        give_back(own)
        with cluster.FaultsTranslated(own.client):
            self._pubsub = self._held.enter_context(self._client_of(own.client).pubsub())
            self._failed = True
            subscribe = self._pubsub.psubscribe if self._channel.is_pattern else self._pubsub.subscribe
            subscribe(self._channel.name)
            if self._pubsub.get_message(timeout=self._wait) is None:
                raise redis.TimeoutError("no answer to SUBSCRIBE")
        self._pulse, self._failed = Pulse(self._wait), False

    def receive(self, seconds: float) -> Collection[str | None]:
        """See `Line.receive`."""
        heard = set[str | None]()
        for number in range(_MOST_AT_ONCE):
            message = self._pubsub.get_message(timeout=0 if number else min(seconds, self._pulse.QUIET))
            if message is None:
                break
            self._pulse.hear()
            heard |= _heard(self._channel, message)
        if self._pulse.is_gone:
            raise redis.TimeoutError("no answer to PING")
        if self._pulse.asks():
            self._pubsub.ping()
        return heard

    def close(self) -> None:
        """See `Line.close`."""
        self._held.close()

    def _client_of(self, client: Any) -> Any:
        """Return a client of one server: of a cluster, any primary, as a message goes to all nodes."""
        if not cluster.is_cluster(client):
            return client
        if self._failed:
            client.nodes_manager.initialize()
        return client.get_redis_connection(random.choice(client.get_primaries()))  # noqa: S311 - no secret


class _AsyncPubSubLine(AsyncLine):
    def __init__(self, channel: Channel, shared: Shared[Connections[Any]], per_loop: PerEachLoop, wait: float) -> None:
        self._channel, self._per_loop, self._wait = channel, per_loop, wait
        self._in_threads = LineInThreads(_PubSubLine(channel, shared, wait))
        self._held = AsyncExitStack()
        self._pubsub: Any = None
        self._pulse = Pulse(wait)
        self._failed = False

    async def connect(self) -> None:
        """See `Line.connect`."""
        own = await self._held.enter_async_context(self._per_loop.use())
        if own is None:
            await self._in_threads.connect()
            return
        await own.gate.enter(time.monotonic() + self._wait)
        self._held.callback(own.gate.leave)
        with cluster.FaultsTranslated(own.client):
            await retries.within(time.monotonic() + self._wait, partial(self._subscribe, own.client))
        self._pulse, self._failed = Pulse(self._wait), False

    async def receive(self, seconds: float) -> Collection[str | None]:
        """See `Line.receive`."""
        if self._pubsub is None:
            return await self._in_threads.receive(seconds)
        heard = set[str | None]()
        for number in range(_MOST_AT_ONCE):
            message = await self._pubsub.get_message(timeout=_NOW if number else max(min(seconds, Pulse.QUIET), _NOW))
            if message is None:
                break
            self._pulse.hear()
            heard |= _heard(self._channel, message)
        if self._pulse.is_gone:
            raise redis.TimeoutError("no answer to PING")
        if self._pulse.asks():
            await self._pubsub.ping()
        return heard

    async def close(self) -> None:
        """See `Line.close`."""
        self._pubsub = None
        await self._in_threads.close()
        await self._held.aclose()

    async def _subscribe(self, client: Any) -> None:
        server = client
        if cluster.is_cluster(client):
            await client.initialize()
            if self._failed:
                await client.nodes_manager.initialize()
            server = self._server_of(random.choice(client.get_primaries()))  # noqa: S311 - no secret
            self._held.push_async_callback(server.aclose)
        self._failed = True
        pubsub = server.pubsub()
        self._held.push_async_callback(pubsub.aclose)
        await (pubsub.psubscribe if self._channel.is_pattern else pubsub.subscribe)(self._channel.name)
        while await pubsub.get_message(timeout=self._wait) is None:
            pass
        self._pubsub = pubsub

    @staticmethod
    def _server_of(node: Any) -> Any:
        """Return a client of a node of a cluster; an asynchronous cluster client has none."""
        pool = redis.asyncio.ConnectionPool(connection_class=node.connection_class, **node.connection_kwargs)
        return redis.asyncio.Redis(connection_pool=pool)


def _heard(channel: Channel, message: dict[str, Any]) -> set[str | None]:
    kind = message["type"]
    if kind in ("message", "pmessage"):
        return channel.heard(message["channel"])
    # The driver itself connected again, and subscribed.
    return {None} if kind in ("subscribe", "psubscribe") else set()
