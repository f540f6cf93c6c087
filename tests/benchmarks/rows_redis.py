"""Writing a turn to Redis, and reading the context from there."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.benchmarks import floor, keep_langchain, keep_llama_index, keep_plain
from tests.benchmarks.keep_langchain import on_redis
from tests.benchmarks.lines import Line, Target, Versus, compared, in_microseconds, left_out
from tests.benchmarks.measuring import WARM_UP, contest
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

Figures = dict[str, list[float]]


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
    times = setting.sizes.effort.repetitions + WARM_UP
    floors: dict[Versus, Side] = {
        Versus("a bare RPUSH", WRITE_TO_FLOOR): floor.pushing(client, "floor", written),
        Versus("bare EVALSHA of our script"): floor.evaluating(client, "evalsha", written, times),
    }
    if not is_async:
        floors[Versus("a bare RPUSH for each message")] = floor.pushing_each(client, "floor-each", written)
    keepers = makes(setting, stack, peers)
    for keeper in (ours, *keepers):
        await keeper.fill("s", turns(WINDOW))
    sides = {
        ours.name: ours.writing("s", said),
        **{versus.name: side for versus, side in floors.items()},
        **{keeper.name: keeper.writing("s", said) for keeper in keepers},
    }
    figures = _figures(await contest(sides, setting.sizes.effort))
    rivals = [*floors, *(Versus(keeper.name, WRITE_TO_PEER) for keeper in keepers)]
    return [
        *(compared(WRITE, ours.name, "µs", figures[ours.name], figures[each.name], each) for each in rivals),
        *(left_out(WRITE, peer.name, peer.missing) for peer in peers if peer.missing),
    ]


async def read(setting: Setting) -> list[Line]:
    """Return the lines of reading."""
    setting.client.flushall()
    lengths = setting.sizes.lengths
    said = turns(lengths[-1])
    async with AsyncExitStack() as stack:
        sessions = on_redis(setting, stack)
        ours = [
            make(sessions)
            for make in (
                keep_langchain.ours,
                keep_llama_index.ours,
                keep_langchain.ours_async,
                keep_llama_index.ours_async,
            )
        ]
        full, windowed = makes(setting, stack, FULL_READERS), makes(setting, stack, WINDOW_READERS)
        clients = (floor.sync_client(setting, stack), floor.async_client(setting, stack))
        bare, bare_async = (floor.ranging(client, "long") for client in clients)
        await ours[0].fill("short", said[: lengths[0]])
        lines: list[Line] = []
        before = 0
        for length in lengths:
            for keeper in (ours[0], *full, *windowed):
                await keeper.fill("long", said[before:length])
            before = length
            # Apart from what takes long, and leaves the caches cold for whoever comes next.
            fast: dict[str, Side] = {
                "a bare LRANGE": bare,
                "a bare LRANGE, async": bare_async,
                **{keeper.name: keeper.reading("long") for keeper in (*ours, *windowed)},
            }
            slow = {keeper.name: keeper.reading("long") for keeper in full}
            figures = _figures(await contest(fast, setting.sizes.effort) | await contest(slow, setting.sizes.effort))
            lines += _read_lines(length, figures, ours, full, windowed)
        for keeper in ours[:2]:
            lines.append(await _flat(setting, keeper))
    missing = [peer for peer in (*FULL_READERS, *WINDOW_READERS) if peer.missing]
    return [*lines, *(left_out(READ, peer.name, peer.missing) for peer in missing)]


def _read_lines(
    length: int, figures: Figures, ours: Sequence[Keeper], full: Sequence[Keeper], windowed: Sequence[Keeper]
) -> list[Line]:
    def line(keeper: Keeper, versus: Versus) -> Line:
        what = f"{keeper.name}, after {length:,} turns"
        made = compared(READ, what, "µs", figures[keeper.name], figures[versus.name], versus)
        return replace(made, keeper=keeper.name, turns=length)

    langchain, llama_index, langchain_async, llama_index_async = ours
    target = READ_TO_PEER if length == PEERS_AT else None
    of_langchain = [keeper for keeper in full if keeper.name != keep_llama_index.REDIS.name]
    return [
        line(langchain, Versus("a bare LRANGE", READ_TO_FLOOR)),
        line(langchain_async, Versus("a bare LRANGE, async", READ_TO_FLOOR)),
        *(line(langchain, Versus(keeper.name, target)) for keeper in of_langchain),
        line(llama_index, Versus("a bare LRANGE", READ_TO_FLOOR)),
        line(llama_index_async, Versus("a bare LRANGE, async", READ_TO_FLOOR)),
        *(line(llama_index, Versus(keeper.name, target)) for keeper in full if keeper not in of_langchain),
        *(line(langchain_async, Versus(keeper.name, note="reads the last 20 messages")) for keeper in windowed),
    ]


async def _flat(setting: Setting, ours: Keeper) -> Line:
    lengths = setting.sizes.lengths
    times = await contest({name: ours.reading(name) for name in ("long", "short")}, setting.sizes.effort)
    figures = _figures(times)
    what = f"{ours.name}, after {lengths[-1]:,} turns"
    versus = Versus(f"itself after {lengths[0]:,} turns", LONG_TO_SHORT)
    return compared(READ, what, "µs", figures["long"], figures["short"], versus)


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
        sides: dict[str, Side] = {keeper.name: keeper.reading("s") for keeper in (ours, ours_async, theirs)}
        sides["a bare LRANGE, async"] = floor.ranging(floor.async_client(setting, stack), "s")
        figures = _figures(await contest(sides, setting.sizes.effort))
    what = f"after {len(said):,} turns"
    versus = Versus(theirs.name, Target("≤", 1.0))
    return [
        *(
            compared(GET_SESSION, f"{keeper.name}, {what}", "µs", figures[keeper.name], figures[theirs.name], versus)
            for keeper in (ours_async, ours)
        ),
        compared(
            GET_SESSION,
            f"{ours_async.name}, {what}",
            "µs",
            figures[ours_async.name],
            figures["a bare LRANGE, async"],
            Versus("a bare LRANGE, async"),
        ),
    ]


def _figures(times: dict[str, list[float]]) -> Figures:
    return {name: in_microseconds(each) for name, each in times.items()}
