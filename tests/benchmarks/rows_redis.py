"""Writing a turn to Redis, and reading the context from there."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.benchmarks import floor, keep_langchain, keep_llama_index, keep_plain
from tests.benchmarks.keep_langchain import on_redis
from tests.benchmarks.lines import Line, Target, Versus, left_out, timed
from tests.benchmarks.measuring import WARM_UP, in_turn
from tests.benchmarks.setting import WINDOW, turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.keeping import Keeper, Peer
    from tests.benchmarks.measuring import Side
    from tests.benchmarks.setting import Setting

WRITE = "Redis: write a turn"
READ = "Redis: read the context"
GET_SESSION = "Redis: get_session of 20 messages"

WRITE_TO_FLOOR = Target("≤", 1.35)
WRITE_TO_PEER = Target("≤", 0.6)
READ_TO_FLOOR = Target("≤", 1.7)
READ_TO_PEER = Target("≤", 1 / 50)
LONG_TO_SHORT = Target("≤", 1.15)
PEERS_AT = 1_000
"""After how many turns a read is compared with a target to those of peers who read everything."""

FULL_READERS: tuple[Peer, ...] = (*keep_langchain.PEERS, keep_llama_index.REDIS)
WINDOW_READERS: tuple[Peer, ...] = (keep_plain.REDIS_SESSION, keep_plain.REDISVL)

LONG, SHORT = "long", "short"
"""Sessions that are read."""


def makes(setting: Setting, stack: AsyncExitStack, peers: Sequence[Peer]) -> list[Keeper]:
    """Return the keepers of those peers that are installed."""
    return [peer.make(setting, stack) for peer in peers if not peer.missing]


async def write(setting: Setting) -> list[Line]:
    """Return the lines of writing."""
    lines: list[Line] = []
    for ours, peers, is_async in (
        (keep_langchain.ours, (*keep_langchain.PEERS, keep_plain.REDISVL), False),
        (keep_langchain.ours_async, (keep_plain.REDIS_SESSION,), True),
        (keep_llama_index.ours, (keep_llama_index.REDIS,), False),
        (keep_llama_index.ours_async, (keep_llama_index.REDIS_ASYNC, keep_plain.REDIS_SESSION), True),
    ):
        async with AsyncExitStack() as stack:
            keeper = ours(on_redis(setting, stack))
            lines += await _write(setting, stack, keeper, peers, is_async=is_async)
    return lines


async def _write(
    setting: Setting, stack: AsyncExitStack, ours: Keeper, peers: Sequence[Peer], *, is_async: bool
) -> list[Line]:
    setting.client.flushall()
    said = turns(100)
    written = floor.records(setting, said)
    floor.load_script(setting)
    client = floor.async_client(setting, stack) if is_async else floor.sync_client(setting, stack)
    names = [f"s{number}" for number in range(setting.sizes.written)]
    times = setting.sizes.effort.repetitions + WARM_UP
    filler, evaluated = keep_plain.ours(on_redis(setting, stack)), [f"evalsha-{name}" for name in names]
    keepers = makes(setting, stack, peers)
    for keeper in (ours, *keepers):
        for name in names:
            await keeper.fill(name, turns(2 * WINDOW))
    for name in evaluated:
        await filler.fill(name, turns(2 * WINDOW))
    floors: dict[Versus, Side] = {
        Versus("a bare RPUSH", WRITE_TO_FLOOR): in_turn([floor.pushing(client, name, written) for name in names]),
        Versus("bare EVALSHA of our script"): floor.evaluating(client, evaluated, written, times),
    }
    if not is_async:
        each = [floor.pushing_each(client, f"each-{name}", written) for name in names]
        floors[Versus("a bare RPUSH for each message")] = in_turn(each)

    def writing(keeper: Keeper) -> Side:
        return in_turn([keeper.writing(name, said) for name in names])

    effort = setting.sizes.effort
    lines = await timed(WRITE, ours.name, writing(ours), floors, effort)
    for keeper in keepers:
        rival = {Versus(keeper.name, WRITE_TO_PEER): writing(keeper)}
        lines += await timed(WRITE, ours.name, writing(ours), rival, effort)
    return [*lines, *(left_out(WRITE, peer.name, peer.missing) for peer in peers if peer.missing)]


async def read(setting: Setting) -> list[Line]:
    """Return the lines of reading."""
    setting.client.flushall()
    lengths = setting.sizes.lengths
    said = turns(lengths[-1])
    async with AsyncExitStack() as stack:
        sessions = on_redis(setting, stack)
        filler = keep_plain.ours(sessions)
        full, windowed = makes(setting, stack, FULL_READERS), makes(setting, stack, WINDOW_READERS)
        bare = {
            False: floor.ranging(floor.sync_client(setting, stack), LONG),
            True: floor.ranging(floor.async_client(setting, stack), LONG),
        }
        await filler.fill(SHORT, said[: lengths[0]])
        lines: list[Line] = []
        for before, length in zip((0, *lengths), lengths, strict=False):
            for keeper in (filler, *full, *windowed):
                await keeper.fill(LONG, said[before:length])
            for ours in (
                keep_langchain.ours(sessions),
                keep_langchain.ours_async(sessions),
                keep_llama_index.ours(sessions),
                keep_llama_index.ours_async(sessions),
            ):
                floored = {Versus(f"a bare LRANGE{', async' * ours.is_async}", READ_TO_FLOOR): bare[ours.is_async]}
                contests = [floored, *_rivals(ours, length, full, windowed)]
                for others in contests:
                    what = f"{ours.name}, after {length:,} turns"
                    measured = await timed(READ, what, ours.reading(LONG), others, setting.sizes.effort)
                    lines += [replace(line, keeper=ours.name, turns=length) for line in measured]
        lines += [
            line
            for ours in (keep_langchain.ours(sessions), keep_llama_index.ours(sessions))
            for line in await timed(
                READ,
                f"{ours.name}, after {lengths[-1]:,} turns",
                ours.reading(LONG),
                {Versus(f"itself after {lengths[0]:,} turns", LONG_TO_SHORT): ours.reading(SHORT)},
                setting.sizes.effort,
            )
        ]
    missing = [peer for peer in (*FULL_READERS, *WINDOW_READERS) if peer.missing]
    return [*lines, *(left_out(READ, peer.name, peer.missing) for peer in missing)]


def _rivals(ours: Keeper, length: int, full: Sequence[Keeper], windowed: Sequence[Keeper]) -> list[dict[Versus, Side]]:
    """Return whom one of ours is measured beside: each peer once, by the one of ours that is most like it."""
    if ours.name == "ours, LangChain, async":
        note = "reads the last 20 messages"
        return [{Versus(keeper.name, note=note): keeper.reading(LONG)} for keeper in windowed]
    of_llama_index = {"ours, LangChain": False, "ours, LlamaIndex": True}.get(ours.name)
    target = READ_TO_PEER if length == PEERS_AT else None
    return [
        {Versus(keeper.name, target): keeper.reading(LONG)}
        for keeper in full
        if (keeper.name == keep_llama_index.REDIS.name) is of_llama_index
    ]


async def get_session(setting: Setting) -> list[Line]:
    """Return the lines of reading plain messages."""
    setting.client.flushall()
    peer = keep_plain.REDIS_SESSION
    if peer.missing:
        return [left_out(GET_SESSION, peer.name, peer.missing)]
    said = turns(min(PEERS_AT, setting.sizes.lengths[-1]))
    async with AsyncExitStack() as stack:
        sessions = on_redis(setting, stack)
        ours, ours_async, theirs = (
            keep_plain.ours(sessions),
            keep_plain.ours_async(sessions),
            peer.make(setting, stack),
        )
        for keeper in (ours, theirs):
            await keeper.fill("s", said)
        what, effort = f"after {len(said):,} turns", setting.sizes.effort
        bare = floor.ranging(floor.async_client(setting, stack), "s")
        lines: list[Line] = []
        for keeper in (ours_async, ours):
            rival = {Versus(theirs.name, Target("≤", 1.0)): theirs.reading("s")}
            lines += await timed(GET_SESSION, f"{keeper.name}, {what}", keeper.reading("s"), rival, effort)
        bare_too = {Versus("a bare LRANGE, async"): bare}
        return lines + await timed(GET_SESSION, f"{ours_async.name}, {what}", ours_async.reading("s"), bare_too, effort)
