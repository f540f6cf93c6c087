"""Sessions in Redis or Valkey: how a command is run with redis-py, and nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.stores import commands
from sessionkit_integrations.stores.resources import PerLoop, Shared
from sessionkit_integrations.stores.retries import DEFAULT_TIMEOUT
from sessionkit_integrations.stores.scripted import ScriptedStore

try:
    import redis
    import redis.asyncio
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import NoScriptError
    from redis.retry import Retry

    from sessionkit_integrations.stores import redis_clusters, redis_errors
    from sessionkit_integrations.stores.redis_pool import LimitedPool
except ImportError as error:
    raise MissingDependencyError("RedisStore", "redis") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from typing_extensions import Self

    from sessionkit_integrations.stores.commands import Command
    from sessionkit_integrations.stores.retries import Failure

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
        timeout: How long an operation may take, with all its attempts, in seconds. One of them waits at most two
            fifths of that for an answer (in a cluster, a quarter), so that there is time for another. A client that
            you give keeps its own time limits in synchronous use.

    Raises:
        ValueError: ``url``, ``key_prefix`` or ``ttl`` is not of that form.
    """

    _driver_errors = redis_errors.DRIVER_ERRORS
    _timed_out = redis.TimeoutError

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
        super().__init__(key_prefix=key_prefix, ttl=ttl, archive=archive, raw_ids=raw_ids, timeout=timeout)
        given = client or async_client
        cluster = _is_cluster_url(url) if given is None else redis_clusters.is_cluster(given)
        if cluster:
            self._wait = timeout / 4  # for a node that does not answer, for others to ask what took its place, and that
        if url is not None:
            _check_url(url)
        self._url = url
        self._address: dict[str, Any] = {"host": host, "port": port, "username": username, "password": password}
        self._given, self._async_given = client, async_client
        self._sender = redis_errors.Sender(
            redis_errors.place_of(url, self._address, given), given is None, cluster, timeout
        )
        self._shared = Shared(self._open_sync, lambda own: own.close())
        self._per_loop = PerLoop(self._open_async, lambda own: own.aclose())

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Return a store at ``REDIS_URL`` (``redis://localhost:6379`` if unset), with ``REDIS_PASSWORD`` if set.

        Args:
            options: Any of the constructor's keyword arguments.
        """
        options.setdefault("password", os.environ.get("REDIS_PASSWORD"))
        return cls(os.environ.get("REDIS_URL", "redis://localhost:6379"), **options)

    def __repr__(self) -> str:
        kind = "given client" if self._given or self._async_given else "own connections"
        return f"RedisStore(key_prefix={self._keys.prefix!r}, {kind})"

    def _send(self, command: Command[Any], node: Any) -> Any:
        client = self._client()
        target = {} if node is None else {"target_nodes": node}
        with redis_clusters.mended(client):
            try:
                reply = client.execute_command(*commands.words(command, whole=False), **target)
            except NoScriptError:
                reply = client.execute_command(*commands.words(command, whole=True), **target)
        return reply if node is None else redis_clusters.of_one_node(reply)

    async def _asend(self, command: Command[Any], node: Any) -> Any:
        client = await self._async_client()
        if client is None:
            return await asyncio.to_thread(self._send, command, node)
        target = {} if node is None else {"target_nodes": node}
        with _cancellable(), redis_clusters.mended(client):
            if redis_clusters.is_cluster(client):
                # Concurrent first commands would use connections that one of them is still making.
                await client.initialize()
            try:
                reply = await client.execute_command(*commands.words(command, whole=False), **target)
            except NoScriptError:
                reply = await client.execute_command(*commands.words(command, whole=True), **target)
        return reply if node is None else redis_clusters.of_one_node(reply)

    def _nodes(self) -> Sequence[Any]:
        client = self._client()
        nodes: Sequence[Any] = client.get_primaries() if redis_clusters.is_cluster(client) else (None,)
        return nodes

    async def _anodes(self) -> Sequence[Any]:
        client = await self._async_client()
        if client is None:
            return await asyncio.to_thread(self._nodes)
        if not redis_clusters.is_cluster(client):
            return (None,)
        await client.initialize()
        nodes: Sequence[Any] = client.get_primaries()
        return nodes

    def _explain(self, error: Exception, command: Command[Any]) -> Failure:
        return redis_errors.explain(error, command, self._sender)

    def _client(self) -> Any:
        if self._given is not None:
            return self._given
        if self._async_given is not None:
            raise TypeError("this RedisStore was given only an async_client; give it a client as well")
        return self._shared.get()

    async def _async_client(self) -> Any:
        if self._async_given is not None:
            return self._async_given
        return None if self._given is not None else await self._per_loop.get()

    def _open_sync(self) -> Any:
        options = self._options(Retry(NoBackoff(), 0))
        if self._url is None:
            return redis.Redis.from_pool(LimitedPool(**self._address, **options))
        if _is_cluster_url(self._url):
            return redis.RedisCluster.from_url(_plain_url(self._url), connection_pool_class=LimitedPool, **options)
        return redis.Redis.from_pool(LimitedPool.from_url(self._url, **options))

    def _open_async(self) -> Any:
        options = self._options(AsyncRetry(NoBackoff(), 0))
        if self._url is None:
            return redis.asyncio.Redis(**self._address, **options)
        if _is_cluster_url(self._url):
            return redis.asyncio.RedisCluster.from_url(_plain_url(self._url), **options)
        return redis.asyncio.Redis.from_url(self._url, **options)

    def _options(self, no_retries: Any) -> dict[str, Any]:
        # Only of a client that sends a command once is known whether it may have been executed.
        options = {"socket_timeout": self._wait, "socket_connect_timeout": self._wait}
        options |= redis_clusters.trying_once(no_retries) if self._sender.cluster else {"retry": no_retries}
        if self._url is not None and self._address["password"]:
            options["password"] = self._address["password"]
        return options


def _is_cluster_url(url: str | None) -> bool:
    return url is not None and url.startswith(tuple(_CLUSTER_SCHEMES))


def _plain_url(url: str) -> str:
    """Return a URL as redis-py knows it."""
    for scheme, plain in _CLUSTER_SCHEMES.items():
        if url.startswith(scheme):
            return plain + url[len(scheme) :]
    return url


def _check_url(url: str) -> None:
    """Raise `ValueError`, which shows nothing of the URL, unless redis-py can make something of it."""
    try:
        pool = redis.ConnectionPool.from_url(_plain_url(url))
        pool.connection_class(**pool.connection_kwargs)  # not connected yet
    except TypeError as error:
        option = str(error).rpartition("argument ")[2]
        raise ValueError(f"the Redis URL has an option that there is not: {option}") from None
    except ValueError:
        raise ValueError(
            "the Redis URL is not of the form redis://user:password@host:port/database (or rediss://, unix://,"
            " redis+cluster://), with special characters in the password percent-encoded"
        ) from None


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
