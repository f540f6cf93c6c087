"""Us beside other packages, on one server: ``python -m tests.benchmarks``.

It prints a table, and writes it as Markdown and as JSON, with a plot of what reading takes over the length of the
conversation.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import warnings
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import (
    output,
    rows_agents,
    rows_imports,
    rows_load,
    rows_local,
    rows_memory,
    rows_processor,
    rows_redis,
    rows_sealing,
    rows_search,
    rows_turns,
    rows_window,
)
from tests.benchmarks.cores import ANY, APART, PLACES, placed
from tests.benchmarks.setting import FULL, QUICK, Setting, Sizes, start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.benchmarks.lines import Line

ROWS: dict[str, Callable[[Setting], Awaitable[list[Line]]]] = {
    "write": rows_redis.write,
    "read": rows_redis.read,
    "get_session": rows_redis.get_session,
    "processor-write": rows_processor.write,
    "processor-read": rows_processor.read,
    "turns": rows_turns.redis,
    "upstash": rows_turns.upstash,
    "window": rows_window.write,
    "prompt": rows_window.prompt,
    "sealing": rows_sealing.redis,
    "agents": rows_agents.redis,
    "agents-sqlite": rows_agents.sqlite,
    "search": rows_search.redis,
    "search-sqlite": rows_search.sqlite,
    "search-write": rows_search.write,
    "tasks": rows_load.tasks,
    "processes": rows_load.processes,
    "tasks-upstash": rows_load.upstash,
    "sqlite": rows_local.sqlite,
    "memory": rows_local.memory,
    "bytes": rows_memory.bytes_a_message,
    "short": rows_memory.short_sessions,
    "imports": rows_imports.imports,
}


ONE_AT_A_TIME = frozenset(
    {"write", "read", "get_session", "turns", "upstash", "window", "prompt", "sealing", "agents", "search"}
)
"""Rows in which a client waits for each answer."""


async def measure(rows: Sequence[str], sizes: Sizes, place: str) -> tuple[list[Line], dict[str, Any]]:
    """Return the lines of some rows, and what they were measured on.

    Args:
        rows: Some of `ROWS`.
        sizes: How much is measured.
        place: Where clients run that wait for each answer, and the server; see `placed`.
    """
    lines: list[Line] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sessionkit-")))
        setting = start(stack, folder, sizes)
        info: Any = setting.client.info("server")
        ran_on = {**output.machine(info["redis_version"]), "client and server": f"{place} (cores)"}
        for row in rows:
            with placed(place if row in ONE_AT_A_TIME else ANY, info["process_id"]):
                lines += await ROWS[row](setting)
        return lines, ran_on


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"all by default; {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="see that it runs; the figures say nothing")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="what to write to (%(default)s)")
    parser.add_argument("--cores", choices=PLACES, default=APART, help="of client and server (%(default)s)")
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(unknown)}")
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what frameworks say of themselves and of each other
        sizes = QUICK if options.quick else FULL
        lines, ran_on = asyncio.run(measure(options.rows or list(ROWS), sizes, options.cores))
    options.folder.mkdir(parents=True, exist_ok=True)
    text = output.markdown(lines, ran_on)
    (options.folder / "benchmark.md").write_text(text + "\n", encoding="utf-8")
    (options.folder / "benchmark.json").write_text(output.as_json(lines, ran_on) + "\n", encoding="utf-8")
    output.plot(lines, options.folder / "reading.png")
    print(text)
    print(f"\nIt took {time.monotonic() - began:.0f} s, and is in {options.folder}/ as well.")


if __name__ == "__main__":
    main()
