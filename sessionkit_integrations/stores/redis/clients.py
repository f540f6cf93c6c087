"""Clients of redis-py: those that a store is given are checked, and its own are opened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
import redis.asyncio.client
import redis.asyncio.cluster
import redis.client
import redis.cluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.credentials import UsernamePasswordCredentialProvider
from redis.retry import Retry

from sessionkit_integrations.stores.redis import cluster
from sessionkit_integrations.stores.redis.addresses import as_of_redis_py, is_of_cluster, tls_options
from sessionkit_integrations.stores.redis.connections import (
    MAX_CONNECTIONS,
    AsyncConnections,
    Connections,
    async_connections,
    connections,
    width_of_pool,
)

if TYPE_CHECKING:
    from sessionkit_integrations.runtime.redaction import Secret

_SYNC = (redis.Redis, redis.RedisCluster)
_ASYNC = (redis.asyncio.Redis, redis.asyncio.RedisCluster)
_PIPELINES = (
    redis.client.Pipeline,
    redis.cluster.ClusterPipeline,
    redis.asyncio.client.Pipeline,
    redis.asyncio.cluster.ClusterPipeline,
)
"""Clients by inheritance, which only collect the commands that they are sent."""


def check_clients(client: object, async_client: object) -> None:
    """Check that given clients are of the right kind.

    Raises:
        TypeError: One of them is not.
    """
    _check(client, "client", _SYNC, "redis", {"async_client": _ASYNC})
    _check(async_client, "async_client", _ASYNC, "redis.asyncio", {"client": _SYNC})


def _check(
    given: object, name: str, kinds: tuple[type, ...], package: str, others: dict[str, tuple[type, ...]]
) -> None:
    if given is None or (isinstance(given, kinds) and not isinstance(given, _PIPELINES)):
        return
    kind = f"{given.__name__} itself" if isinstance(given, type) else f"{type(given).__module__}.{type(given).__name__}"
    message = f"{name} must be a {package}.Redis or a {package}.RedisCluster, got {kind}"
    for other, other_kinds in others.items():
        if isinstance(given, other_kinds) and not isinstance(given, _PIPELINES):
            message = f"{message}: give it as {other}"
    if isinstance(given, str):
        message = f"{message}: give a URL as url"
    raise TypeError(message)


def passwords_of(given: Any) -> list[str]:
    """Return the passwords that a given client holds, to take them out of errors."""
    place = getattr(given, "connection_pool", None) or getattr(given, "nodes_manager", None)
    options = getattr(place, "connection_kwargs", {})
    provider = options.get("credential_provider")
    found = (options.get("password"), options.get("ssl_password"), getattr(provider, "password", None))
    return [password for password in found if isinstance(password, str) and password]


def lend(client: Any) -> Connections[Any]:
    """Return a given client with its gate.

    Raises:
        TypeError: There is none, but only an asynchronous one.
    """
    if client is None:
        raise TypeError("this RedisStore was given only an async_client; give it a client as well")
    return connections(client, width_of_pool(client))


def lend_async(client: Any) -> AsyncConnections[Any] | None:
    """Return a given asynchronous client with its gate; ``None`` if there is none."""
    return None if client is None else async_connections(client, width_of_pool(client))


class Opener:
    """Opens a store's own clients.

    Args:
        url: Where the server is, without user and passwords; ``None`` if the address says it.
        address: Its host and port.
        login: User and passwords, as options of redis-py.
        wait: Seconds that an attempt waits for an answer.
    """

    def __init__(self, url: str | None, address: dict[str, Any], login: dict[str, Secret], wait: float) -> None:
        self._url, self._address = url, address
        self._wait = wait
        self._login: dict[str, Any] = dict(login)
        if password := self._login.pop("password", None):
            # Unlike a password among the options, that of a provider is in the repr of no client, pool or connection.
            user = self._login.pop("username", None)
            self._login["credential_provider"] = UsernamePasswordCredentialProvider(user, password)

    def open(self) -> Connections[Any]:
        """Open a client for threads."""
        client = self._open(redis.Redis, redis.RedisCluster.from_url, Retry(NoBackoff(), 0))
        return connections(client, width_of_pool(client))

    def open_async(self) -> AsyncConnections[Any]:
        """Open a client for an event loop."""
        # Otherwise it closes all its connections at every fifth MOVED, also those that other tasks use.
        cluster_from_url = partial(redis.asyncio.RedisCluster.from_url, reinitialize_steps=0)
        client = self._open(redis.asyncio.Redis, cluster_from_url, AsyncRetry(NoBackoff(), 0))
        return async_connections(client, width_of_pool(client))

    def _open(self, standalone: Any, cluster_from_url: Any, no_retries: Any) -> Any:
        # Only of a client that sends a command once is known whether it may have been executed.
        options: dict[str, Any] = {"socket_timeout": self._wait, "socket_connect_timeout": self._wait}
        options |= {"retry": no_retries, "max_connections": MAX_CONNECTIONS, **self._login}
        if self._url is None:
            return standalone(**self._address, **options)
        options |= tls_options(self._url)
        if is_of_cluster(self._url):
            return cluster_from_url(as_of_redis_py(self._url), **options, **cluster.SENDING_ONCE)
        return standalone.from_url(self._url, **options)
