"""The cost of each feature beside none of them, on Redis: ``python -m tests.benchmarks.features``."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from sessionkit_integrations import (
    Compress,
    Encrypt,
    Quota,
    RedisStore,
    SessionManager,
    Summary,
    Window,
)
from tests.benchmarks.measuring import Effort, contest, in_turn, ratio
from tests.benchmarks.setting import WINDOW, turns
from tests.benchmarks.tables import table
from tests.servers import Server, binaries, search_modules
from tests.stores.test_scripted import executed

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from sessionkit_integrations import Message
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Turn

HEADER = ("feature", "commands of a write", "of a read", "bytes of a session", "time of a write", "of a read")
EFFORT = Effort(300, 3.0)
QUICK = Effort(2, 0.0)
KEY = b"k" * 32
NEVER = 1_000_000
"""Turns that wait before a summary is made."""

USAGE = {"input": 90, "output": 8, "model": "gpt-5"}
OFF = "none"
IN_MESSAGES = "usage in messages"

Make: TypeAlias = "Callable[[str, str], SessionManager]"
"""A maker of sessions at a URL, whose keys begin with a prefix."""


def _with_store(**options: Any) -> Make:
    return lambda url, prefix: SessionManager(WINDOW, RedisStore(url, key_prefix=prefix, **options))


def _with_manager(window: int | Window = WINDOW, **options: Any) -> Make:
    return lambda url, prefix: SessionManager(window, RedisStore(url, key_prefix=prefix), **options)


def _no_model(*_: Any) -> str:
    raise AssertionError("No summary is due.")


FEATURES: dict[str, Make] = {
    OFF: _with_store(),
    "`ttl=`": _with_store(ttl=3600),
    "`archive=True`": _with_store(archive=True),
    "`notify=True`": _with_store(notify=True),
    "`search=True`": _with_store(search=True),
    "tokens": _with_manager(Window(WINDOW, tokens=6_000)),
    "`summary=`, not due": _with_manager(
        Window(WINDOW, trigger_turns=2 * WINDOW), summary=Summary(_no_model, every=NEVER)
    ),
    "`quota=`": _with_manager(quota=Quota(messages="1000000/minute")),
    IN_MESSAGES: _with_manager(),
    "`Compress()`": _with_manager(seal=Compress()),
    "`Encrypt(key)`": _with_manager(seal=Encrypt(KEY)),
    "both": _with_manager(seal=[Compress(), Encrypt(KEY)]),
}

Cost = tuple[int, int, int]
"""Commands of a write, commands of a read, bytes of a session."""


def said(feature: str) -> list[Turn]:
    """Return turns to write, with usage where that is the feature."""
    return (
        [[question, _with_usage(answer)] for question, answer in turns(100)] if feature == IN_MESSAGES else turns(100)
    )


def _with_usage(answer: Message) -> Message:
    message: Message = {**answer, "usage": USAGE}
    return message


def commands(client: redis.Redis, sessions: SessionManager, turn: Turn) -> tuple[int, int]:
    """Return how many commands a write and a read take of a session whose window is full."""
    client.config_resetstat()
    sessions.send_messages("s", turn)
    written = executed(client).total()
    client.config_resetstat()
    sessions.get_session("s")
    read = executed(client).total()
    return written, read


def size(client: redis.Redis) -> int:
    """Return the bytes that all keys of a server take."""
    memory: Any = [client.memory_usage(key) for key in client.scan_iter()]
    return sum(memory)


async def measure(effort: Effort) -> list[tuple[str, Cost, float, float]]:
    """Return what each feature costs, and how long a write and a read take in proportion to those without any."""
    with ExitStack() as stack:
        server = Server(str(binaries()["redis-8.2"]), *search_modules()).start()
        stack.callback(server.stop)
        client = stack.enter_context(server.client(protocol=2))
        costs: dict[str, Cost] = {}
        writes: dict[str, Side] = {}
        reads: dict[str, Side] = {}
        for number, (feature, make) in enumerate(FEATURES.items()):
            before = size(client)
            sessions = stack.enter_context(make(server.url, f"f{number}:"))
            talk = said(feature)
            for turn in talk[: 2 * WINDOW]:
                sessions.send_messages("s", turn)
            costs[feature] = (*commands(client, sessions, talk[0]), size(client) - before)
            writes[feature] = in_turn([partial(sessions.send_messages, "s", turn) for turn in talk])
            reads[feature] = partial(sessions.get_session, "s")
        # In pairs, as each side finds the caches that the one before it leaves.
        read = {name: await _proportion(reads, name, effort) for name in FEATURES}  # first, while all hold the same
        written = {name: await _proportion(writes, name, effort) for name in FEATURES}
        return [(name, cost, written[name], read[name]) for name, cost in costs.items()]


async def _proportion(sides: dict[str, Side], feature: str, effort: Effort) -> float:
    times = await contest({OFF: sides[OFF], feature: sides[feature]}, effort)
    return ratio(times[feature], times[OFF]).value


def main(arguments: list[str] | None = None) -> None:
    """Print a table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that it runs, and measure nothing well")
    effort = QUICK if parser.parse_args(arguments).quick else EFFORT
    rows = asyncio.run(measure(effort))
    cells = [
        (name, str(written), str(read), f"{taken:,}", f"{write:.2f}", f"{reading:.2f}")
        for name, (written, read, taken), write, reading in rows
    ]
    print(table(HEADER, cells))


if __name__ == "__main__":
    main()
