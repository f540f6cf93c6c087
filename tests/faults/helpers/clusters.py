"""Work on a cluster: finding a node by its slots, moving a slot key by key, counting the servers' errors."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.crc import key_slot

from tests.servers import CLUSTER_PRIMARIES, CLUSTER_SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from tests.servers import Cluster, Server


OLD_CLIENTS_LEAK = (
    [pytest.mark.filterwarnings("ignore::ResourceWarning")] if int(redis.__version__.split(".")[0]) < 8 else []
)
"""Before version 8, redis-py's asynchronous cluster clients forget to close the nodes that they replace in a hurry."""


def slot_of(key: str) -> int:
    """Return the slot of a key."""
    slot: int = key_slot(key.encode())
    return slot


def ids_in_slot(prefix: str, slot: int, count: int) -> list[str]:
    """Return ``count`` session ids whose keys are in a slot."""
    ids = (f"s{number}" for number in itertools.count())
    return list(itertools.islice((name for name in ids if slot_of(prefix + name) == slot), count))


def first_slot_of(index: int) -> int:
    """Return the first slot that a cluster gives its primary number ``index`` at its start."""
    return index * (CLUSTER_SLOTS // CLUSTER_PRIMARIES + 1)


def owner_of(cluster: Cluster, slot: int) -> Server:
    """Return the node that has a slot."""
    with cluster.client() as client:
        port = client.nodes_manager.get_node_from_slot(slot).port
    return next(node for node in cluster.nodes if node.port == port)


@contextmanager
def direct_clients(cluster: Cluster) -> Iterator[list[redis.Redis]]:
    """Give a client of each node, which follows no redirections."""
    with ExitStack() as stack:
        yield [stack.enter_context(node.client(decode_responses=True)) for node in cluster.nodes]


def errors_of(cluster: Cluster) -> dict[str, int]:
    """Return how many errors of each code the nodes have sent so far."""
    counts: dict[str, int] = {}
    with direct_clients(cluster) as clients:
        for client in clients:
            for name, value in client.info("errorstats").items():
                code = name.removeprefix("errorstat_")
                # Old versions of redis-py leave "count=…" as it is.
                count = value["count"] if isinstance(value, dict) else value.removeprefix("count=")
                counts[code] = counts.get(code, 0) + int(count)
    return counts


def errors_since(before: dict[str, int], cluster: Cluster) -> dict[str, int]:
    """Return how many errors of each code the nodes have sent since `errors_of` was ``before``."""
    return {code: count - before.get(code, 0) for code, count in errors_of(cluster).items()}


class Move:
    """The move of a slot from one node to another, in steps, as redis-cli does it.

    Args:
        cluster: The cluster.
        slot: The slot.
        source: Who has it.
        target: Who is to have it.
    """

    def __init__(self, cluster: Cluster, slot: int, source: Server, target: Server) -> None:
        self._stack = ExitStack()
        self._slot = slot
        self._target_port = target.port
        self._clients = [self._stack.enter_context(node.client(decode_responses=True)) for node in cluster.nodes]
        self._source = self._clients[cluster.nodes.index(source)]
        self._target = self._clients[cluster.nodes.index(target)]
        self._target_id: Any = self._target.execute_command("CLUSTER MYID")

    def __enter__(self) -> Self:
        """Begin: keys that are not on the source are asked of the target from here on."""
        source_id: Any = self._source.execute_command("CLUSTER MYID")
        self._target.execute_command("CLUSTER SETSLOT", self._slot, "IMPORTING", source_id)
        self._source.execute_command("CLUSTER SETSLOT", self._slot, "MIGRATING", self._target_id)
        return self

    def keys(self) -> list[str]:
        """Return the slot's keys that are still on the source."""
        names: Any = self._source.execute_command("CLUSTER GETKEYSINSLOT", self._slot, 1000)
        return sorted(names)

    def forget_scripts(self) -> None:
        """Have the target know no script, so that it also has to say so to who was sent there."""
        self._target.script_flush()

    def move(self, key: str) -> None:
        """Move one key."""
        self._source.execute_command("MIGRATE", "127.0.0.1", self._target_port, key, 0, 5000)

    def move_all(self, pause: float) -> None:
        """Move all keys, one by one."""
        while keys := self.keys():
            for key in keys:
                self.move(key)
                time.sleep(pause)

    def __exit__(self, *_: object) -> None:
        """End: the slot is the target's from here on."""
        try:
            for client in (self._target, self._source, *self._clients):
                try:
                    client.execute_command("CLUSTER SETSLOT", self._slot, "NODE", self._target_id)
                except redis.ResponseError as error:
                    if "primaries" not in str(error) and "masters" not in str(error):  # replicas are told by gossip
                        raise
        finally:
            self._stack.close()
