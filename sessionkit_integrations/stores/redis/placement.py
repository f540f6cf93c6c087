"""The nodes of a cluster that together hold all keys, and whether slots move between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.stores.redis.commands import Command
from sessionkit_integrations.stores.redis.replies import UnexpectedReplyError
from sessionkit_integrations.stores.redis.requests import FindNodes, Send

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionkit_integrations.runtime.steps import Steps

SLOT_COUNT = 16384
"""Slots of a cluster."""


@dataclass(frozen=True)
class Slots:
    """The slots of one node of a cluster.

    Attributes:
        node_id: The node.
        ranges: Its slots, each range with its first and its last.
        moving: Whether one of them is on its way to another node, or from there.
    """

    node_id: str
    ranges: tuple[tuple[int, int], ...]
    moving: bool


@dataclass(frozen=True)
class Placement:
    """The nodes that together hold all keys.

    Attributes:
        nodes: The nodes, as the driver takes them; a single ``None`` for a server that is not a cluster.
        slots: The slots of each node.
    """

    nodes: Sequence[Any]
    slots: Sequence[Slots] = ()

    def has_moved_since(self, before: Placement) -> bool:
        """Return whether a slot has moved since an earlier placement, or is moving now."""
        return set(self.slots) != set(before.slots) or any(slots.moving for slots in self.slots)

    @property
    def is_complete(self) -> bool:
        """Return whether the nodes have all slots: a client learns of another node only when it is redirected to it."""
        return sum(last - first + 1 for slots in self.slots for first, last in slots.ranges) == SLOT_COUNT


def slots_command() -> Command[Slots]:
    """Return the command that asks a node of a cluster for its slots; redis-py reads the reply."""

    def read_reply(nodes: Mapping[str, Mapping[str, Any]]) -> Slots:
        own = next((node for node in nodes.values() if "myself" in node["flags"]), None)
        if own is None:
            raise UnexpectedReplyError("the node that was asked is not among them")
        ranges = tuple((int(each[0]), int(each[-1])) for each in own["slots"])
        return Slots(own["node_id"], ranges, moving=bool(own["migrations"]))

    return Command("CLUSTER NODES", (), (), read_reply)


def locate(deadline: float) -> Steps[Placement]:
    """Find the nodes that together hold all keys.

    Args:
        deadline: Moment of `time.monotonic` at which an asynchronous transport gives up.
    """
    placement = Placement(())
    for refresh in (False, True):
        nodes = yield from FindNodes(deadline, refresh)
        if nodes == (None,):
            return Placement(nodes)
        slots: list[Slots] = []
        for node in nodes:
            found = yield from Send(slots_command(), deadline, node)
            slots.append(found)
        placement = Placement(nodes, slots)
        if placement.is_complete:
            break
    return placement
