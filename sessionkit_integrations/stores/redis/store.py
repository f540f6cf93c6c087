"""Sessions in Redis or Valkey: how a command is run with redis-py, and nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.runtime.redaction import AMBIGUOUS, Secret, hidden, hide, is_ambiguous, split_url
from sessionkit_integrations.runtime.resources import PerLoop, Shared
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT, within
from sessionkit_integrations.stores.copies import StoreUrl
from sessionkit_integrations.stores.options import UrlOptions
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.requests import FindNodes, Send
from sessionkit_integrations.stores.redis.scripted import ScriptedStore

try:
    import redis
    import redis.asyncio
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.exceptions import NoScriptError
    from redis.retry import Retry

    from sessionkit_integrations.stores.redis import addresses as redis_urls
    from sessionkit_integrations.stores.redis import cluster as redis_cluster
    from sessionkit_integrations.stores.redis import errors as redis_errors
except ImportError as error:
    raise MissingDependencyError("RedisStore", "redis") from error

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from datetime import timedelta

    from typing_extensions import Self

    from sessionkit_integrations.runtime.retries import Failure
    from sessionkit_integrations.stores.redis.commands import Command


_TAKES_KEYS = int(redis.__version__.split(".")[0]) > 5  # noqa: PLR2004 - a version
"""Whether redis-py takes the keys of a command beside it, by which a client with a cache knows what it has."""

_WAIT_SHARE = 0.4
"""Share of an operation's time that one attempt waits for an answer: there is time for another one."""

_CLUSTER_WAIT_SHARE = 0.25
"""The same for a cluster: for a node that does not answer, another that knows its successor, and the successor."""

_NOT_A_CLUSTER = (None,)
"""The nodes of a server that is not a cluster."""


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

    schemes = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
    _driver_errors = redis_errors.DRIVER_ERRORS
    _timed_out = redis.TimeoutError
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
        given = client or async_client
        cluster = redis_urls.is_of_cluster(url) if given is None else redis_cluster.is_cluster(given)
        super().__init__(
            key_prefix=key_prefix,
            ttl=ttl,
            archive=archive,
            raw_ids=raw_ids,
            timeout=timeout,
            wait_share=_CLUSTER_WAIT_SHARE if cluster else _WAIT_SHARE,
        )
        self._url: str | None = None
        self._secrets: dict[str, Secret] = {"password": Secret(password)} if password else {}
        if url is not None:
            if fault := redis_urls.fault_of(url):
                raise ValueError(fault)
            self._url, secrets = split_url(url)
            self._secrets.update(secrets)
        self._address: dict[str, Any] = {"host": host, "port": port, "username": username}
        self._given, self._async_given = client, async_client
        place = redis_urls.place_of(self._url, self._address, given)
        self._sender = redis_errors.Sender(place, given is None, cluster, timeout)
        self._shared = Shared(self._open_sync, redis_cluster.close, waits=cluster)
        self._per_loop = PerLoop(self._open_async, lambda own: own.aclose())

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `Store.from_url`; options that are not the store's own are redis-py's."""
        url = hidden(url)
        if is_ambiguous(url):
            raise ValueError(AMBIGUOUS)
        options = UrlOptions(url)
        own = options.of_server()
        return cls(Secret(f"{url.partition('?')[0]}?{options.rest()}"), **own)

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Return a store at ``REDIS_URL`` (``redis://localhost:6379`` if unset), with ``REDIS_PASSWORD`` if set.

        Args:
            options: Any of the constructor's keyword arguments.
        """
        options["password"] = hidden(options.get("password", os.environ.get("REDIS_PASSWORD")))
        return cls(os.environ.get("REDIS_URL", "redis://localhost:6379"), **options)

    def describe_url(self) -> StoreUrl | None:
        """See `Store.describe_url`; a client that was given has no URL, and only a password can be left out of one."""
        if self._given is not None or self._async_given is not None or self._secrets.keys() - {"password"}:
            return None
        return StoreUrl(self._with_options(self._url or redis_urls.url_of(self._address)), "password" in self._secrets)

    def __repr__(self) -> str:
        kind = "given client" if self._given or self._async_given else "own connections"
        return f"RedisStore(key_prefix={self._keys.prefix!r}, {kind})"

    def _perform(self, step: Send | FindNodes) -> Any:
        with self._client() as client:
            if not self._sender.cluster:
                return _NOT_A_CLUSTER if isinstance(step, FindNodes) else _execute(client, step.command, {})
            with redis_cluster.driver_faults_translated(client):
                if isinstance(step, FindNodes):
                    if step.refresh:
                        client.nodes_manager.initialize()
                    return client.get_primaries()
                reply = _execute(client, step.command, _target(step))
        return redis_cluster.scan_reply(reply) if step.command.name == "SCAN" and step.node is not None else reply

    async def _aperform(self, step: Send | FindNodes) -> Any:
        return await within(step.deadline, partial(self._aperform_in_time, step))

    async def _aperform_in_time(self, step: Send | FindNodes) -> Any:
        async with self._async_client() as client:
            if client is None:
                return await asyncio.to_thread(self._perform, step)
            if not self._sender.cluster:
                return _NOT_A_CLUSTER if isinstance(step, FindNodes) else await _aexecute(client, step.command, {})
            with redis_cluster.driver_faults_translated(client):
                # Concurrent first commands would use connections that one of them is still making.
                await client.initialize()
                if isinstance(step, FindNodes):
                    if step.refresh:
                        await client.nodes_manager.initialize()
                    return client.get_primaries()
                reply = await _aexecute(client, step.command, _target(step))
        return redis_cluster.scan_reply(reply) if step.command.name == "SCAN" and step.node is not None else reply

    def _explain(self, error: Exception, command: Command[Any]) -> Failure:
        given = (
            password for client in (self._given, self._async_given) for password in redis_urls.passwords_of(client)
        )
        hide(error, [*self._secrets.values(), *given])
        return redis_errors.explain(error, command, self._sender)

    def _client(self) -> AbstractContextManager[Any]:
        if self._given is not None:
            return nullcontext(self._given)
        if self._async_given is not None:
            raise TypeError("this RedisStore was given only an async_client; give it a client as well")
        return self._shared.use()

    def _async_client(self) -> AbstractAsyncContextManager[Any]:
        """Give the client, or ``None`` where the synchronous one is to be used in a thread."""
        if self._async_given is not None or self._given is not None:
            return nullcontext(self._async_given)
        return self._per_loop.use()

    def _open_sync(self) -> Any:
        return self._open(redis.Redis, redis.RedisCluster.from_url, Retry(NoBackoff(), 0))

    def _open_async(self) -> Any:
        # Else it closes all its connections at every fifth MOVED, also those that other tasks use.
        cluster = partial(redis.asyncio.RedisCluster.from_url, reinitialize_steps=0)
        return self._open(redis.asyncio.Redis, cluster, AsyncRetry(NoBackoff(), 0))

    def _open(self, standalone: Any, cluster_from_url: Any, no_retries: Any) -> Any:
        # Only of a client that sends a command once is known whether it may have been executed.
        options = {"socket_timeout": self._wait, "socket_connect_timeout": self._wait, "retry": no_retries}
        options |= self._secrets
        if self._url is None:
            return standalone(**self._address, **options)
        if self._sender.cluster:
            return cluster_from_url(redis_urls.plain(self._url), **options, **redis_cluster.SENDING_ONCE)
        return standalone.from_url(self._url, **options)


def _target(step: Send) -> dict[str, Any]:
    return {} if step.node is None else {"target_nodes": step.node}


def _execute(client: Any, command: Command[Any], target: dict[str, Any]) -> Any:
    if command.name == "LRANGE" and _TAKES_KEYS:
        return client.execute_command(*commands.words(command, whole=False), keys=command.keys, **target)
    try:
        return client.execute_command(*commands.words(command, whole=False), **target)
    except NoScriptError:
        return client.execute_command(*commands.words(command, whole=True), **target)


async def _aexecute(client: Any, command: Command[Any], target: dict[str, Any]) -> Any:
    before = _cancellations()
    try:
        reply = await client.execute_command(*commands.words(command, whole=False), **target)
    except NoScriptError:
        reply = await client.execute_command(*commands.words(command, whole=True), **target)
    if _cancellations() > before:
        # redis-py loses a cancellation on Python 3.11 if it comes just as a command has been sent.
        raise asyncio.CancelledError
    return reply


def _cancellations() -> int:
    """Return how often the running task has been cancelled."""
    if sys.version_info < (3, 11):
        return 0  # a backport's tasks count, too, but not what async_timeout takes back of its own cancellations
    task = asyncio.current_task()
    # Tasks of other libraries need not count.
    return task.cancelling() if isinstance(task, asyncio.Task) else 0
