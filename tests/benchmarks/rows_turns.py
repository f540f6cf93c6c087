"""Whole turns on Redis and on Upstash."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore

from sessionkit_integrations import (
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    UpstashStore,
)
from tests.benchmarks import keep_langchain, keep_llama_index
from tests.benchmarks.keep_langchain import on_redis
from tests.benchmarks.keeping import missing
from tests.benchmarks.lines import Line, Target, Versus, counted, left_out, timed
from tests.benchmarks.monitor import Commands, commands_of
from tests.benchmarks.setting import WINDOW
from tests.benchmarks.taking import Turn, async_engine_turn, chain_turn, engine_turn, graph_turn
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.setting import Setting

REDIS = "Redis: a whole turn"
UPSTASH = "Upstash REST: a whole turn"
BELOW = Target("<", 1.0)
MOST_REQUESTS = Target("≤", 2)
MOST_BILLED = Target("≤", 6)


async def redis(setting: Setting) -> list[Line]:
    """Return the lines of turns on Redis."""
    setting.client.flushall()
    async with AsyncExitStack() as stack:
        sessions = on_redis(setting, stack)
        chains = [chain_turn("ours, RunnableWithMessageHistory", SessionKitChatMessageHistory.factory(sessions))]
        lines: list[Line] = []
        for peer, histories in (
            (keep_langchain.COMMUNITY, keep_langchain.community_histories),
            (keep_langchain.LANGCHAIN_REDIS, keep_langchain.langchain_redis_histories),
        ):
            if peer.missing:
                lines.append(left_out(REDIS, peer.name, peer.missing))
            else:
                chains.append(chain_turn(peer.name, histories(setting, stack)))
        if keep_langchain.LANGGRAPH.missing:
            lines.append(left_out(REDIS, keep_langchain.LANGGRAPH.name, keep_langchain.LANGGRAPH.missing))
        else:
            chains.append(graph_turn(setting, stack))
        lines += await _times(setting, chains)
        engines = [engine_turn("ours, SimpleChatEngine", SessionKitChatStore(sessions=sessions))]
        if keep_llama_index.REDIS.missing:
            lines.append(left_out(REDIS, keep_llama_index.REDIS.name, keep_llama_index.REDIS.missing))
        else:
            store = keep_llama_index.redis_chat_store(setting, stack)
            engines.append(engine_turn(keep_llama_index.REDIS.name, store))
        lines += await _times(setting, engines)
        memories = [async_engine_turn("ours, SimpleChatEngine on Memory", SessionKitAsyncChatStore(sessions=sessions))]
        if absent := missing(("aiosqlite",)):
            lines.append(left_out(REDIS, "Memory on SQLAlchemyChatStore", absent))
        else:
            sql = SQLAlchemyChatStore("turns", f"sqlite+aiosqlite:///{setting.folder / 'turns.db'}")
            memories.append(async_engine_turn("Memory on SQLAlchemyChatStore", sql))
            stack.push_async_callback(_dispose, sql)
        return lines + await _times(setting, memories, commands=False)


async def _dispose(store: SQLAlchemyChatStore) -> None:
    if store._async_engine is not None:
        await store._async_engine.dispose()


async def _times(setting: Setting, turns_taken: Sequence[Turn], *, commands: bool = True) -> list[Line]:
    ours, *theirs = turns_taken
    counts = await _counts(setting, turns_taken)
    lines = [_of_ours(REDIS, ours, counts)]
    for turn in theirs:
        if commands:
            lines.append(
                counted(
                    REDIS,
                    ours.name,
                    "commands sent",
                    counts[ours.name].sent.total(),
                    counts[turn.name].sent.total(),
                    Versus(turn.name, BELOW, str(counts[turn.name])),
                )
            )
        rival = {Versus(turn.name, BELOW): turn.take}
        lines += await timed(REDIS, ours.name, ours.take, rival, setting.sizes.whole)
    return lines


def _of_ours(row: str, ours: Turn, counts: Mapping[str, Commands]) -> Line:
    commands = counts[ours.name]
    return Line(row, ours.name, "commands sent", commands.sent.total(), note=str(commands))


async def _counts(setting: Setting, turns_taken: Sequence[Turn]) -> dict[str, Commands]:
    """Return the commands of a turn of each, when its window is full."""
    counts = {}
    for turn in turns_taken:
        for _ in range(WINDOW + 1):
            await commands_of(setting.client, turn.take)
        counts[turn.name] = await commands_of(setting.client, turn.take)
    return counts


async def upstash(setting: Setting) -> list[Line]:
    """Return the lines of turns on Upstash."""
    setting.client.flushall()
    async with AsyncExitStack() as stack:
        sessions = SessionManager(WINDOW, UpstashStore(setting.upstash.url, TOKEN))
        stack.push_async_callback(sessions.aclose)
        chains = [chain_turn("ours, RunnableWithMessageHistory", SessionKitChatMessageHistory.factory(sessions))]
        lines: list[Line] = []
        if keep_langchain.COMMUNITY.missing:
            lines.append(left_out(UPSTASH, keep_langchain.COMMUNITY.name, keep_langchain.COMMUNITY.missing))
        else:
            chains.append(chain_turn("langchain-community, Upstash", keep_langchain.upstash_histories(setting, stack)))
        engines = [engine_turn("ours, SimpleChatEngine", SessionKitChatStore(sessions=sessions))]
        if absent := missing(keep_llama_index.UPSTASH_PACKAGES):
            lines.append(left_out(UPSTASH, "UpstashChatStore", absent))
        else:
            store = keep_llama_index.upstash_chat_store(setting, stack)
            engines.append(engine_turn("UpstashChatStore", store))
        return [*lines, *await _requests(setting, chains), *await _requests(setting, engines)]


async def _requests(setting: Setting, turns_taken: Sequence[Turn]) -> list[Line]:
    ours, *theirs = turns_taken
    counts = await _counts(setting, turns_taken)
    requests: dict[str, int] = {}
    for turn in turns_taken:
        before = setting.upstash.requests
        turn.take()
        requests[turn.name] = setting.upstash.requests - before
    billed = {name: each.billed for name, each in counts.items()}
    lines = [
        Line(UPSTASH, ours.name, "HTTP requests", requests[ours.name], target=MOST_REQUESTS),
        Line(
            UPSTASH,
            ours.name,
            "commands billed",
            billed[ours.name],
            target=MOST_BILLED,
            note=str(counts[ours.name]),
        ),
    ]
    for turn in theirs:
        versus, noted = Versus(turn.name, BELOW), Versus(turn.name, BELOW, str(counts[turn.name]))
        lines += [
            counted(UPSTASH, ours.name, "HTTP requests", requests[ours.name], requests[turn.name], versus),
            counted(UPSTASH, ours.name, "commands billed", billed[ours.name], billed[turn.name], noted),
            *await timed(UPSTASH, ours.name, ours.take, {versus: turn.take}, setting.sizes.whole),
        ]
    return lines
