"""Backends of the tests: each makes new, empty stores that share nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InMemoryStore, RedisStore, SQLiteStore, Store, UpstashStore
from tests.servers import Cluster, Server, binaries, search_modules
from tests.upstash_rest import TOKEN, UpstashEndpoint

if TYPE_CHECKING:
    from pathlib import Path

    import redis

# A server on the PATH is a bonus; without it nothing is missing.
REDIS_SERVERS = tuple(name for name, binary in binaries().items() if binary or name != "on-path")
SCRIPTED = (*REDIS_SERVERS, "cluster", "upstash")
LOCAL = ("memory", "sqlite")
ALL = (*LOCAL, *SCRIPTED)
SEARCHING = "redis-search"
"""Redis with a query engine, for stores that keep an index."""
SEARCHING_FILE = "sqlite-search"
"""SQLite, for such stores."""

StoreMaker = Callable[..., Store]
_numbers = itertools.count()


class Backends:
    """The servers of a test run, each started when a test first needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Server | Cluster | UpstashEndpoint] = []
        self._clients: list[redis.Redis] = []
        self.server = cache(self._start_server)
        self.searching = cache(self._start_searching)
        self.cluster = cache(self._start_cluster)
        self.upstash = cache(self._start_upstash)

    def maker(self, name: str) -> StoreMaker:
        """Return what makes a new, empty store on a backend; skip the test where this machine lacks it."""
        if name == "memory":
            return InMemoryStore
        if name == "sqlite":
            return lambda **options: SQLiteStore(self._folder / f"{next(_numbers)}.db", **options)
        if name == SEARCHING_FILE:
            return lambda **options: SQLiteStore(self._folder / f"{next(_numbers)}.db", search=True, **options)
        if name == "upstash":
            url = self.upstash().url
            return lambda **options: UpstashStore(url, TOKEN, **_own_keys(options))
        if name == SEARCHING:
            url = self.searching().url
            return lambda **options: RedisStore(url, search=True, **_own_keys(options))
        url = self.cluster().url if name == "cluster" else self.server(name).url
        return lambda **options: RedisStore(url, **_own_keys(options))

    def binary(self, name: str) -> str:
        """Return the path of a server; skip the test where this machine lacks it."""
        binary = binaries()[name]
        if binary is None:
            pytest.skip(f"this machine has no {name} server")
        return binary

    def empty(self, more_than: int = 0) -> None:
        """Remove all keys of the servers that run.

        Args:
            more_than: How many keys a server must have for that.
        """
        for client in self._clients:
            size: Any = client.dbsize()
            if size > more_than:
                client.flushall()

    def stop(self) -> None:
        """Stop all that was started."""
        while self._clients:
            self._clients.pop().close()
        for started in reversed(self._started):
            started.stop()

    def _start_server(self, name: str) -> Server:
        server = Server(self.binary(name)).start()
        self._started.append(server)
        self._clients.append(server.client())
        return server

    def _start_searching(self) -> Server:
        modules = search_modules()
        if not modules:
            pytest.skip("RediSearch comes for Linux on x86_64 alone")
        server = Server(self.binary("redis-8.2"), *modules).start()
        self._started.append(server)
        self._clients.append(server.client())
        return server

    def _start_cluster(self) -> Cluster:
        cluster = Cluster(self.binary("redis-8.2")).start()
        self._started.append(cluster)
        self._clients += [node.client() for node in cluster.nodes]
        return cluster

    def _start_upstash(self) -> UpstashEndpoint:
        endpoint = UpstashEndpoint(self.server("redis-8.2").port).start()
        self._started.append(endpoint)
        return endpoint


def _own_keys(options: dict[str, Any]) -> dict[str, Any]:
    return {"key_prefix": f"test{next(_numbers)}:", **options}
