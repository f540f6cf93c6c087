"""SessionKitMemory: what leaves the session, by turns or by tokens, is handed to the memory blocks, once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.memory import Memory
from llama_index.core.storage.chat_store.base_db import MessageStatus

import sessionkit_integrations.llama_index
from sessionkit_integrations import InMemoryStore, SessionKitMemory, SessionManager, StoreError
from sessionkit_integrations.window.open_calls import INTERRUPTED
from tests.llama_index.engines import ENGINES, Ears, achat, chat, make_engine, split
from tests.llama_index.samples import assistant, text, user
from tests.llama_index.test_memory import CHAT, Flushed, in_another_thread, in_this_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Store
    from tests.backends import StoreMaker


def memory_of(sessions: SessionManager, *blocks: Flushed, session_id: str = "s", **options: Any) -> SessionKitMemory:
    return SessionKitMemory.from_defaults(
        session_id=session_id, sessions=sessions, tokenizer_fn=split, memory_blocks=list(blocks), **options
    )


def by_tokens(limit: int, flush: int = 1) -> dict[str, Any]:
    return {"token_limit": limit, "chat_history_token_ratio": 1.0, "token_flush_size": flush}


def texts(messages: list[ChatMessage]) -> list[str]:
    return [str(message.content) for message in messages]


def test_it_is_exported_by_the_package_and_by_its_room() -> None:
    assert sessionkit_integrations.llama_index.SessionKitMemory is SessionKitMemory
    assert issubclass(SessionKitMemory, Memory)


@pytest.mark.parametrize("archive", [True, False])
async def test_messages_that_leave_by_turns_are_handed_over_and_archived(archive: bool, make_store: StoreMaker) -> None:
    async with SessionManager(2, make_store(archive=archive)) as sessions:
        flushed = Flushed()
        memory = memory_of(sessions, flushed)
        for message in CHAT[:5]:
            await memory.aput(message)
        assert flushed.texts == texts(CHAT[:2])
        await memory.aput_messages(CHAT[5:])
        assert flushed.texts == texts(CHAT[:4])
        assert await memory.aget_all(MessageStatus.ACTIVE) == CHAT[4:]
        assert await memory.aget_all(MessageStatus.ARCHIVED) == (CHAT[:4] if archive else [])
        system, *rest = await memory.aget()
        assert (system.role, rest) == ("system", CHAT[4:])
        assert "q 0 a 0 q 1 a 1" in str(system.content)


async def test_what_leaves_by_tokens_is_handed_over(make_store: StoreMaker) -> None:
    async with SessionManager(1000, make_store(archive=True)) as sessions:
        flushed = Flushed()
        memory = memory_of(sessions, flushed, **by_tokens(10))  # each message has two
        for number, message in enumerate(CHAT):
            await memory.aput(message)
            assert len(flushed.texts) == max(0, (number - 3) // 2 * 2)
        assert flushed.texts == texts(CHAT[:4])
        assert await memory.aget_all() == CHAT
        assert texts(await memory.aget_all(MessageStatus.ACTIVE)) == texts(CHAT[4:])


async def test_at_least_the_flush_size_leaves_at_once() -> None:
    flushed = Flushed()
    memory = memory_of(SessionManager(1000), flushed, **by_tokens(16, flush=5))
    await memory.aput_messages(CHAT)
    await memory.aput(user(text("q 4")))
    assert flushed.texts == texts(CHAT[:4])


async def test_the_preamble_and_the_current_turn_never_leave() -> None:
    sessions = SessionManager(2, InMemoryStore(archive=True))
    sessions.set_system_message("s", "Never give legal advice. " * 5)
    sessions.add_system_message("s", "A summary of what was said before. " * 5)
    flushed = Flushed()
    memory = memory_of(sessions, flushed, **by_tokens(10))
    for message in [*CHAT, user(text("long " * 50)), assistant(text("long " * 50))]:
        await memory.aput(message)
        assert [each.role for each in await memory.aget_all(MessageStatus.ACTIVE)][:3] == ["system", "system", "user"]
    assert flushed.texts == texts(CHAT)
    assert [message["role"] for message in sessions.get_session("s")] == ["system", "system", "user", "assistant"]
    assert {message["role"] for message in sessions.get_archive("s")} == {"user", "assistant"}


async def test_what_another_writer_left_outside_of_the_window_is_handed_over() -> None:
    store = InMemoryStore(archive=True)
    await memory_of(SessionManager(1000, store)).aput_messages(CHAT)
    flushed = Flushed()
    memory = memory_of(SessionManager(2, store), flushed)
    assert texts(await memory.aget_all(MessageStatus.ACTIVE)) == texts(CHAT[4:])
    await memory.aput(user(text("q 4")))
    assert flushed.texts == texts(CHAT[:6])
    assert texts(await memory.aget_all(MessageStatus.ARCHIVED)) == texts(CHAT[:6])


async def test_of_many_writers_at_once_one_hands_each_message_over(make_store: StoreMaker) -> None:
    async with SessionManager(3, make_store(archive=True)) as sessions:
        flushed = Flushed()
        memories = [memory_of(sessions, flushed) for _ in range(8)]
        said = [user(text(f"q {number}")) for number in range(40)]
        for start in range(0, 40, 8):
            await asyncio.gather(*(memory.aput(said[start + at]) for at, memory in enumerate(memories)))
        kept = texts(await memories[0].aget_all(MessageStatus.ACTIVE))
        assert len(kept) == 3
        assert sorted(flushed.texts + kept) == sorted(texts(said))
        assert sorted(texts(await memories[0].aget_all(MessageStatus.ARCHIVED))) == sorted(flushed.texts)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    roles=st.lists(st.sampled_from(["user", "assistant", "system"]), max_size=30),
    turns=st.integers(1, 6),
    limit=st.integers(1, 20),
    flush=st.integers(1, 20),
    batch=st.integers(1, 5),
)
async def test_each_message_is_in_the_session_or_was_heard_once(
    roles: list[str], turns: int, limit: int, flush: int, batch: int
) -> None:
    flushed = Flushed()
    sessions = SessionManager(turns, InMemoryStore(archive=True))
    memory = memory_of(sessions, flushed, **by_tokens(limit, flush))
    said = [ChatMessage(role=role, content=str(number)) for number, role in enumerate(roles)]
    for start in range(0, len(said), batch):
        await memory.aput_messages(said[start : start + batch])
    active, archived = await memory.aget_all(MessageStatus.ACTIVE), await memory.aget_all(MessageStatus.ARCHIVED)
    assert flushed.texts == texts(archived)
    assert sorted(texts(archived + active), key=int) == texts(said)
    preamble = next((index for index, role in enumerate(roles) if role != "system"), len(roles))
    assert texts(active)[:preamble] == texts(said)[:preamble]
    rest = active[preamble:]
    assert len(rest) <= 1 or rest[0].role == "user" or not archived
    more_than_a_turn = sum(message.role == "user" for message in rest[1:]) > 0
    assert len(active) <= limit or not more_than_a_turn


async def test_setting_the_whole_history_each_time_hands_nothing_over_twice() -> None:
    sessions = SessionManager(2, InMemoryStore(archive=True))
    flushed = Flushed()
    memory = memory_of(sessions, flushed, **by_tokens(1000))
    for turn in range(1, 5):
        await memory.aset(CHAT[: 2 * turn])
        await memory.aput(user(text(f"q {turn}")))
        await memory.aput(assistant(text(f"said otherwise {turn}")))
    assert flushed.texts == texts(CHAT[:6])
    assert texts(await memory.aget_all(MessageStatus.ARCHIVED)) == texts(CHAT[:6])


async def test_a_history_that_is_given_first_leaves_as_any_other() -> None:
    flushed = Flushed()
    sessions = SessionManager(2, InMemoryStore(archive=True))
    memory = memory_of(sessions, flushed)
    await memory.aset(CHAT)
    assert flushed.texts == texts(CHAT[:4])
    assert await memory.aget_all(MessageStatus.ACTIVE) == CHAT[4:]
    await memory.aset([])
    assert await memory.aget_all(MessageStatus.ACTIVE) == []
    await memory.areset()
    assert await memory.aget_all() == []


@pytest.mark.parametrize("place", [in_this_thread, in_another_thread])
def test_synchronous_methods(
    place: Callable[[Callable[[], None]], None], store: Store, own_loop: asyncio.AbstractEventLoop
) -> None:
    def use() -> None:
        flushed = Flushed()
        memory = memory_of(SessionManager(2, store), flushed, chat_history=CHAT[:4])
        memory.put(CHAT[4])
        memory.put_messages(CHAT[5:])
        assert memory.get()[1:] == memory.get_all(MessageStatus.ACTIVE) == CHAT[4:]
        assert flushed.texts == texts(CHAT[:4])
        memory.reset()
        assert memory.get_all() == []

    place(use)


class Failing(Flushed):
    async def _aput(self, messages: list[ChatMessage]) -> None:
        raise OSError("the model is away")


async def test_what_a_block_raises_is_raised_and_the_message_is_stored() -> None:
    sessions = SessionManager(1, InMemoryStore(archive=True))
    memory = memory_of(sessions, Failing())
    await memory.aput(CHAT[0])
    with pytest.raises(OSError, match="away"):
        await memory.aput(CHAT[2])
    assert texts(await memory.aget_all()) == ["q 0", "q 1"]


async def test_a_store_that_fails_hands_nothing_over(monkeypatch: pytest.MonkeyPatch) -> None:
    store = InMemoryStore()
    flushed = Flushed()
    memory = memory_of(SessionManager(1, store), flushed)
    await memory.aput(CHAT[0])

    def fail(*_: Any) -> None:
        raise StoreError("down")

    monkeypatch.setattr(store, "replace", fail)
    with pytest.raises(StoreError):
        await memory.aput(CHAT[2])
    assert flushed.texts == []
    monkeypatch.undo()
    await memory.aput(CHAT[3])
    assert flushed.texts == ["q 0"]


def test_sessions_are_needed_and_a_chat_store_is_refused() -> None:
    with pytest.raises(TypeError, match="sessions"):
        SessionKitMemory.from_defaults(session_id="s")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes no chat_store, table_name"):
        SessionKitMemory.from_defaults(sessions=SessionManager(), table_name="x", chat_store=None)
    with pytest.raises(TypeError, match="unknown"):
        SessionKitMemory.from_defaults(sessions=SessionManager(), unknown=1)
    assert SessionKitMemory.from_defaults(sessions=SessionManager()).session_id


@pytest.mark.parametrize("kind", ENGINES)
def test_chat_engines_work(kind: type[Any], own_loop: asyncio.AbstractEventLoop) -> None:
    sessions, ears, flushed = SessionManager(2), Ears(), Flushed()
    engine = make_engine(kind, memory_of(sessions, flushed), ears)
    for number in range(4):
        chat(engine, f"q {number}")
    assert [each["content"] for each in sessions.get_session("s")][::2] == ["q 2", "q 3"]
    assert flushed.texts[::2] == ["q 0", "q 1"]


async def test_chat_engines_work_asynchronously() -> None:
    sessions, flushed = SessionManager(1), Flushed()
    engine = make_engine(ENGINES[0], memory_of(sessions, flushed), Ears())
    for number in range(3):
        await achat(engine, f"q {number}")
    assert flushed.texts[::2] == ["q 0", "q 1"]


async def test_blocks_hear_turns_as_prompts_showed_them() -> None:
    sessions = SessionManager(2, InMemoryStore(archive=True))
    flushed = Flushed()
    memory = memory_of(sessions, flushed)
    calling = assistant(
        ToolCallBlock(tool_call_id="a", tool_name="f", tool_kwargs={}),
        ToolCallBlock(tool_call_id="b", tool_name="f", tool_kwargs={}),
    )
    late = ChatMessage(role="tool", content="late", additional_kwargs={"tool_call_id": "b", "name": "f"})
    await memory.aput_messages([user(text("q 1")), calling])
    await memory.aput_messages([user(text("q 2")), late])
    assert texts(await memory.aget()) == ["q 1", "None", "late", INTERRUPTED, "q 2"]
    await memory.aset(await memory.aget())
    assert texts(await memory.aget()) == ["q 1", "None", "late", INTERRUPTED, "q 2"]
    assert INTERRUPTED not in str(sessions.store.read("s").records)
    await memory.aput(user(text("q 3")))
    assert flushed.texts == ["q 1", "None", "late", INTERRUPTED]
    assert texts(await memory.aget_all(MessageStatus.ACTIVE)) == ["q 2", "q 3"]
