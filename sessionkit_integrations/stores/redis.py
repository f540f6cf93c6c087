"""Sessions in Redis or Valkey: how a command is run with redis-py, and nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError, StoreError, StoreUnavailableError
from sessionkit_integrations.stores import commands
from sessionkit_integrations.stores.placement import ONE_NODE, Placement
from sessionkit_integrations.stores.resources import PerLoop, Shared
from sessionkit_integrations.stores.retries import DEFAULT_TIMEOUT
from sessionkit_integrations.stores.scripted import ScriptedStore
from sessionkit_integrations.stores.secrets import AMBIGUOUS, Secret, hidden, hide, is_ambiguous, split_url

try:
    import redis
    import redis.asyncio
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import (
        AuthenticationError,
        ClusterError,
        MasterDownError,
        NoScriptError,
        ReadOnlyError,
        RedisClusterException,
        RedisError,
        TryAgainError,
    )
    from redis.retry import Retry

    from sessionkit_integrations.stores.redis_cluster import following, is_cluster
except ImportError as error:
    raise MissingDependencyError("RedisStore", "redis") from error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import timedelta

    from typing_extensions import Self

    from sessionkit_integrations.stores.commands import Command

_NOT_NOW = (ClusterError, MasterDownError, ReadOnlyError, TryAgainError)
"""What a server refuses for the time being, as in a failover, or while a slot moves for long."""

_UNREACHABLE = (redis.ConnectionError, redis.TimeoutError, RedisClusterException)
_CLUSTER_SCHEMES = {"redis+cluster://": "redis://", "rediss+cluster://": "rediss://"}


class RedisStore(ScriptedStore):
    """Sessions in Redis 6.2 or later, or in Valkey: standalone, behind Sentinel, or a cluster.

    Nothing is connected before the first use. Connections are pooled and shared by all sessions; asynchronous
    ones belong to one event loop each and are closed when it ends.

    Args:
        url: Where the server is: ``redis://``, ``rediss://`` (TLS), ``unix://``, ``redis+cluster://`` or
            ``rediss+cluster://``, with user, password and database as redis-py's ``from_url`` takes them.
        host: Its host, where no URL is given.
        port: Its port, where no URL is given.
        username: The ACL user, where no URL is given.
        password: The password, where the URL has none.
        client: A ``redis.Redis`` (such as ``Sentinel.master_for`` returns) or ``redis.RedisCluster`` to use
            instead. It is not closed by the store. Without ``async_client``, the asynchronous methods run it in
            threads.
        async_client: The same of ``redis.asyncio``; it belongs to one event loop.
        key_prefix: What all keys begin with. It ends in ``:`` and has no braces.
        ttl: How long a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Whether to keep evicted messages.
        raw_ids: Whether to use session ids in keys as they are, to share a database with ids of the JavaScript
            SessionKit that hold spaces, braces, colons, glob characters or percent signs. This gives up that a
            prefix lists only its own sessions, that two prefixes never share a key, and, for ids with braces,
            the use of a cluster.
        timeout: How long one attempt at an operation may take, and until when it may be tried again, in seconds.
            A client that you give keeps its own time limits.

    Raises:
        ValueError: ``url``, ``key_prefix`` or ``ttl`` is not of that form.
    """

    _driver_errors = (RedisError, RedisClusterException)
    _given: Any = None
    _async_given: Any = None

    def __init__(
        self,
        url: str | None = None,
        *,
        host: str = "localhost",
        port: int = 6379,
        username: str | None = None,
        password: str | None = None,
        client: redis.Redis | redis.RedisCluster | None = None,
        async_client: redis.asyncio.Redis | redis.asyncio.RedisCluster | None = None,
        key_prefix: str = "sessionkit:",
        ttl: float | timedelta | None = None,
        archive: bool = False,
        raw_ids: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        url, password = hidden(url), hidden(password)
        super().__init__(key_prefix=key_prefix, ttl=ttl, archive=archive, raw_ids=raw_ids, timeout=timeout)
        self._url: str | None = None
        self._secrets: dict[str, Secret] = {"password": Secret(password)} if password else {}
        if url is not None:
            if fault := _fault_of(url):
                raise ValueError(fault)
            self._url, secrets = split_url(url)
            self._secrets.update(secrets)
        self._address = {"host": host, "port": port, "username": username}
        self._given, self._async_given = client, async_client
        self._shared = Shared(self._open_sync, _close)
        self._per_loop = PerLoop(self._open_async, lambda own: own.aclose())

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Return a store at ``REDIS_URL`` (``redis://localhost:6379`` if unset), with ``REDIS_PASSWORD`` if set.

        Args:
            options: Any of the constructor's keyword arguments.
        """
        options["password"] = hidden(options.get("password", os.environ.get("REDIS_PASSWORD")))
        return cls(os.environ.get("REDIS_URL", "redis://localhost:6379"), **options)

    def __repr__(self) -> str:
        kind = "given client" if self._given or self._async_given else "own connections"
        return f"RedisStore(key_prefix={self._keys.prefix!r}, {kind})"

    def _send(self, command: Command[Any], node: Any) -> Any:
        target = {} if node is None else {"target_nodes": node}
        with self._client() as client, following(client):
            try:
                reply = client.execute_command(*commands.words(command, whole=False), **target)
            except NoScriptError:
                reply = client.execute_command(*commands.words(command, whole=True), **target)
        return _of_one_node(reply) if command.name == "SCAN" and node is not None else reply

    async def _asend(self, command: Command[Any], node: Any) -> Any:
        target = {} if node is None else {"target_nodes": node}
        async with self._async_client() as client:
            if client is None:
                return await asyncio.to_thread(self._send, command, node)
            if is_cluster(client):
                # Concurrent first commands would use connections that one of them is still making.
                await client.initialize()
            with _cancellable(), following(client):
                try:
                    reply = await client.execute_command(*commands.words(command, whole=False), **target)
                except NoScriptError:
                    reply = await client.execute_command(*commands.words(command, whole=True), **target)
        return _of_one_node(reply) if command.name == "SCAN" and node is not None else reply

    def _placement(self) -> Placement:
        with self._client() as client:
            if not is_cluster(client):
                return ONE_NODE
            placement = self._ask_primaries(client)
            if not placement.is_whole():
                client.nodes_manager.initialize()
                placement = self._ask_primaries(client)
            return placement

    async def _aplacement(self) -> Placement:
        async with self._async_client() as client:
            if client is None:
                return await asyncio.to_thread(self._placement)
            if not is_cluster(client):
                return ONE_NODE
            placement = await self._aask_primaries(client)
            if not placement.is_whole():
                await client.nodes_manager.initialize()
                placement = await self._aask_primaries(client)
            return placement

    def _ask_primaries(self, client: Any) -> Placement:
        nodes, command = client.get_primaries(), commands.slots()
        return Placement(nodes, [command.parse(self._send(command, node)) for node in nodes])

    async def _aask_primaries(self, client: Any) -> Placement:
        await client.initialize()
        nodes, command = client.get_primaries(), commands.slots()
        return Placement(nodes, [command.parse(await self._asend(command, node)) for node in nodes])

    def _explain(self, error: Exception, command: Command[Any]) -> StoreError:
        hide(error, self._secrets.values())
        # Only of a client that does not try again by itself is the last error the only one.
        tries_once = self._given is None and self._async_given is None and not _is_cluster_url(self._url)
        if isinstance(error, _NOT_NOW):
            return StoreUnavailableError(
                f"Redis cannot do it now: {error}", may_have_happened=command.writes and not tries_once
            )
        if isinstance(error, _UNREACHABLE) and not isinstance(error, AuthenticationError):
            return StoreUnavailableError(
                f"Redis cannot be reached or did not answer in time ({type(error).__name__})",
                may_have_happened=command.writes and not (tries_once and "connecting to" in str(error)),
            )
        return StoreError(f"Redis refused {command.name}: {error}")

    @contextmanager
    def _client(self) -> Iterator[Any]:
        if self._given is not None:
            yield self._given
        elif self._async_given is not None:
            raise TypeError("this RedisStore was given only an async_client; give it a client as well")
        else:
            with self._shared.use() as client:
                yield client

    @asynccontextmanager
    async def _async_client(self) -> AsyncIterator[Any]:
        """Give the client, or ``None`` where the synchronous one is to be used in a thread."""
        if self._async_given is not None or self._given is not None:
            yield self._async_given
            return
        async with self._per_loop.use() as client:
            yield client

    def _open_sync(self) -> Any:
        return self._open(redis.Redis, redis.RedisCluster.from_url, Retry(NoBackoff(), 0))

    def _open_async(self) -> Any:
        # Else it closes all its connections at every fifth MOVED, also those that other tasks use.
        cluster = partial(redis.asyncio.RedisCluster.from_url, reinitialize_steps=0)
        return self._open(redis.asyncio.Redis, cluster, AsyncRetry(NoBackoff(), 0))

    def _open(self, standalone: Any, cluster_from_url: Any, no_retries: Any) -> Any:
        limits = {"socket_timeout": self._timeout, "socket_connect_timeout": self._timeout}
        if self._url is None:
            return standalone(**self._address, retry=no_retries, **limits, **self._secrets)
        if _is_cluster_url(self._url):
            # A cluster client finds a moved slot or a new primary by its own retries, so it keeps them.
            return cluster_from_url(_plain_url(self._url), **limits, **self._secrets)
        return standalone.from_url(self._url, retry=no_retries, **limits, **self._secrets)


def _is_cluster_url(url: str | None) -> bool:
    return url is not None and url.startswith(tuple(_CLUSTER_SCHEMES))


def _plain_url(url: str) -> str:
    """Return a URL as redis-py knows it."""
    for scheme, plain in _CLUSTER_SCHEMES.items():
        if url.startswith(scheme):
            return plain + url[len(scheme) :]
    return url


def _fault_of(url: str) -> str | None:
    """Say, without showing any of a URL, why redis-py can make nothing of it; ``None`` if it can."""
    if is_ambiguous(url):
        return AMBIGUOUS
    place, secrets = split_url(url)
    try:
        pool = redis.ConnectionPool.from_url(_plain_url(place), **secrets)
        pool.connection_class(**pool.connection_kwargs)  # not connected yet
    except TypeError as error:
        return f"the Redis URL has an option that there is not: {str(error).rpartition('argument ')[2]}"
    except ValueError:
        return (
            "the Redis URL is not of the form redis://user:password@host:port/database (or rediss://, unix://,"
            " redis+cluster://), with special characters in the password percent-encoded"
        )
    return None


def _close(own: Any) -> None:
    if is_cluster(own):
        own.disconnect_connection_pools()  # which closing alone leaves to the garbage collector
    own.close()


@contextmanager
def _cancellable() -> Iterator[None]:
    """Raise the cancellation that redis-py loses on Python 3.11 if it comes just as a command has been sent."""
    if sys.version_info < (3, 11):
        # A backport's tasks count, too, but not what the async_timeout package takes back of its own cancellations.
        yield
        return
    cancelling: Callable[[], int] = getattr(asyncio.current_task(), "cancelling", lambda: 0)
    before = cancelling()
    yield
    if cancelling() > before:
        raise asyncio.CancelledError


def _of_one_node(reply: Any) -> Any:
    """Return the reply to SCAN of a single node of a cluster, which redis-py gives with a cursor for each node."""
    cursors, keys = reply
    return next(iter(cursors.values())), keys
