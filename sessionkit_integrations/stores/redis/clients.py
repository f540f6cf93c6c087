"""Clients of redis-py: those that a store is given are checked, and its own are opened."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType
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
    to_one_server,
    width_of_pool,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.runtime.redaction import Secret
    from sessionkit_integrations.stores.redis.commands import Command

_SYNC = (redis.Redis, redis.RedisCluster)
_ASYNC = (redis.asyncio.Redis, redis.asyncio.RedisCluster)
_PIPELINES = (
    redis.client.Pipeline,
    redis.cluster.ClusterPipeline,
    redis.asyncio.client.Pipeline,
    redis.asyncio.cluster.ClusterPipeline,
)
"""Clients by inheritance, which only collect the commands that they are sent."""


_INSTEAD = {
    "ConnectionPool": "give {package}.Redis(connection_pool=…) with this pool",
    "BlockingConnectionPool": "give {package}.Redis(connection_pool=…) with this pool",
    "Sentinel": "give the client that it finds, Sentinel(…).master_for(name)",
    "str": "give a URL as url",
}
"""Advice by the name of the class of what is given."""


@dataclass(frozen=True)
class Given:
    """Clients that a store was given. Neither is in the repr, nor in a variable where an error is raised.

    Attributes:
        client: The one for threads, if any.
        async_client: The one for an event loop, if any.
    """

    client: Any = field(repr=False)
    async_client: Any = field(repr=False)

    @property
    def any(self) -> bool:
        """True if there is one."""
        return self.first is not None

    @property
    def first(self) -> Any:
        """The one that says where the server is."""
        return self.async_client if self.client is None else self.client

    def find_fault(self) -> str | None:
        """Return why one of them is not a client of the right kind, and what to give; ``None`` if both are."""
        return _find_fault(self.client, "client", "redis", _SYNC, _ASYNC) or _find_fault(
            self.async_client, "async_client", "redis.asyncio", _ASYNC, _SYNC
        )

    def passwords(self) -> list[str]:
        """Return the passwords that they hold, to take them out of errors."""
        return [*_passwords_of(self.client), *_passwords_of(self.async_client)]

    def lend(self) -> Connections[Any]:
        """Return the client for threads with its gate.

        Raises:
            TypeError: There is none, but only an asynchronous one.
        """
        if self.client is None:
            raise TypeError("this RedisStore was given only an async_client; give it a client as well")
        return connections(self.client, width_of_pool(self.client))

    def lend_async(self) -> AsyncConnections[Any] | None:
        """Return the asynchronous client with its gate; ``None`` if there is none."""
        if self.async_client is None:
            return None
        return _async_connections(self.async_client)


def _async_connections(client: Any, *, wait: float = math.inf, direct: bool = False) -> AsyncConnections[Any]:
    return async_connections(
        client, width_of_pool(client), wait=wait, name_of=_namer_of(client), hurries=True, direct=direct
    )


def _namer_of(client: Any) -> Callable[[Command[Any]], str | None]:
    """Return what names the server that a command goes to, with others; ``None`` for one that goes by itself."""
    if _has_its_way(client):
        return lambda _command: None
    if cluster.is_cluster(client):
        return partial(cluster.name_of_node, client)
    return to_one_server


def _has_its_way(client: Any) -> bool:
    """Return whether a client sends each command in a way that a batch, over a connection of the pool, would pass by.

    It keeps to one connection, or has an `execute_command` of its own, such as one that gives keys a prefix.
    """
    sends = next(kind for kind in type(client).__mro__ if "execute_command" in vars(kind))
    return getattr(client, "single_connection_client", False) or sends.__module__.partition(".")[0] != "redis"


def _is_direct(client: Any) -> bool:
    """Return whether commands may bypass the `execute_command` of a client that the store made; see `wire.py`.

    They may not on a cluster, nor where somebody watches `execute_command`: a tracer, which replaces it with a function
    of its own, or redis-py's metrics.
    """
    return not (cluster.is_cluster(client) or _is_wrapped(type(client).execute_command) or _are_metrics_on())


def _is_wrapped(method: object) -> bool:
    return not isinstance(method, FunctionType) or method.__module__.partition(".")[0] != "redis"


def _are_metrics_on() -> bool:
    try:
        from redis.observability import get_observability_instance  # noqa: PLC0415 - older versions lack it
    except ImportError:
        return False
    return get_observability_instance().is_enabled()


def _find_fault(
    given: object, name: str, package: str, kinds: tuple[type, ...], other_kinds: tuple[type, ...]
) -> str | None:
    is_pipeline = isinstance(given, _PIPELINES)
    if given is None or (isinstance(given, kinds) and not is_pipeline):
        return None
    is_class = isinstance(given, type)
    kind: type = given if isinstance(given, type) else type(given)
    message = f"{name} must be a {package}.Redis or a {package}.RedisCluster, got"
    message = f"{message} {kind.__name__} itself" if is_class else f"{message} {kind.__module__}.{kind.__name__}"
    if is_class:
        advice = f"give an object, as in {name}={package}.Redis()"
    elif is_pipeline:
        advice = "give the client that made this pipeline"
    elif isinstance(given, other_kinds):
        advice = f"give it as {'async_client' if name == 'client' else 'client'}"
    elif kind.__module__.partition(".")[0] == "valkey":
        advice = f"give {package}.Redis(host=…, port=…) of the package redis, which is a client of Valkey as well"
    else:
        advice = _INSTEAD.get(kind.__name__, f"give {package}.Redis(…), or an address as url").format(package=package)
    return f"{message}: {advice}"


def _passwords_of(given: Any) -> list[str]:
    place = getattr(given, "connection_pool", None) or getattr(given, "nodes_manager", None)
    options = getattr(place, "connection_kwargs", {})
    provider = options.get("credential_provider")
    found = (options.get("password"), options.get("ssl_password"), getattr(provider, "password", None))
    return [password for password in found if isinstance(password, str) and password]


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
            # Unlike a password among the options, a provider's is in no repr of a client, pool or connection.
            user = self._login.pop("username", None)
            self._login["credential_provider"] = UsernamePasswordCredentialProvider(user, password)

    def open(self) -> Connections[Any]:
        """Open a client for threads."""
        client = self._open(redis.Redis, redis.RedisCluster.from_url, Retry(NoBackoff(), 0), self._wait)
        return connections(client, width_of_pool(client), direct=_is_direct(client))

    def open_async(self) -> AsyncConnections[Any]:
        """Open a client for an event loop."""
        # Otherwise it closes all its connections at every fifth MOVED, also those that other tasks use.
        cluster_from_url = partial(redis.asyncio.RedisCluster.from_url, reinitialize_steps=0)
        # Timers of the driver, one for what is sent and one for each reply, take a fifth of an operation's CPU time.
        # Whoever waits for the answer sets one for both. A cluster's client needs its own, to look for another node.
        of_cluster = is_of_cluster(self._url)
        client = self._open(
            redis.asyncio.Redis, cluster_from_url, AsyncRetry(NoBackoff(), 0), self._wait if of_cluster else None
        )
        return _async_connections(client, wait=math.inf if of_cluster else self._wait, direct=_is_direct(client))

    def _open(self, standalone: Any, cluster_from_url: Any, no_retries: Any, wait: float | None) -> Any:
        # Only of a client that sends a command once is known whether it may have been executed.
        options: dict[str, Any] = {"socket_timeout": wait, "socket_connect_timeout": self._wait}
        options |= {"retry": no_retries, "max_connections": MAX_CONNECTIONS, **self._login}
        if self._url is None:
            return standalone(**self._address, **options)
        options |= tls_options(self._url)
        if is_of_cluster(self._url):
            return cluster_from_url(as_of_redis_py(self._url), **options, **cluster.SENDING_ONCE)
        return standalone.from_url(self._url, **options)
