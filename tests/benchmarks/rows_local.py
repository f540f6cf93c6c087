"""SQLite, by one and by several at once, and the memory of the process."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore

from sessionkit_integrations import SessionKitAsyncChatStore, SessionManager, SQLiteStore
from tests.benchmarks import keep_llama_index, keep_plain
from tests.benchmarks.keeping import missing
from tests.benchmarks.lines import Line, Target, Versus, compared, in_microseconds, left_out
from tests.benchmarks.measuring import WARM_UP, contest, repeated
from tests.benchmarks.setting import WINDOW, turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.keeping import Keeper
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting

SQLITE = "SQLite: write and read a turn"
MEMORY = "memory store"
AHEAD = Target("<", 1.0)
FLAT = Target("≥", 1 / 1.15)
LENGTH = 100
"""Turns of a conversation in SQLite."""

EACH = 10
"""Operations that each of several does in a block."""

MANY = 100
"""Operations on memory that are timed together."""


async def sqlite(setting: Setting) -> list[Line]:
    """Return the lines of SQLite."""
    async with AsyncExitStack() as stack:
        sessions = SessionManager(WINDOW, SQLiteStore(setting.folder / "ours.db"))
        stack.push_async_callback(sessions.aclose)
        lines: list[Line] = []
        ours = [keep_plain.ours(sessions), keep_plain.ours_async(sessions)]
        theirs: list[Keeper] = []
        if keep_plain.SQLITE_SESSION.missing:
            lines.append(left_out(SQLITE, keep_plain.SQLITE_SESSION.name, keep_plain.SQLITE_SESSION.missing))
        else:
            theirs.append(keep_plain.SQLITE_SESSION.make(setting, stack))
        lines += await _sqlite(setting, ours, theirs)
        memory = keep_llama_index.memory("ours, Memory", SessionKitAsyncChatStore(sessions=sessions), 1)
        name = "Memory on SQLAlchemyChatStore"
        if absent := missing(("aiosqlite",)):
            return [*lines, left_out(SQLITE, name, absent)]
        store = SQLAlchemyChatStore("turns", f"sqlite+aiosqlite:///{setting.folder / 'sqlalchemy.db'}")
        # It makes its tables when it is first used, which several must not do at once.
        await store.get_messages("first")
        if store._async_engine is not None:
            stack.push_async_callback(store._async_engine.dispose)
        return lines + await _sqlite(setting, [memory], [keep_llama_index.memory(name, store)])


async def _sqlite(setting: Setting, ours: Sequence[Keeper], theirs: Sequence[Keeper]) -> list[Line]:
    lines: list[Line] = []
    count = setting.sizes.threads
    said = turns(min(LENGTH, setting.sizes.lengths[-1]))
    for keeper in (*ours, *theirs):
        for number in range(count):
            await keeper.fill(f"{keeper.name}-{number}", said)
    with ThreadPoolExecutor(count) as pool:
        for at_once in (1, count):
            for verb in ("write", "read"):
                sides = {keeper.name: _at_once(pool, keeper, verb, at_once) for keeper in (*ours, *theirs)}
                times = await contest(sides, setting.sizes.blocks)
                figures = {
                    name: [seconds / (at_once * EACH) for seconds in in_microseconds(each)]
                    for name, each in times.items()
                }
                for keeper in ours:
                    kind = "task" if keeper.is_async else "thread"
                    what = f"{keeper.name}, {verb}, {at_once} {kind}{'s' * (at_once > 1)}"
                    lines += [
                        compared(SQLITE, what, "µs", figures[keeper.name], figures[peer.name], Versus(peer.name, AHEAD))
                        for peer in theirs
                    ]
    return lines


def _at_once(pool: ThreadPoolExecutor, keeper: Keeper, verb: str, number: int) -> Side:
    """Return what has a number of threads, or tasks where the keeper is asynchronous, each do some operations."""
    said = turns(EACH)
    sides = [
        keeper.writing(f"{keeper.name}-{index}", said) if verb == "write" else keeper.reading(f"{keeper.name}-{index}")
        for index in range(number)
    ]

    def thread(side: Side) -> None:
        for _ in range(EACH):
            side()

    async def task(side: Side) -> None:
        for _ in range(EACH):
            await side()

    async def tasks() -> None:
        await asyncio.gather(*map(task, sides))

    return tasks if keeper.is_async else lambda: list(pool.map(thread, sides))


async def memory(setting: Setting) -> list[Line]:
    """Return the lines of the memory store."""
    shortest, *_, longest = setting.sizes.lengths
    said = turns(MANY)
    ours = keep_plain.ours(SessionManager(WINDOW))
    await ours.fill("long", turns(longest))
    # One for each time, as writing makes them longer.
    short = [f"short-{number}" for number in range(setting.sizes.effort.repetitions + WARM_UP)]
    for session_id in short:
        await ours.fill(session_id, turns(shortest))
    fresh = [repeated(ours.writing(session_id, said), MANY) for session_id in short]

    def write_to_another() -> None:
        fresh.pop()()

    writing = {"long": repeated(ours.writing("long", said), MANY), "short": write_to_another}
    await ours.fill("read", turns(shortest))
    reading = {"long": repeated(ours.reading("long"), MANY), "short": repeated(ours.reading("read"), MANY)}
    lines: list[Line] = []
    for verb, sides in (("write", writing), ("read", reading)):
        times = await contest(sides, setting.sizes.effort)
        rates = {name: [MANY / seconds for seconds in each] for name, each in times.items()}
        versus = Versus(f"itself, after {shortest:,} turns", FLAT)
        what = f"ours, plain, {verb}, after {longest:,} turns"
        lines.append(compared(MEMORY, what, "operations/s", rates["long"], rates["short"], versus))
    return lines
