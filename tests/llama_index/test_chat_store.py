"""SessionKitChatStore is a BaseChatStore: what LlamaIndex's own SimpleChatStore does, on every store."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.storage.chat_store import BaseChatStore, SimpleChatStore
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore

from sessionkit_integrations import (
    InMemoryStore,
    InvalidSessionIdError,
    SessionKitAsyncChatStore,
    SessionKitChatStore,
    SessionManager,
    Store,
)
from tests.llama_index.engines import Ears, buffer_memory, make_engine
from tests.llama_index.samples import assistant, text, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from typing_extensions import Unpack

    from sessionkit_integrations import Appended, AppendOptions, Edit, Snapshot, Window
    from sessionkit_integrations.records.record import Record

U1, A1, U2, A2, U3, A3 = (kind(text(f"{number}")) for number in (1, 2, 3) for kind in (user, assistant))
_numbers = itertools.count()


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, own_loop: asyncio.AbstractEventLoop) -> Callable[..., Any]:
    """Calls a method of a chat store, or its twin, whatever LlamaIndex named that."""

    def acall(target: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        twin = "async_add_message" if method == "add_message" else f"a{method}"
        return own_loop.run_until_complete(getattr(target, twin)(*args, **kwargs))

    return (
        acall if request.param == "async" else lambda target, method, *args, **kw: getattr(target, method)(*args, **kw)
    )


def chat_store(window: int = 10, store: Store | None = None) -> SessionKitChatStore:
    return SessionKitChatStore(sessions=SessionManager(window, store))


@pytest.mark.parametrize(
    ("ours", "base"), [(SessionKitChatStore, BaseChatStore), (SessionKitAsyncChatStore, AsyncDBChatStore)]
)
def test_every_method_of_the_base_class_is_overridden_with_its_parameters(ours: type, base: type) -> None:
    names = [name for name, member in vars(base).items() if inspect.isfunction(member) and not name.startswith("_")]
    assert len(names) >= 10
    assert not getattr(ours, "__abstractmethods__", None)
    for name in names:
        asked, has = (inspect.signature(getattr(cls, name)).parameters for cls in (base, ours))
        assert name in vars(ours), name
        assert list(has)[: len(asked)] == list(asked), name
        assert [each.default for each in has.values()][: len(asked)] == [each.default for each in asked.values()], name


class AsyncOnlyStore(Store):
    """Sessions that can only be reached without blocking."""

    def __init__(self) -> None:
        self._inner = InMemoryStore()

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError("a synchronous method was called")

    append = read = replace = delete = sessions = _refuse

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        return self._inner.append(session_id, records, window, operation_id, **options)

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        return self._inner.read(session_id, archived=archived, start=start, stop=stop)

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        self._inner.replace(session_id, edit, expected, operation_id)

    async def adelete(self, session_id: str) -> None:
        self._inner.delete(session_id)

    async def asessions(self) -> AsyncIterator[str]:
        for session_id in self._inner.sessions():
            yield session_id


async def test_async_methods_call_no_synchronous_ones() -> None:
    store = chat_store(store=AsyncOnlyStore())
    await store.aset_messages("s", [U1, A1])
    await store.async_add_message("s", A2)
    await store.async_add_message("s", U2, idx=2)
    assert await store.aget_messages("s") == [U1, A1, U2, A2]
    assert await store.adelete_last_message("s") == A2
    assert await store.adelete_message("s", 0) == U1
    assert await store.aget_keys() == ["s"]
    assert await store.adelete_messages("s") == [A1, U2]
    assert await store.aget_keys() == []
    with pytest.raises(AssertionError, match="synchronous"):
        store.get_messages("s")


keys = st.sampled_from(["one", "two"])
any_messages = st.builds(
    ChatMessage, role=st.sampled_from(["user", "assistant", "system"]), content=st.text(max_size=3)
)
indexes = st.integers(min_value=-4, max_value=4)
operations = st.one_of(
    st.tuples(st.just("set_messages"), keys, st.lists(any_messages, max_size=4)),
    st.tuples(st.just("add_message"), keys, any_messages),
    st.tuples(st.just("add_message"), keys, any_messages, indexes),
    st.tuples(st.just("delete_message"), keys, indexes),
    st.tuples(st.just("delete_last_message"), keys),
    st.tuples(st.just("delete_messages"), keys),
    st.tuples(st.just("get_messages"), keys),
)


def simple_result(simple: SimpleChatStore, method: str, key: str, *args: Any) -> Any:
    """Return what SimpleChatStore does, except where it answers that there is nothing in more than one way."""
    if method in ("delete_message", "delete_last_message"):
        count, index = len(simple.get_messages(key)), args[0] if args else -1
        if not -count <= index < count:
            return None  # SimpleChatStore: None or IndexError, by the index and by whether the key was ever used.
    if method == "delete_messages":
        return simple.delete_messages(key) or None  # SimpleChatStore: None or [], likewise.
    if method == "set_messages":
        return simple.set_messages(key, list(*args))  # SimpleChatStore keeps the caller's own list.
    return getattr(simple, method)(key, *args)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(operations, max_size=12))
def test_any_sequence_of_operations_does_what_simple_chat_store_does(
    sequence: list[tuple[Any, ...]], store: Store, call: Callable[..., Any]
) -> None:
    ours, simple = chat_store(1000, store), SimpleChatStore()
    prefix = next(_numbers)
    for method, key, *args in sequence:
        own_key = f"{prefix}-{key}"
        expected = simple_result(simple, method, key, *args)
        assert call(ours, method, own_key, *args) == expected
        for each in ("one", "two"):
            assert call(ours, "get_messages", f"{prefix}-{each}") == simple.get_messages(each)
        kept = {f"{prefix}-{each}" for each in simple.get_keys() if simple.get_messages(each)}
        # SimpleChatStore goes on listing a key whose last message was removed.
        assert {each for each in call(ours, "get_keys") if each.startswith(f"{prefix}-")} == kept


@pytest.mark.parametrize("index", range(-7, 8))
def test_a_message_is_inserted_and_deleted_where_a_list_would(index: int, call: Callable[..., Any]) -> None:
    store, expected = chat_store(), [U1, A1, U2, A2]
    call(store, "set_messages", "s", expected)
    call(store, "add_message", "s", A3, index)
    expected.insert(index, A3)
    assert call(store, "get_messages", "s") == expected
    removed = expected.pop(index) if -5 <= index < 5 else None
    assert call(store, "delete_message", "s", index) == removed
    assert call(store, "get_messages", "s") == expected


def test_deleting_where_there_is_nothing_returns_none(call: Callable[..., Any]) -> None:
    store = chat_store()
    for _ in range(2):
        assert call(store, "delete_last_message", "s") is None
        assert call(store, "delete_message", "s", 0) is None
        assert call(store, "delete_messages", "s") is None
        assert call(store, "get_messages", "s") == []
        assert call(store, "get_keys") == []
        call(store, "add_message", "s", U1)
        assert call(store, "delete_last_message", "s") == U1


def test_the_window_holds_after_every_way_to_write(call: Callable[..., Any]) -> None:
    store = chat_store(2)
    call(store, "set_messages", "s", [U1, A1, U2, A2, U3])
    assert call(store, "get_messages", "s") == [U2, A2, U3]
    call(store, "add_message", "s", U1)
    assert call(store, "get_messages", "s") == [U3, U1]
    call(store, "add_message", "s", A3, 1)
    assert call(store, "get_messages", "s") == [U3, A3, U1]
    call(store, "add_message", "s", U2, 0)
    assert call(store, "get_messages", "s") == [U3, A3, U1]


def test_indexes_count_in_the_window_and_not_in_what_a_larger_one_left(call: Callable[..., Any]) -> None:
    backend = InMemoryStore()
    call(chat_store(3, backend), "set_messages", "s", [U1, A1, U2, A2, U3, A3])
    smaller = chat_store(1, backend)
    assert call(smaller, "delete_message", "s", 0) == U3
    assert call(smaller, "delete_message", "s", -1) == A3
    assert call(smaller, "get_messages", "s") == []


def test_deleting_a_session_deletes_its_archive_and_setting_it_does_not(call: Callable[..., Any]) -> None:
    backend = InMemoryStore(archive=True)
    store = chat_store(1, backend)
    call(store, "set_messages", "s", [U1, A1, U2])
    call(store, "set_messages", "s", [U3])
    assert [each["content"] for each in store.sessions.get_archive("s")] == ["1", "1"]
    assert call(store, "delete_messages", "s") == [U3]
    assert store.sessions.get_archive("s") == []


def test_a_chat_engine_that_is_given_its_history_archives_it_once(own_loop: asyncio.AbstractEventLoop) -> None:
    sessions = SessionManager(3, InMemoryStore(archive=True))
    engine = make_engine(SimpleChatEngine, buffer_memory(sessions, "s"), Ears())
    history: list[ChatMessage] = []
    for turn in range(8):
        engine.chat(f"q {turn}", chat_history=list(history))
        history += [user(text(f"q {turn}")), assistant(text(f"a {turn}"))]
    archived = [message["content"] for message in sessions.get_archive("s")]
    assert archived == [f"{who} {turn}" for turn in range(5) for who in ("q", "a")]
    assert [message["content"] for message in sessions.get_session("s")][::2] == ["q 5", "q 6", "q 7"]


@pytest.mark.parametrize(
    ("history", "archived"),
    [
        ([U1, A1, U2, A2, U3, A3], [U1, A1]),  # the turns in the window, and none that left before
        ([U1, A1, U1, A1, U2, A2, U3, A3], [U1, A1]),  # repeated questions: the last ones are those in the window
        ([U2, A2, U3, A3], [U1, A1]),
        ([U3, A3, U1, A1, U2, A2], [U1, A1, U3, A3]),  # another history
        ([A3, U1, A1, U2, A2], [U1, A1, A3]),
        ([U2, A1, U3, A3, U1], [U1, A1, U2, A1]),  # another answer in a turn that is over
    ],
)
def test_what_is_archived_of_a_history_that_is_set(
    history: list[ChatMessage], archived: list[ChatMessage], call: Callable[..., Any]
) -> None:
    store = chat_store(2, InMemoryStore(archive=True))
    for message in (U1, A1, U2, A2, U3, A3):
        call(store, "add_message", "s", message)
    call(store, "set_messages", "s", history)
    assert [message["content"] for message in store.sessions.get_archive("s")] == [each.content for each in archived]
    assert call(store, "get_messages", "s") == history[-len(call(store, "get_messages", "s")) :]


@pytest.mark.parametrize("method", ["get_messages", "delete_messages", "delete_last_message"])
@pytest.mark.parametrize("key", ["", "x" * 513])
def test_a_key_that_is_no_session_id_is_refused(key: str, method: str, call: Callable[..., Any]) -> None:
    with pytest.raises(InvalidSessionIdError):
        call(chat_store(), method, key)


def test_edits_of_concurrent_writers_are_all_made() -> None:
    store = chat_store(1000)
    store.set_messages("s", [U1])

    async def insert_all() -> None:
        added = [assistant(text(str(number))) for number in range(20)]
        await asyncio.gather(*(store.async_add_message("s", message, idx=1) for message in added))

    asyncio.run(insert_all())
    first, *rest = store.get_messages("s")
    assert first == U1
    assert sorted(str(each.content) for each in rest) == sorted(map(str, range(20)))


def test_names_by_which_llama_index_knows_the_classes() -> None:
    names = [cls.class_name() for cls in (SessionKitChatStore, SessionKitAsyncChatStore)]
    assert names == ["SessionKitChatStore", "SessionKitAsyncChatStore"]
