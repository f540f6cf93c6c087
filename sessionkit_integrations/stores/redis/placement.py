"""Which nodes of a cluster hold the keys, and whether that changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOTS = 16384
"""How many slots a cluster has."""


@dataclass(frozen=True)
class Placement:
    """The nodes that together hold all keys.

    Attributes:
        nodes: The nodes, as the driver takes them.
        slots: What each answered to `commands.slots`.
    """

    nodes: Sequence[Any]
    slots: Sequence[str] = ()

    def is_still(self, before: Placement) -> bool:
        """Say whether no slot has moved since an earlier placement, nor is moving."""
        return set(self.slots) == set(before.slots) and not any("[" in slots for slots in self.slots)

    def is_whole(self) -> bool:
        """Say whether the nodes have all slots: a client learns of another node only when it is sent there."""
        ranges = [each for slots in self.slots for each in slots.split()[3:] if not each.startswith("[")]
        ends = [each.split("-") for each in ranges]
        return sum(int(end[-1]) - int(end[0]) + 1 for end in ends) == SLOTS


ONE_NODE = Placement((None,))
"""That of a server that is no cluster."""
