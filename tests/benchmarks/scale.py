"""Time and memory of operations on all sessions: ``python -m tests.benchmarks.scale``.

Each operation runs in a process of its own, so that its peak of memory is its own. The sizes are ten times apart: time
is linear where it grows by ten, and memory is flat where it stays.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import Message, SessionManager
from sessionkit_integrations.__main__ import main as sessionkit
from tests.servers import Server, binaries, search_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TURNS = 3
RARE = "ORD-48213"
"""The order that one session in a thousand is about."""

EVERY = 1_000
AT_ONCE = 64
FOREVER = 3600.0
"""The seconds that a search may walk."""


@dataclass(frozen=True)
class Cost:
    """The cost of an operation.

    Attributes:
        found: What it counted.
        seconds: What it took on the clock.
        megabytes: The peak of its process's memory.
    """

    found: int
    seconds: float
    megabytes: float


def conversation(number: int) -> list[Message]:
    """Return a session's messages, which differ from those of others.

    Args:
        number: Of the session.
    """
    order = f"ORD-{number:06d}" if number % EVERY else RARE
    said: list[Message] = []
    for turn in range(TURNS):
        said.append({"role": "user", "content": f"Where is my order {order}? This is question {turn + 1}."})
        said.append({"role": "assistant", "content": f"It left us on day {number % 28 + turn} of the month."})
    return said


async def fill(url: str, sessions: int) -> None:
    """Write sessions of three turns each.

    Args:
        url: Of the store.
        sessions: Their number.
    """
    numbers = iter(range(sessions))
    async with SessionManager.from_url(url) as manager:

        async def write() -> None:
            for number in numbers:
                await manager.asend_messages(f"user-{number:06d}", conversation(number))

        await asyncio.gather(*(write() for _ in range(AT_ONCE)))


def listed(url: str) -> int:
    """List all sessions, and return how many there are."""
    with SessionManager.from_url(url) as manager:
        return sum(1 for _ in manager.list_sessions())


def counted(url: str) -> int:
    """Return how many sessions the statistics count."""
    with SessionManager.from_url(url) as manager:
        return manager.statistics().sessions


def searched(url: str) -> int:
    """Return how many hits a search of all sessions has."""
    with SessionManager.from_url(url) as manager:
        return len(manager.search(RARE, timeout=FOREVER).hits)


def exported(url: str) -> int:
    """Export all sessions, and return the bytes of the file."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "sessions.jsonl")
        _command("export", "--url", url, "--output", str(file), "--json")
        return file.stat().st_size


def migrated(url: str) -> int:
    """Copy the sessions of a Redis into a SQLite file, and return how many it then holds."""
    with TemporaryDirectory() as folder:
        target = f"sqlite:///{folder}/migrated.db"
        _command("migrate", url, "--from", "javascript", "--url", target, "--yes")  # --json lists every session
        return listed(target)


OPERATIONS: dict[str, Callable[[str], int]] = {
    "list_sessions": listed,
    "statistics": counted,
    "search": searched,
    "export": exported,
    "migrate": migrated,
}


def _command(*words: str) -> None:
    """Run the command line in this process.

    Raises:
        RuntimeError: It failed.
    """
    sys.argv = ["sessionkit", *words]
    try:
        sessionkit()
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"sessionkit {words[0]} ended with {end.code}.") from end


def measured(operation: str, url: str) -> Cost:
    """Return the cost of an operation, which runs in a process of its own."""
    words = [sys.executable, "-m", "tests.benchmarks.scale", "--operation", operation, "--url", url]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603
    return Cost(**json.loads(lines[-1]))


def run(operation: str, url: str) -> Cost:
    """Return the cost of an operation that runs in this process."""
    start = time.perf_counter()
    found = OPERATIONS[operation](url)
    seconds = time.perf_counter() - start
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Cost(found, seconds, kilobytes / 1024)


def rows(sizes: Sequence[int]) -> Iterator[tuple[str, str, list[Cost]]]:
    """Yield the name of each store and operation, with what it costs at each size."""
    for store, place in PLACES.items():
        with ExitStack() as stack:
            urls = [place(stack) for _ in sizes]
            for url, size in zip(urls, sizes, strict=True):
                start = time.perf_counter()
                asyncio.run(fill(url, size))
                print(f"{store}: {size:,} sessions in {time.perf_counter() - start:.0f} s", file=sys.stderr)
            for operation in OPERATIONS:
                if operation == "migrate" and store != "Redis":
                    continue  # it reads a Redis
                yield store, operation, [measured(operation, url) for url in urls]


def file(stack: ExitStack) -> str:
    """Return the URL of a new SQLite file, which is gone when the stack is closed."""
    return f"sqlite:///{stack.enter_context(TemporaryDirectory(prefix='sessionkit-'))}/chats.db"


def server(stack: ExitStack) -> str:
    """Return the URL of a new Redis, which runs until the stack is closed."""
    redis = Server(str(binaries()["redis-8.2"]), *search_modules()).start()
    stack.callback(redis.stop)
    return redis.url


PLACES: dict[str, Callable[[ExitStack], str]] = {
    "SQLite": file,
    "SQLite with an index": lambda stack: f"{file(stack)}?search=true",
    "Redis": server,
    "Redis with an index": lambda stack: f"{server(stack)}?search=true",
}


def main(arguments: list[str] | None = None) -> None:
    """Print a table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--operation", choices=OPERATIONS, help="what runs in this process")
    parser.add_argument("--url", help="where it runs")
    options: Any = parser.parse_args(arguments)
    if options.operation:
        print(json.dumps(vars(run(options.operation, options.url))))
        return
    heads = [f"{size:,} sessions | memory" for size in options.sessions]
    print(f"| store | operation | {' | '.join(heads)} |")
    print(f"|---|---|{'--:|--:|' * len(heads)}")
    for store, operation, costs in rows(options.sessions):
        cells = [f"{cost.seconds:.2f} s | {cost.megabytes:.0f} MB" for cost in costs]
        print(f"| {store} | `{operation}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
