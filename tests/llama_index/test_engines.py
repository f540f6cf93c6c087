"""Sessions inside LlamaIndex's chat engines."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.chat_engine import SimpleChatEngine

from sessionkit_integrations import SessionManager, SQLiteStore
from tests.llama_index.engines import (
    ENGINES,
    REPLY,
    Ears,
    achat,
    astream_chat,
    buffer_memory,
    chat,
    make_engine,
    queue_memory,
    stream_chat,
)
from tests.llama_index.samples import assistant, text, user

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from llama_index.core.memory import BaseMemory

    from sessionkit_integrations import Store


@pytest.fixture(params=[chat, stream_chat, achat, astream_chat], ids=lambda way: way.__name__)
def say(request: pytest.FixtureRequest, own_loop: asyncio.AbstractEventLoop) -> Callable[..., str]:
    """Says something to an engine in one of the four ways; returns the reply."""

    def said(*args: Any) -> str:
        result = request.param(*args)
        reply: str = own_loop.run_until_complete(result) if inspect.isawaitable(result) else result
        return reply

    return said


@pytest.fixture(params=[buffer_memory, queue_memory], ids=["ChatMemoryBuffer", "Memory"])
def make_memory(request: pytest.FixtureRequest) -> Callable[..., BaseMemory]:
    factory: Callable[..., BaseMemory] = request.param
    return factory


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Callable[[], SQLiteStore]]:
    """Opens the same file again and again, as new processes would."""
    opened: list[SQLiteStore] = []

    def open_file() -> SQLiteStore:
        opened.append(SQLiteStore(tmp_path / "sessions.db"))
        return opened[-1]

    yield open_file
    for store in opened:
        store.close()


def turns(*numbers: int) -> list[Any]:
    return [message for number in numbers for message in (user(text(f"question {number}")), assistant(text(REPLY)))]


@pytest.mark.parametrize("kind", ENGINES)
def test_a_chat_is_continued_by_a_new_engine_within_the_window(
    kind: type, make_memory: Callable[..., BaseMemory], say: Callable[..., str], sqlite: Callable[[], SQLiteStore]
) -> None:
    first = make_engine(kind, make_memory(SessionManager(2, sqlite()), "s"), Ears())
    for number in (1, 2, 3):
        assert say(first, f"question {number}").strip() == REPLY
    assert first.chat_history == turns(2, 3)

    ears = Ears()
    second = make_engine(kind, make_memory(SessionManager(2, sqlite()), "s"), ears)
    assert second.chat_history == turns(2, 3)
    say(second, "question 4")
    assert "question 3" in ears.heard[-1]
    assert "question 4" in ears.heard[-1]
    assert "question 1" not in ears.heard[-1]
    assert second.chat_history == turns(3, 4)


@pytest.mark.parametrize("kind", ENGINES)
def test_resetting_an_engine_deletes_its_session_only(
    kind: type, make_memory: Callable[..., BaseMemory], own_loop: asyncio.AbstractEventLoop
) -> None:
    sessions = SessionManager(2)
    one, other = (make_engine(kind, make_memory(sessions, name), Ears()) for name in ("one", "other"))
    chat(one, "question 1")
    chat(other, "question 1")
    one.reset()
    assert (one.chat_history, other.chat_history) == ([], turns(1))
    assert list(sessions.list_sessions()) == ["other"]


def test_a_history_given_to_an_engine_takes_the_place_of_the_session(
    make_memory: Callable[..., BaseMemory], own_loop: asyncio.AbstractEventLoop
) -> None:
    sessions = SessionManager(2)
    sessions.add_user_message("s", "old")
    engine = make_engine(SimpleChatEngine, make_memory(sessions, "s", chat_history=turns(1, 2, 3)), Ears())
    assert engine.chat_history == turns(2, 3)
    engine.chat("question 9", chat_history=turns(7, 8))
    assert engine.chat_history == turns(8, 9)


def test_a_session_is_shared_with_a_chat_api(
    make_memory: Callable[..., BaseMemory], store: Store, own_loop: asyncio.AbstractEventLoop
) -> None:
    sessions = SessionManager(3, store)
    sessions.set_system_message("s", "Be brief.")
    sessions.send_messages("s", [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    ears = Ears()
    assert chat(make_engine(SimpleChatEngine, make_memory(sessions, "s"), ears), "And now?") == REPLY
    assert ears.heard == ["Be brief.\nHi\nHello\nAnd now?"]
    assert sessions.get_session("s") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And now?"},
        {"role": "assistant", "content": REPLY},
    ]
