"""LlamaIndex's Memory on sessions: what it flushes is archived, and it works from everywhere."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import BaseMemoryBlock, Memory
from llama_index.core.storage.chat_store.base_db import MessageStatus
from pydantic import Field

from sessionkit_integrations import SessionKitAsyncChatStore, SessionManager
from tests.llama_index.engines import split
from tests.llama_index.samples import assistant, text, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Store
    from tests.backends import StoreMaker
    from tests.servers import Server

ROOT = Path(__file__).parents[2]
CHAT = [kind(text(f"{name} {number}")) for number in range(4) for name, kind in (("q", user), ("a", assistant))]


class Flushed(BaseMemoryBlock[str]):
    """Keeps what leaves the queue."""

    name: str = "flushed"
    texts: list[str] = Field(default_factory=list)

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        return " ".join(self.texts)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        self.texts += [str(message.content) for message in messages]


def memory_of(sessions: SessionManager, *blocks: Flushed, token_limit: int = 1000) -> Memory:
    return Memory.from_defaults(
        session_id="s",
        chat_store=SessionKitAsyncChatStore(sessions=sessions),
        tokenizer_fn=split,
        token_limit=token_limit,
        chat_history_token_ratio=0.5,
        token_flush_size=4,
        memory_blocks=list(blocks),
    )


async def test_messages_over_the_token_limit_are_archived_and_go_to_the_blocks(make_store: StoreMaker) -> None:
    async with SessionManager(1000, make_store()) as sessions:
        flushed = Flushed()
        memory = memory_of(sessions, flushed, token_limit=20)
        for message in CHAT:
            await memory.aput(message)
        archived = await memory.aget_all(MessageStatus.ARCHIVED)
        assert (archived, await memory.aget_all(MessageStatus.ACTIVE)) == (CHAT[:4], CHAT[4:])
        assert flushed.texts == [str(message.content) for message in CHAT[:4]]
        assert await memory.aget_all() == CHAT
        system, *rest = await memory.aget()
        assert (system.role, rest) == ("system", CHAT[4:])
        assert "q 0 a 0 q 1 a 1" in str(system.content)
        # The blocks' marks on flushed messages, and the system message made of them, are not stored.
        assert [each["content"] for each in await sessions.aget_session("s")] == [
            str(each.content) for each in CHAT[4:]
        ]
        assert await memory.aget_all(MessageStatus.ARCHIVED) == CHAT[:4]


async def test_what_the_window_evicts_first_is_archived_but_not_flushed(make_store: StoreMaker) -> None:
    async with SessionManager(2, make_store(archive=True)) as sessions:
        flushed = Flushed()
        memory = memory_of(sessions, flushed)
        await memory.aput_messages(CHAT)
        assert await memory.aget_all(MessageStatus.ARCHIVED) == CHAT[:4]
        assert (await memory.aget(), flushed.texts) == (CHAT[4:], [])


async def test_nothing_is_lost_where_evicting_is_left_to_the_memory() -> None:
    sessions = SessionManager(1)
    flushed = Flushed()
    memory = Memory.from_defaults(
        session_id="s",
        chat_store=SessionKitAsyncChatStore(sessions=sessions, evict=False),
        tokenizer_fn=split,
        token_limit=20,
        chat_history_token_ratio=0.5,
        token_flush_size=4,
        memory_blocks=[flushed],
    )
    for message in CHAT:
        await memory.aput(message)
    active = await memory.aget_all(MessageStatus.ACTIVE)
    assert len(active) == 4
    assert flushed.texts + [str(message.content) for message in active] == [str(each.content) for each in CHAT]


@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize("preamble", [1, 2, 3])
async def test_a_flush_archives_whole_turns_and_never_the_preamble(preamble: int, size: int) -> None:
    """Also where the preamble alone is a flush, and where a long message makes several at once."""
    sessions = SessionManager(1000)
    flushed = Flushed()
    memory = memory_of(sessions, flushed, token_limit=2 * (8 + preamble * size))
    system = [ChatMessage(role="system", content=f"s{number} " * size) for number in range(preamble)]
    await memory.aput_messages(system)
    said = [*CHAT, user(text("long " * 6)), assistant(text("fine then"))]
    for message in said:
        await memory.aput(message)
    active, archived = await memory.aget_all(MessageStatus.ACTIVE), await memory.aget_all(MessageStatus.ARCHIVED)
    assert archived + active[preamble:] == said
    assert active[:preamble] == system
    assert {active[preamble].role, *(message.role for message in archived[:1])} == {"user"}
    assert {str(message.content) for message in archived} <= set(flushed.texts)


def in_this_thread(run: Callable[[], None]) -> None:
    run()


def in_another_thread(run: Callable[[], None]) -> None:
    raised: list[BaseException] = []

    def catch() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - handed over to the test
            raised.append(error)

    thread = threading.Thread(target=catch)
    thread.start()
    thread.join()
    assert raised == []


def use(store: Store) -> None:
    memory = memory_of(SessionManager(1000, store))
    memory.set(CHAT[:2])
    memory.put(CHAT[2])
    memory.put_messages(CHAT[3:])
    assert memory.get() == memory.get_all() == CHAT
    memory.reset()
    assert memory.get_all() == []


@pytest.mark.parametrize("place", [in_this_thread, in_another_thread])
def test_synchronous_methods_work_without_a_running_loop(
    place: Callable[[Callable[[], None]], None], store: Store, own_loop: asyncio.AbstractEventLoop
) -> None:
    place(lambda: use(store))


def test_synchronous_methods_work_in_a_running_loop(redis_server: Server, tmp_path: Path) -> None:
    urls = ["memory://", f"sqlite:///{tmp_path / 'sessions.db'}", redis_server.url]
    # In a process of its own: what LlamaIndex leaves open there would be found by any later test.
    command = [sys.executable, "-m", "tests.llama_index.running_loop", *urls]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603
    assert (done.returncode, done.stdout.split()) == (0, urls), done.stderr


async def test_many_memories_share_a_store_at_once(make_store: StoreMaker) -> None:
    async with SessionManager(1000, make_store()) as sessions:
        store = SessionKitAsyncChatStore(sessions=sessions)
        memories = [
            Memory.from_defaults(session_id=f"s{number}", chat_store=store, tokenizer_fn=split) for number in range(10)
        ]
        await memories[0].aput(CHAT[0])
        await asyncio.gather(*(memory.aset(CHAT[number % 3 :]) for number, memory in enumerate(memories)))
        read = await asyncio.gather(*(memory.aget() for memory in memories))
        assert read == [CHAT[number % 3 :] for number in range(10)]
        assert sorted(await store.get_keys()) == sorted(f"s{number}" for number in range(10))
