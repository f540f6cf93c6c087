"""The benchmark's setting: its servers, its sizes, and what is said in its conversations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import Message
from tests.benchmarks.measuring import Effort
from tests.conversations import conversations, is_plain_text
from tests.servers import Server, binaries, search_modules
from tests.upstash_rest import UpstashEndpoint

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    import redis

Turn = list[Message]

WINDOW = 10


@dataclass(frozen=True)
class Sizes:
    """The amounts that are measured.

    Attributes:
        effort: How often an operation is.
        whole: How often a whole turn is: seldom, as the peers' conversations grow by each.
        blocks: How often a block of many operations is.
        processor: How often a block of operations is whose processor time is measured.
        operations: How many are in such a block.
        lengths: Conversations, in turns.
        written: Sessions that are written to in turn: nobody says much more than one thing a second.
        tasks: At once in one process.
        rounds: Sessions that each task writes a turn to, in a block.
        processes: At once.
        threads: At once, on SQLite.
        sessions: Short ones, of those a million of which are extrapolated.
        conversations: Of which the memory is measured.
        imports: How often each is.
        agents: Turns of an agent's conversation after which one is measured.
        agent_turns: How often an agent's turn is: seldom, as its conversation grows by each.
        found: Turns, few and many, that are searched.
        searches: How often a search is.
    """

    effort: Effort
    whole: Effort
    blocks: Effort
    processor: Effort
    operations: int
    lengths: tuple[int, ...]
    written: int
    tasks: int
    rounds: int
    processes: int
    threads: int
    sessions: int
    conversations: int
    imports: int
    agents: tuple[int, ...]
    agent_turns: Effort
    found: tuple[int, int]
    searches: Effort


FULL = Sizes(
    effort=Effort(300, 1.0),
    whole=Effort(40, 1.0),
    blocks=Effort(40, 2.0),
    processor=Effort(7, 60.0),
    operations=300,
    lengths=(10, 100, 1_000, 10_000),
    written=30,
    tasks=64,
    rounds=5,
    processes=4,
    threads=8,
    sessions=50_000,
    conversations=10,
    imports=7,
    agents=(10, 200),
    agent_turns=Effort(20, 2.0),
    found=(5_000, 50_000),
    searches=Effort(40, 2.0),
)
QUICK = replace(
    FULL,
    effort=Effort(2, 0.0),
    whole=Effort(2, 0.0),
    blocks=Effort(2, 0.0),
    processor=Effort(2, 0.0),
    operations=2,
    lengths=(2, 4),
    written=2,
    tasks=2,
    rounds=2,
    processes=2,
    threads=2,
    sessions=20,
    conversations=1,
    imports=1,
    agents=(2, 3),
    agent_turns=Effort(2, 0.0),
    found=(50, 100),
    searches=Effort(2, 0.0),
)


@dataclass(frozen=True)
class Setting:
    """The servers, sizes and conversations that a row is measured with.

    Attributes:
        server: A Redis, with RediSearch and RedisJSON where they are installed.
        client: To look at it.
        upstash: An Upstash REST endpoint over it.
        folder: For files.
        sizes: How much is measured.
    """

    server: Server
    client: redis.Redis
    upstash: UpstashEndpoint
    folder: Path
    sizes: Sizes

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self.server.url


def start(stack: AsyncExitStack, folder: Path, sizes: Sizes) -> Setting:
    """Return a setting whose servers run until the stack is closed."""
    server = Server(str(binaries()["redis-8.2"]), *search_modules()).start()
    stack.callback(server.stop)
    client = stack.enter_context(server.client(protocol=2))  # in which modules answer with lists
    upstash = UpstashEndpoint(server.port).start()
    stack.callback(upstash.stop)
    return Setting(server, client, upstash, folder, sizes)


@cache
def real_turns() -> tuple[tuple[Message, Message], ...]:
    """Return what a user said and what was answered, in all conversations."""
    pairs: list[tuple[Any, Any]] = [
        pair
        for conversation in conversations()
        for pair in itertools.pairwise(conversation)
        if pair[0]["role"] == "user" and all(map(is_plain_text, pair))
    ]
    return tuple(pair for pair in pairs if pair[1]["role"] == "assistant")


def turns(number: int) -> list[Turn]:
    """Return as many turns as asked for, each with messages of its own."""
    return [[message.copy() for message in turn] for turn in itertools.islice(itertools.cycle(real_turns()), number)]


def short_conversations(number: int) -> list[list[Message]]:
    """Return the texts of some conversations."""
    every: list[Any] = [[each for each in conversation if is_plain_text(each)] for conversation in conversations()]
    return every[:number]
