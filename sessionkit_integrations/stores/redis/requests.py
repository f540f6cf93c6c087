"""The steps of operations on Redis: what a transport is asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.runtime.steps import Step

if TYPE_CHECKING:
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.redis.commands import Command


@dataclass(slots=True)  # not frozen: each attempt makes one, and that would take three times as long
class Send(Step[Any]):
    """Sends a command once; the result is what the driver's reply says.

    Attributes:
        command: The command.
        deadline: Moment of `time.monotonic` at which an asynchronous transport gives up.
        node: The node of a cluster to send it to; the one that has the keys if ``None``.
        alone: Whether it goes by itself, and not in a batch.
    """

    command: Command[Any]
    deadline: float
    node: Any = None
    alone: bool = False

    def __iter__(self) -> Steps[Any]:
        reply = yield self
        return self.command.read_reply(reply)

    @property
    def size(self) -> int:
        """Bytes to send, about."""
        return sum([len(word) for word in self.command.args if not isinstance(word, int)])


@dataclass(frozen=True)
class FindNodes(Step[Sequence[Any]]):
    """Asks the driver for the nodes that together hold all keys.

    Attributes:
        deadline: As in `Send`.
        refresh: Whether the driver asks the cluster first, instead of trusting what it knows.
    """

    deadline: float
    refresh: bool = False
