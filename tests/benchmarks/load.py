"""Many tasks that write at once: ours, and bare EVALSHA of the same script. As a program, one of several processes.

``python -m tests.benchmarks.load URL NAME TASKS ROUNDS`` reads ``ours`` or ``floor``, line by line, has all tasks
write, and answers with an empty line.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis as AsyncRedis

from sessionkit_integrations import RedisStore, SessionManager
from sessionkit_integrations.records.codec import PlainCodec, encode_all
from tests.benchmarks.floor import append_words
from tests.benchmarks.setting import WINDOW, turns

if TYPE_CHECKING:
    from collections.abc import Sequence


class Load:
    """Tasks that each write a turn to a number of sessions of their own, one after the other.

    Args:
        url: Of the server, which knows our script.
        name: What the sessions' ids begin with.
        tasks: How many there are.
        rounds: How many sessions each has.
        stack: Closes what is opened.
    """

    def __init__(self, url: str, name: str, tasks: int, rounds: int, stack: AsyncExitStack) -> None:
        self._names = [f"{name}-{number}" for number in range(tasks)]
        self._turns = turns(rounds)
        self._records = [encode_all(PlainCodec(), turn) for turn in self._turns]
        self._sessions = SessionManager(WINDOW, RedisStore(url))
        self._client: Any = AsyncRedis.from_url(url)
        stack.push_async_callback(self._sessions.aclose)
        stack.push_async_callback(self._client.aclose)

    async def ours(self) -> None:
        """Write as we do."""

        async def task(name: str) -> None:
            for number, turn in enumerate(self._turns):
                await self._sessions.asend_messages(f"{name}-{number}", turn)

        await asyncio.gather(*(task(f"ours-{name}") for name in self._names))

    def words(self) -> list[list[tuple[Any, ...]]]:
        """Return the commands that `floor` sends."""
        return [
            [append_words(f"floor-{name}-{number}", turn) for number, turn in enumerate(self._records)]
            for name in self._names
        ]

    async def floor(self, words: Sequence[Sequence[tuple[Any, ...]]]) -> None:
        """Send commands that are ready, those of each task one after the other."""

        async def task(commands: Sequence[tuple[Any, ...]]) -> None:
            for command in commands:
                await self._client.execute_command(*command)

        await asyncio.gather(*map(task, words))


async def _serve(url: str, name: str, tasks: str, rounds: str) -> None:
    async with AsyncExitStack() as stack:
        load = Load(url, name, int(tasks), int(rounds), stack)
        words = load.words()
        for line in sys.stdin:
            if line.strip() == "ours":
                await load.ours()
            else:
                await load.floor(words)
                words = []
            print(flush=True)
            # Not within what is measured: nobody else waits for us now.
            words = words or load.words()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
