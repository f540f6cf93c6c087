"""The commands that a server is sent."""

from __future__ import annotations

import inspect
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis

    from tests.benchmarks.measuring import Side


@dataclass(frozen=True)
class Commands:
    """The commands that a server executed.

    Attributes:
        sent: Commands of clients.
        within: Commands of scripts.
    """

    sent: Counter[str]
    within: Counter[str]

    @property
    def billed(self) -> int:
        """Their number as Upstash counts: every command, and every command within a script."""
        return self.sent.total() + self.within.total()

    def __str__(self) -> str:
        sent = ", ".join(f"{count} {name}" for name, count in self.sent.items())
        within = ", ".join(f"{count} {name}" for name, count in self.within.items())
        return f"{sent}; within: {within}" if within else sent


async def commands_of(client: redis.Redis, side: Side) -> Commands:
    """Return the commands that doing something once takes. INFO does not tell those of scripts apart; MONITOR does."""
    end = uuid.uuid4().hex
    commands = Commands(Counter(), Counter())
    with client.monitor() as monitor:
        result = side()
        if inspect.isawaitable(result):
            await result
        client.echo(end)
        while True:
            told: Any = monitor.next_command()
            if end in told["command"]:
                return commands
            kind = commands.within if told["client_type"] == "lua" else commands.sent
            kind[told["command"].split(" ")[0].upper()] += 1
