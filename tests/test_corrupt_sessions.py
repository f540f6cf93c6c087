"""A record that cannot be read, as others may write, stops an operation before anything is changed."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer

from sessionkit_integrations import (
    CorruptSessionError,
    Edit,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    Store,
    UpstashStore,
)
from sessionkit_integrations.records.record import Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.backends import StoreMaker

UNREADABLE = tuple(
    map(
        Record,
        (
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b"\xff",
            b"[" * 100_000,
            b'{"role":"robot","content":"x"}',
            b'{"role":["user"],"content":"x"}',
            b'{"role":"user","content":7}',
            b'{"role":"user","content":[7]}',
            b'{"role":"user","content":NaN}',
            b'{"role":"user","content":"\xc3"}',
        ),
    )
)


def fits(bad: Record, store: Store) -> bool:
    """Return whether a store can be given a record: Upstash's REST API takes only UTF-8."""
    return not isinstance(store, UpstashStore) or bad.decode(errors="replace").encode() == bad


def user(text: str) -> Record:
    return Record(b'{"role":"user","content":"%s"}' % text.encode())


OTHERS = [Record(b'{"role":"system","content":"pinned"}'), *map(user, "01234")]


def broken(store: Store, position: int, bad: Record = UNREADABLE[0]) -> list[Record]:
    """Put a session with an unreadable record into a store, and return its records."""
    records = [*OTHERS[:position], bad, *OTHERS[position:]]
    store.replace("s", Edit(tuple(records), tuple(records)), None, "1")
    return records


SYNC: dict[str, tuple[int, Callable[[SessionKitChatStore], object]]] = {
    "delete_messages": (3, lambda chats: chats.delete_messages("s")),
    "delete_message": (3, lambda chats: chats.delete_message("s", 3)),
    "delete_message from the end": (5, lambda chats: chats.delete_message("s", -2)),
    "delete_last_message": (6, lambda chats: chats.delete_last_message("s")),
    "reset of an engine": (
        3,
        lambda chats: SimpleChatEngine.from_defaults(
            llm=MockLLM(), memory=ChatMemoryBuffer.from_defaults(chat_store=chats, chat_store_key="s")
        ).reset(),
    ),
}
ASYNC: dict[str, tuple[int, Callable[[SessionKitAsyncChatStore], Awaitable[object]]]] = {
    "delete_message": (3, lambda chats: chats.delete_message("s", 3)),
    "delete_oldest_messages": (2, lambda chats: chats.delete_oldest_messages("s", 4)),
    "archive_oldest_messages": (2, lambda chats: chats.archive_oldest_messages("s", 4)),
}


@pytest.mark.parametrize("name", SYNC)
def test_nothing_is_deleted_that_cannot_be_returned(make_store: StoreMaker, name: str) -> None:
    store = make_store(archive=True)
    position, delete = SYNC[name]
    records = broken(store, position)
    with pytest.raises(CorruptSessionError) as raised:
        delete(SessionKitChatStore(sessions=SessionManager(store=store)))
    check_unchanged(store, records, position, raised.value)


@pytest.mark.parametrize("name", ASYNC)
def test_nothing_is_deleted_that_cannot_be_returned_asynchronously(make_store: StoreMaker, name: str) -> None:
    store = make_store(archive=True)
    position, delete = ASYNC[name]
    records = broken(store, position)

    async def run() -> None:
        async with SessionManager(store=store) as sessions:
            await delete(SessionKitAsyncChatStore(sessions=sessions))

    with pytest.raises(CorruptSessionError) as raised:
        asyncio.run(run())
    check_unchanged(store, records, position, raised.value)


def check_unchanged(store: Store, records: list[Record], position: int, error: CorruptSessionError) -> None:
    assert list(store.read("s").records) == records
    assert list(store.read("s", archived=True).records) == records
    assert (error.session_id, error.position, error.archived) == ("s", position, False)


@pytest.mark.pairwise
@pytest.mark.parametrize("bad", UNREADABLE, ids=lambda bad: str(bad[:20]))
def test_the_error_names_the_place_in_the_session(
    make_store: StoreMaker, bad: Record, call: Callable[..., Any]
) -> None:
    store = make_store()
    if not fits(bad, store):
        pytest.skip("the store cannot be given this record")
    sessions = SessionManager(2, store)
    store.replace("s", Edit((*OTHERS, user("5"), bad), (user("0"), bad, user("1"))), None, "1")
    for name, position, archived in (
        ("get_session", 7, False),
        ("get_archive", 1, True),
        ("view", 1, True),
    ):
        with pytest.raises(CorruptSessionError, match=f"record {position}") as raised:
            call(sessions, name, "s")
        assert (raised.value.position, raised.value.archived) == (position, archived)
        assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)  # noqa: S301 - our own
    with pytest.raises(CorruptSessionError, match="record -2 of the archive"):
        call(sessions, "get_archive", "s", limit=2)
    assert call(sessions, "get_archive", "s", limit=1)[0]["content"] == "1"
    with pytest.raises(CorruptSessionError) as raised:
        _ = SessionKitChatMessageHistory("s", sessions).messages
    assert raised.value.position == 7


def test_what_needs_not_read_a_record_works(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    """An unreadable record stops nothing that does not return it, whatever it is."""
    for bad in UNREADABLE:
        store = make_store()
        if not fits(bad, store):
            continue
        sessions = SessionManager(20, store)
        broken(store, 3, bad)
        assert call(sessions, "describe", "s").messages == 7
        call(sessions, "add_user_message", "s", "more")
        call(sessions, "set_system_message", "s", "new")
        chats = SessionKitChatStore(sessions=sessions)
        assert str(chats.delete_last_message("s")) == "user: more"
        assert str(chats.delete_message("s", 0)) == "system: new"
        chats.add_message("s", ChatMessage("between", role="user"), idx=1)
        assert len(store.read("s").records) == 7
        chats.set_messages("s", [ChatMessage("all new", role="user")])
        assert [str(message) for message in chats.get_messages("s")] == ["user: all new"]


def test_a_system_message_replaces_one_that_cannot_be_read(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    store = make_store()
    store.replace("s", Edit((Record(b'{"role":"system","content":7}'), user("0"))), None, "1")
    call(SessionManager(store=store), "set_system_message", "s", "new")
    assert [each["content"] for each in SessionManager(store=store).get_session("s")] == ["new", "0"]


def test_a_session_that_cannot_be_read_can_be_reset(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    store = make_store(archive=True)
    broken(store, 3)
    call(SessionManager(store=store), "reset_session", "s")
    assert list(store.sessions()) == []
