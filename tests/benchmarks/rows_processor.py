"""The client's own processor time, which a busy machine changes less than the time on a clock."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tests.benchmarks import floor, keep_langchain, keep_plain
from tests.benchmarks.keep_langchain import on_redis
from tests.benchmarks.lines import Line, Target, Versus, compared, left_out
from tests.benchmarks.measuring import WARM_UP, contest, in_turn, processor_seconds, repeated
from tests.benchmarks.setting import WINDOW, turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.keeping import Keeper
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting

WRITE = "Redis: processor time of the client, to write a turn"
READ = "Redis: processor time of the client, to read 20 messages"
READ_IN = "s0"

WRITE_TARGETS = {("ours, plain", "a bare RPUSH"): Target("≤", 1.5)}
READ_TARGETS = {"ours, plain": Target("≤", 1.5), "ours, LangChain": Target("≤", 1.8)}
WRITE_TO_PEER = Target("≤", 0.8)


async def write(setting: Setting) -> list[Line]:
    """Return the lines of writing."""
    setting.client.flushall()
    said, names = turns(100), [f"s{number}" for number in range(setting.sizes.written)]
    written = floor.records(setting, said)
    peer = keep_langchain.COMMUNITY
    async with AsyncExitStack() as stack:
        sessions = on_redis(setting, stack)
        ours = [keep_plain.ours(sessions), keep_langchain.ours(sessions)]
        theirs = [] if peer.missing else [peer.make(setting, stack)]
        for name in names:
            await ours[0].fill(name, turns(WINDOW))

        def writing(keeper: Keeper) -> Side:
            return in_turn([keeper.writing(name, said) for name in names])

        client = floor.sync_client(setting, stack)
        floor.load_script(setting)
        times = (setting.sizes.processor.repetitions + WARM_UP) * setting.sizes.operations
        bare = {
            "a bare RPUSH": in_turn([floor.pushing(client, f"bare-{name}", written) for name in names]),
            "bare EVALSHA of our script": floor.evaluating(
                client, [f"evalsha-{name}" for name in names], written, times
            ),
        }
        figures = await _measure(setting, bare | {keeper.name: writing(keeper) for keeper in (*ours, *theirs)})
    lines = [
        _line(WRITE, keeper.name, figures, other, WRITE_TARGETS.get((keeper.name, other)))
        for keeper in ours
        for other in bare
    ]
    lines += [_line(WRITE, ours[1].name, figures, keeper.name, WRITE_TO_PEER) for keeper in theirs]
    return [*lines, *([left_out(WRITE, peer.name, peer.missing)] if peer.missing else [])]


async def read(setting: Setting) -> list[Line]:
    """Return the lines of reading."""
    setting.client.flushall()
    async with AsyncExitStack() as stack:
        sessions = on_redis(setting, stack)
        ours = [keep_plain.ours(sessions), keep_langchain.ours(sessions)]
        await ours[0].fill(READ_IN, turns(WINDOW))
        bare = floor.ranging(floor.sync_client(setting, stack), READ_IN)
        sides = {"a bare LRANGE": bare, **{keeper.name: keeper.reading(READ_IN) for keeper in ours}}
        figures = await _measure(setting, sides)
    return [_line(READ, keeper.name, figures, "a bare LRANGE", READ_TARGETS[keeper.name]) for keeper in ours]


async def _measure(setting: Setting, sides: Mapping[str, Side]) -> dict[str, list[float]]:
    """Return microseconds of an operation, of blocks of many."""
    each = setting.sizes.operations
    blocks = {name: repeated(side, each) for name, side in sides.items()}
    times = await contest(blocks, setting.sizes.processor, processor_seconds)
    return {name: [seconds / each * 1e6 for seconds in figures] for name, figures in times.items()}


def _line(row: str, what: str, figures: Mapping[str, list[float]], other: str, target: Target | None) -> Line:
    return compared(row, what, "µs", figures[what], figures[other], Versus(other, target))
