"""SessionKitAsyncChatStore is an AsyncDBChatStore: what LlamaIndex's own SQLAlchemyChatStore means to do."""

from __future__ import annotations

import asyncio
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore

from sessionkit_integrations import InMemoryStore, SessionKitAsyncChatStore, SessionManager, Snapshot, Store
from tests.llama_index.samples import assistant, text, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from tests.backends import StoreMaker

ACTIVE, ARCHIVED = MessageStatus.ACTIVE, MessageStatus.ARCHIVED
U1, A1, U2, A2, U3, A3 = (kind(text(f"{number}")) for number in (1, 2, 3) for kind in (user, assistant))


def chat_store(window: int = 1000, store: Store | None = None) -> SessionKitAsyncChatStore:
    return SessionKitAsyncChatStore(sessions=SessionManager(window, store))


@pytest.fixture
async def store(make_store: StoreMaker) -> AsyncIterator[SessionKitAsyncChatStore]:
    async with SessionManager(1000, make_store()) as sessions:
        yield SessionKitAsyncChatStore(sessions=sessions)


async def both(store: AsyncDBChatStore) -> tuple[list[ChatMessage], list[ChatMessage]]:
    return await store.get_messages("s", ACTIVE), await store.get_messages("s", ARCHIVED)


async def test_messages_have_one_status_at_a_time(store: SessionKitAsyncChatStore) -> None:
    await store.add_messages("s", [U1, A1, U2, A2])
    assert await store.archive_oldest_messages("s", 2) == [U1, A1]
    await store.add_message("s", U3)
    await store.add_message("s", A3, ARCHIVED)
    assert await both(store) == ([U2, A2, U3], [U1, A1, A3])
    assert await store.get_messages("s", status=None) == [U1, A1, A3, U2, A2, U3]
    assert await store.get_messages("s") == [U2, A2, U3]
    counts = [await store.count_messages("s", status) for status in (ACTIVE, ARCHIVED, None)]
    assert (counts, await store.count_messages("s")) == ([3, 3, 6], 3)
    assert await store.delete_oldest_messages("s", 1) == [U2]
    assert await both(store) == ([A2, U3], [U1, A1, A3])


async def test_setting_messages_of_one_status_leaves_the_other_alone(store: SessionKitAsyncChatStore) -> None:
    await store.add_messages("s", [U1, A1])
    await store.set_messages("s", [U2, A2], ARCHIVED)
    assert await both(store) == ([U1, A1], [U2, A2])
    await store.set_messages("s", [U3])
    assert await both(store) == ([U3], [U2, A2])
    await store.set_messages("s", [A3], ARCHIVED)
    assert await both(store) == ([U3], [A3])
    await store.set_messages("s", [])
    assert await both(store) == ([], [A3])


@pytest.mark.parametrize(("status", "left"), [(ACTIVE, ([], [U1])), (ARCHIVED, ([A1, U2], [])), (None, ([], []))])
async def test_deleting_by_status(status: MessageStatus | None, left: Any, store: SessionKitAsyncChatStore) -> None:
    await store.delete_messages("s", status)
    await store.add_messages("s", [U1, A1, U2])
    await store.archive_oldest_messages("s", 1)
    await store.add_message("other", U3)
    await store.delete_messages("s", status)
    assert await both(store) == left
    assert sorted(await store.get_keys()) == (["other", "s"] if status else ["other"])


@pytest.mark.parametrize("status", [ACTIVE, ARCHIVED])
async def test_an_empty_batch_changes_nothing(status: MessageStatus, store: SessionKitAsyncChatStore) -> None:
    await store.add_messages("s", [], status)
    assert await store.get_keys() == []
    await store.add_messages("s", [U1], status)
    await store.add_messages("s", [], status)
    assert await store.get_messages("s", None) == [U1]


async def test_twenty_first_calls_at_once(store: SessionKitAsyncChatStore) -> None:
    added = [user(text(str(number))) for number in range(20)]
    await asyncio.gather(*(store.add_message("s", message) for message in added))
    read = await store.get_messages("s")
    assert sorted(int(each.content or "") for each in read) == list(range(20))


async def test_twenty_archivings_at_once_move_each_message_once(store: SessionKitAsyncChatStore) -> None:
    added = [user(text(str(number))) for number in range(20)]
    await store.add_messages("s", added)
    moved = await asyncio.gather(*(store.archive_oldest_messages("s", 1) for _ in range(20)))
    assert await both(store) == ([], added)
    assert sorted(int(one.content or "") for (one,) in moved) == list(range(20))


@pytest.mark.parametrize("status", [ACTIVE, ARCHIVED])
@pytest.mark.parametrize("limit", [None, 0, 1, 2, 9])
@pytest.mark.parametrize("offset", [None, 0, 1, 3, 9])
async def test_pages_are_counted_from_the_oldest(status: MessageStatus, limit: int | None, offset: int | None) -> None:
    store = chat_store()
    await store.add_messages("s", [U1, A1, U2, A2], status)
    await store.add_message("s", U3, ARCHIVED if status is ACTIVE else ACTIVE)
    expected = [U1, A1, U2, A2][offset or 0 :]
    assert await store.get_messages("s", status, limit, offset) == (expected if limit is None else expected[:limit])


@pytest.mark.parametrize("limit", [None, 0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("offset", [None, 0, 1, 2, 3, 4, 9])
async def test_pages_run_from_the_archive_into_the_active(limit: int | None, offset: int | None) -> None:
    store, expected = chat_store(), [U1, A1, U2, A2][offset or 0 :]
    await store.add_messages("s", [U1, A1], ARCHIVED)
    await store.add_messages("s", [U2, A2])
    assert await store.get_messages("s", None, limit, offset) == (expected if limit is None else expected[:limit])


@pytest.mark.parametrize("status", [ACTIVE, ARCHIVED, None])
async def test_negative_limits_and_offsets_are_refused(status: MessageStatus | None) -> None:
    store = chat_store()
    with pytest.raises(ValueError, match="limit must be at least 0, got -1"):
        await store.get_messages("s", status, limit=-1)
    with pytest.raises(ValueError, match="offset must be at least 0, got -2"):
        await store.get_messages("s", status, offset=-2)


@pytest.mark.parametrize("status", [ARCHIVED, None])
async def test_a_page_of_a_long_archive_reads_no_more_of_it(
    status: MessageStatus | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = InMemoryStore()
    store = chat_store(store=inner)
    await store.add_messages("s", [U1] * 500, ARCHIVED)
    read: list[int] = []
    original = inner.read

    def count(session_id: str, **part: Any) -> Snapshot:
        snapshot = original(session_id, **part)
        read.append(len(snapshot.records))
        return snapshot

    monkeypatch.setattr(inner, "read", count)
    assert await store.get_messages("s", status, limit=5, offset=300) == [U1] * 5
    assert max(read) == 5
    monkeypatch.undo()
    assert await store.get_messages("s", status, limit=5, offset=600) == []
    assert await store.count_messages("s", status) == 500


async def test_a_status_may_be_given_as_text() -> None:
    store = chat_store()
    for status in ("active", "archived"):
        await store.add_message("s", U1, status)  # type: ignore[arg-type]
        await store.add_messages("s", [A1], status)  # type: ignore[arg-type]
    assert await both(store) == ([U1, A1], [U1, A1])
    assert await store.get_messages("s", "archived", 1) == [U1]  # type: ignore[arg-type]
    assert await store.count_messages("s", "active") == 2  # type: ignore[arg-type]
    await store.set_messages("s", [U2], "archived")  # type: ignore[arg-type]
    assert await both(store) == ([U1, A1], [U2])
    await store.delete_messages("s", "active")  # type: ignore[arg-type]
    assert await both(store) == ([], [U2])


async def test_a_status_that_there_is_not_is_refused() -> None:
    store: Any = chat_store()
    for call in (
        store.get_messages("s", "old"),
        store.count_messages("s", "old"),
        store.add_message("s", U1, "old"),
        store.add_messages("s", [U1], "old"),
        store.set_messages("s", [U1], "old"),
        store.delete_messages("s", "old"),
    ):
        with pytest.raises(ValueError, match="'old' is not a valid MessageStatus"):
            await call
    assert await store.get_keys() == []


SYSTEM = ChatMessage(role="system", content="s")


@pytest.mark.parametrize(("count", "archived"), [(0, []), (1, []), (2, [U1]), (3, [U1, A1]), (9, [U1, A1, U2])])
async def test_the_preamble_is_not_archived(count: int, archived: list[ChatMessage]) -> None:
    store = chat_store()
    await store.add_messages("s", [SYSTEM, U1, A1, U2])
    assert await store.archive_oldest_messages("s", count) == archived
    assert await both(store) == ([SYSTEM, *[U1, A1, U2][len(archived) :]], archived)


async def test_the_preamble_counts_once_after_each_reading() -> None:
    store = chat_store()
    await store.add_messages("s", [SYSTEM, SYSTEM, U1, A1, U2, A2, U3])
    await store.get_messages("s")
    assert await store.archive_oldest_messages("other", 9) == []
    assert await store.archive_oldest_messages("s", 1) == []
    assert await store.archive_oldest_messages("s", 2) == [U1]
    assert await store.archive_oldest_messages("s", 2) == [A1, U2]
    await store.get_messages("s")
    assert await store.archive_oldest_messages("s", 3) == [A2]


async def test_nothing_is_evicted_where_that_is_left_to_a_memory() -> None:
    sessions = SessionManager(1, InMemoryStore(archive=True))
    store = SessionKitAsyncChatStore(sessions=sessions, evict=False)
    await store.add_messages("s", [U1, A1, U2, A2])
    await store.add_message("s", U3)
    assert await both(store) == ([U1, A1, U2, A2, U3], [])
    assert await store.count_messages("s") == 5
    await store.set_messages("s", [U1, A1, U2, A2, U3, A3])
    assert await store.archive_oldest_messages("s", 2) == [U1, A1]
    assert await both(store) == ([U2, A2, U3, A3], [U1, A1])
    assert [message["content"] for message in sessions.get_session("s")] == ["3", "3"]


async def test_a_history_that_is_set_again_and_again_is_archived_once(make_store: StoreMaker) -> None:
    history = [kind(text(f"{number}")) for number in range(8) for kind in (user, assistant)]
    async with SessionManager(2, make_store(archive=True)) as sessions:
        store = SessionKitAsyncChatStore(sessions=sessions)
        for turn in range(1, 8):
            await store.set_messages("s", history[: 2 * turn])
            await store.add_messages("s", [history[2 * turn], assistant(text("in other words"))])
        assert await both(store) == ([*history[12:15], assistant(text("in other words"))], history[:12])
        await store.set_messages("s", history)
        assert await both(store) == (history[12:], history[:12])
        await store.set_messages("s", history)
        assert await both(store) == (history[12:], history[:12])


@pytest.mark.parametrize("index", range(-5, 6))
async def test_a_message_is_deleted_by_its_place_among_the_active(index: int) -> None:
    store, expected = chat_store(), [U1, A1, U2, A2]
    await store.add_message("s", A3, ARCHIVED)
    await store.add_messages("s", expected)
    removed = expected.pop(index) if -4 <= index < 4 else None
    assert await store.delete_message("s", index) == removed
    assert await both(store) == (expected, [A3])


@pytest.mark.parametrize("method", ["delete_oldest_messages", "archive_oldest_messages"])
@pytest.mark.parametrize("count", [-1, 0, 1, 3, 4, 9])
async def test_no_more_oldest_messages_are_taken_than_there_are(method: str, count: int) -> None:
    store, added = chat_store(), [U1, A1, U2, A2]
    await store.add_messages("s", added)
    taken = added[: max(count, 0)]
    assert await getattr(store, method)("s", count) == taken
    archived = taken if method == "archive_oldest_messages" else []
    assert await both(store) == (added[len(taken) :], archived)


@pytest.mark.parametrize("archive", [True, False])
async def test_what_the_window_evicts_is_archived_if_the_store_does_so(archive: bool) -> None:
    store = chat_store(1, InMemoryStore(archive=archive))
    await store.add_messages("s", [U1, A1, U2])
    await store.set_messages("s", [U2, A2, U3])
    assert await both(store) == ([U3], [U1, A1, U2, A2] if archive else [])


class CorrectedSQLStore:
    """LlamaIndex's own store, without the defects that keep it from being compared."""

    def __init__(self) -> None:
        self._sql = SQLAlchemyChatStore(table_name="messages")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sql, name)

    async def add_messages(self, key: str, messages: list[ChatMessage], status: MessageStatus) -> None:
        """Defect: an empty batch violates a constraint of its table."""
        if messages:
            await self._sql.add_messages(key, messages, status)

    async def set_messages(self, key: str, messages: list[ChatMessage], status: MessageStatus) -> None:
        """Defect: setting the messages of one status deletes those of the other as well."""
        await self._sql.delete_messages(key, status)
        await self.add_messages(key, messages, status)

    async def delete_message(self, key: str, index: int) -> ChatMessage | None:
        """Defect: its index is the number of a row, which no other method tells."""
        messages = await self._sql.get_messages(key)
        removed = messages.pop(index) if -len(messages) <= index < len(messages) else None
        await self.set_messages(key, messages, ACTIVE)
        return removed

    async def archive_oldest_messages(self, key: str, count: int) -> list[ChatMessage]:
        """Defect: it archives system messages that belong at the beginning."""
        messages = await self._sql.get_messages(key)
        pinned = len(list(takewhile(lambda message: message.role == "system", messages)))
        end = max(count, pinned)
        await self.set_messages(key, messages[:pinned] + messages[end:], ACTIVE)
        await self.add_messages(key, messages[pinned:end], ARCHIVED)
        return messages[pinned:end]

    async def dispose(self) -> None:
        engine = self._sql._async_engine
        if engine is not None:
            await engine.dispose()


keys = st.sampled_from(["one", "two"])
statuses = st.sampled_from([ACTIVE, ARCHIVED])
counts = st.integers(min_value=0, max_value=4)
any_messages = st.builds(
    ChatMessage, role=st.sampled_from(["user", "assistant", "system"]), content=st.text(max_size=3)
)
batches = st.lists(any_messages, max_size=4)
operations = st.one_of(
    st.tuples(st.sampled_from(["add_messages", "set_messages"]), keys, batches, statuses),
    st.tuples(st.just("add_message"), keys, any_messages, statuses),
    st.tuples(st.just("delete_message"), keys, st.integers(min_value=-5, max_value=4)),
    st.tuples(st.just("delete_messages"), keys, statuses | st.none()),
    st.tuples(st.sampled_from(["delete_oldest_messages", "archive_oldest_messages"]), keys, counts),
    st.tuples(st.just("get_messages"), keys, st.just(ACTIVE), counts | st.none(), counts | st.none()),
    st.tuples(st.just("count_messages"), keys, statuses | st.none()),
)


@pytest.fixture
def run_with_sql(own_loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[Callable[..., Awaitable[None]]], None]]:
    """Runs a comparison with LlamaIndex's own store, whose connections belong to one event loop."""
    sql = CorrectedSQLStore()
    yield lambda comparison: own_loop.run_until_complete(comparison(sql))
    own_loop.run_until_complete(sql.dispose())


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(operations, max_size=10))
def test_any_sequence_of_operations_does_what_the_sql_store_means_to_do(
    sequence: list[tuple[Any, ...]], run_with_sql: Callable[[Callable[..., Awaitable[None]]], None]
) -> None:
    async def compare(sql: CorrectedSQLStore) -> None:
        ours = chat_store()
        for key in await sql.get_keys():
            await sql.delete_messages(key)
        for method, key, *args in sequence:
            result, expected = [await getattr(store, method)(key, *args) for store in (ours, sql)]
            assert result == expected, method
            for each in ("one", "two"):
                assert await ours.get_messages(each) == await sql.get_messages(each)
                # Defect: it orders archived messages by when they were written, not by when they were archived, and
                # those of any status likewise, which takes them apart from each other.
                archived = [await store.get_messages(each, ARCHIVED) for store in (ours, sql)]
                assert sorted(map(repr, archived[0])) == sorted(map(repr, archived[1]))
                assert await ours.get_messages(each, None) == archived[0] + await ours.get_messages(each)
            assert sorted(await ours.get_keys()) == sorted(await sql.get_keys())

    run_with_sql(compare)
