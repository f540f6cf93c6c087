"""Sessions in Redis or Valkey: how a command is run with redis-py, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypedDict

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.runtime.batches import ALONE
from sessionkit_integrations.runtime.redaction import AMBIGUOUS, Secret, hidden, is_ambiguous, redact, split_url
from sessionkit_integrations.runtime.resources import Borrowed, PerLoop, Shared
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT
from sessionkit_integrations.stores.copies import StoreUrl
from sessionkit_integrations.stores.options import UrlOptions, check_url
from sessionkit_integrations.stores.redis.requests import FindNodes, Send
from sessionkit_integrations.stores.redis.vector_store import VectorStore

try:
    import redis
    import redis.asyncio

    from sessionkit_integrations.stores.redis import addresses, clients, cluster, errors, executing
except ImportError as error:
    raise MissingDependencyError("RedisStore", "redis") from error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from typing_extensions import Self, Unpack

    from sessionkit_integrations.runtime.batches import Settle
    from sessionkit_integrations.runtime.retries import Failure
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections
    from sessionkit_integrations.stores.redis.hearing import AsyncLine, Channel, Line


_WAIT_SHARE = 0.4
"""Share of an operation's time that one attempt waits for an answer: there is time for another one."""

_CLUSTER_WAIT_SHARE = 0.25
"""The same for a cluster: for a node that does not answer, another that knows its successor, and the successor."""

_NOT_A_CLUSTER = (None,)
"""The nodes of a server that is not a cluster."""


class RedisOptions(TypedDict, total=False):
    """Options of `RedisStore.from_env`."""

    password: str | None
    key_prefix: str
    ttl: float | timedelta | None
    archive: bool
    raw_ids: bool
    timeout: float
    search: bool
    notify: bool
    batch: bool


class RedisStore(VectorStore):
    """Sessions in Redis 6.2 or later, or in Valkey: standalone, behind Sentinel, or a cluster.

    Nothing is connected before the first use. Connections are pooled and shared by all sessions. Asynchronous ones
    belong to one event loop each and are closed when it ends. The pool has at most 100 connections, or as many as
    ``max_connections`` in the URL or the pool of the given client allows, on each node of a cluster. Operations beyond
    that wait for one, within their timeout.

    Args:
        url: Address of the server: ``redis://``, ``rediss://`` (TLS), ``unix://``, ``redis+cluster://`` or
            ``rediss+cluster://``, with user, password, database and options as redis-py's ``from_url`` takes them.
            TLS checks the certificate and its host; ``?ssl_check_hostname=false`` turns the latter off.
        host: Host of the server, instead of a URL; ``localhost`` by default.
        port: Port of the server, instead of a URL; 6379 by default.
        username: ACL user, instead of a URL.
        password: Password, if the URL has none.
        client: A `redis.Redis` (such as ``Sentinel.master_for`` returns) or `redis.RedisCluster` to use instead of an
            address. The store does not close it. Without ``async_client``, the asynchronous methods run it in threads.
        async_client: The same of `redis.asyncio`; it belongs to one event loop.
        key_prefix: Beginning of all keys. It ends in ``:`` and has no braces.
        ttl: Time that a session is kept after its last change, in seconds or as a timedelta; for ever if ``None``.
        archive: Whether to keep evicted messages.
        raw_ids: Whether to use session ids in keys as they are, to share a database with ids of the JavaScript
            SessionKit that hold spaces, braces, colons, glob characters or percent signs. This gives up that a
            prefix lists only its own sessions, that two prefixes never share a key, and, for ids with braces,
            the use of a cluster.
        timeout: Seconds that an operation may take, with all its attempts. One of them waits at most two fifths of
            that for an answer (in a cluster, a quarter), so that there is time for another one. A client that you
            give keeps its own time limits in synchronous use.
        search: Whether to keep an index for `SessionManager.search` of all sessions, of words and, with ``embed``, of
            vectors. It needs Redis 8, or Redis Stack 7.4. See docs/finding.md for its cost.
        notify: Whether each write tells those who watch (`SessionManager.watch`), by one PUBLISH in its script, and
            whether a watch of this store listens, instead of looking from time to time.
        batch: Whether asynchronous operations that are ready at the same moment share a round trip.

    Raises:
        TypeError: ``client`` or ``async_client`` is something else, such as a client of the other kind or a pipeline.
        ValueError: ``url``, ``key_prefix``, ``ttl`` or ``timeout`` is not of that form, or two of the arguments say
            where the server is.

    Examples:
        >>> sessions = SessionManager(store=RedisStore("redis://localhost:6379", ttl=86_400, archive=True))
    """

    # Sentinel's schemes are taken to say what to give instead.
    schemes = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")
    _driver_errors = errors.DRIVER_ERRORS
    _timed_out = redis.TimeoutError
    _kind = ""

    def __init__(
        self,
        url: str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        client: redis.Redis | redis.RedisCluster | None = None,
        async_client: redis.asyncio.Redis | redis.asyncio.RedisCluster | None = None,
        key_prefix: str = "sessionkit:",
        ttl: float | timedelta | None = None,
        archive: bool = False,
        raw_ids: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        search: bool = False,
        notify: bool = False,
        batch: bool = True,
    ) -> None:
        url, password = hidden(url), hidden(password)
        lent = clients.Given(client, async_client)
        del client, async_client  # which may show a password if they are something else, such as a URL
        if fault := lent.find_fault():
            raise TypeError(fault)
        options = {"url": url, "host": host, "port": port, "username": username, "password": password}
        addresses.check_address(options, by_client=lent.any)
        is_cluster = cluster.is_cluster(lent.first) if lent.any else addresses.is_of_cluster(url)
        super().__init__(
            key_prefix=key_prefix,
            ttl=ttl,
            archive=archive,
            raw_ids=raw_ids,
            timeout=timeout,
            wait_share=_CLUSTER_WAIT_SHARE if is_cluster else _WAIT_SHARE,
            notify=notify,
            batch=batch,
        )
        self.search = search
        place, self._login = (None, {}) if url is None else split_url(url)
        self._login |= {name: Secret(options[name]) for name in ("username", "password") if options[name]}
        address = {"host": host or "localhost", "port": port or 6379}
        self._url = addresses.url_of(address) if place is None else place
        self._place = addresses.place_of(place, address, lent.first)
        self._sender = errors.Sender(self._place, not lent.any, is_cluster, timeout)
        self._given = lent
        self._kind = "given client" if lent.any else "own connections"
        if not lent.any:
            opener = clients.Opener(place, address, self._login, self._wait)
            self._shared = Shared(opener.open, _close, opens_slowly=is_cluster)
            self._per_loop = PerLoop(opener.open_async, _aclose)
        else:
            self._shared = Shared(lent.lend, _leave_open)
            self._per_loop = Borrowed(lent.lend_async())

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `Store.from_url`; options that are not the store's own are redis-py's."""
        url = hidden(url)
        check_url(url)
        if is_ambiguous(url):
            raise ValueError(AMBIGUOUS)
        options = UrlOptions(url)
        own = options.of_server()
        search = options.flag("search")
        return cls(Secret(f"{url.partition('?')[0]}?{options.rest()}"), search=search, **own)

    @classmethod
    def from_env(cls, **options: Unpack[RedisOptions]) -> Self:
        """Return a store at ``REDIS_URL``, with ``REDIS_PASSWORD`` as the password if the URL has none.

        Args:
            options: Arguments of the constructor that do not say where the server is.

        Raises:
            ValueError: ``REDIS_URL`` is not set.
        """
        url = hidden(os.environ.get("REDIS_URL"))
        if not url:
            raise ValueError("set REDIS_URL in the environment, as in REDIS_URL=redis://localhost:6379")
        if "password" in options or "password" not in split_url(url)[1]:
            options["password"] = hidden(options.get("password") or os.environ.get("REDIS_PASSWORD") or None)
        return cls(url, **options)

    def describe_url(self) -> StoreUrl | None:
        """See `Store.describe_url`; a client that was given has no URL, and only a password can be left out of one."""
        if self._given.any or "ssl_password" in self._login:
            return None
        url = addresses.with_user(self._url, self._login.get("username"))
        return StoreUrl(self._with_options(url), "password" in self._login)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key_prefix={self._keys.prefix!r}, {self._kind})"

    def _send(self, own: Connections[Any], step: Send | FindNodes) -> Any:
        with cluster.FaultsTranslated(own.client):
            if isinstance(step, Send):
                try:
                    return executing.execute(own, step)
                except redis.ConnectionError as error:
                    if self._crowds(error):
                        own.client.connection_pool.disconnect(inuse_connections=False)
                    raise
            if not self._sender.cluster:
                return _NOT_A_CLUSTER
            if step.refresh:
                own.client.nodes_manager.initialize()
            return own.client.get_primaries()

    async def _asend(self, own: AsyncConnections[Any], step: Send | FindNodes) -> Any:
        with cluster.FaultsTranslated(own.client):
            if self._sender.cluster:
                # Concurrent first commands would use connections that one of them is still making.
                await own.client.initialize()
            if isinstance(step, Send):
                try:
                    return await executing.aexecute(own, step)
                except redis.ConnectionError as error:
                    await self._make_room(own, error)
                    raise
            if not self._sender.cluster:
                return _NOT_A_CLUSTER
            if step.refresh:
                await own.client.nodes_manager.initialize()
            return own.client.get_primaries()

    async def _asend_all(self, own: AsyncConnections[Any], steps: Sequence[Send], settle: Settle) -> None:
        node = None
        if self._sender.cluster and (node := cluster.node_of(own.client, steps[0].command)) is None:
            for index in range(len(steps)):
                settle(index, ALONE)
            return
        with cluster.FaultsTranslated(own.client):
            try:
                await executing.aexecute_all(own, node, steps, settle)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if node is not None:
                    cluster.look_for_nodes(own.client)
                await self._make_room(own, error)
                raise

    async def _make_room(self, own: AsyncConnections[Any], error: redis.RedisError) -> None:
        if self._crowds(error):
            await own.client.connection_pool.disconnect(inuse_connections=False)

    def _lines(self, channel: Channel) -> tuple[Line, AsyncLine]:
        from sessionkit_integrations.stores.redis import pubsub  # noqa: PLC0415 - where somebody watches

        return pubsub.lines(channel, self._shared, self._per_loop, self._wait)

    def _crowds(self, error: redis.RedisError) -> bool:
        """Return whether connections of ours that are idle take the place of one that the server refused.

        A pool hands out the connection that came back last, which a refused one does at once. So it would be refused
        time after time, while others that are open lie beneath it.
        """
        return errors.is_refused(error) and not self._given.any and not self._sender.cluster

    def _explain(self, error: Exception, command: Command[Any]) -> Failure:
        known = [*self._login.values(), *self._given.passwords()]
        redact(error, [secret for secret in known if secret != self._login.get("username")])
        return errors.explain(error, command, self._sender)


def _close(own: Connections[Any]) -> None:
    cluster.close(own.client)


async def _aclose(own: AsyncConnections[Any]) -> None:
    await own.client.aclose()


def _leave_open(_own: Connections[Any]) -> None:
    pass
