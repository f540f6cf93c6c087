"""The one door to what a store holds: snapshots of sessions, pages of their archives, and edits of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    ConflictError,
    Edit,
    InMemoryStore,
    InvalidSessionIdError,
    SessionManager,
    Snapshot,
    Window,
)
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.sessions.edits import EditPlan
from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.sessions.steps import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Message
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from tests.backends import StoreMaker


def record(role: str, content: str) -> Record:
    return Record(b'{"role":"%s","content":"%s"}' % (role.encode(), content.encode()))


def plain(sessions: SessionManager) -> Chats[Message]:
    return sessions.using(PlainCodec())


def contents(messages: list[Message]) -> list[Any]:
    return [message["content"] for message in messages]


def filled(make_store: StoreMaker, window: int = 2, turns: int = 6) -> SessionManager:
    """Return sessions that read two turns of a session that a writer with another window wrote."""
    store = make_store(archive=True)
    writer = SessionManager(window, store)
    writer.add_system_message("s", "pinned")
    for number in range(turns):
        writer.add_user_message("s", f"U{number}")
        writer.add_assistant_message("s", f"A{number}")
    return SessionManager(2, store)


def test_a_snapshot_has_all_places(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    snapshot = call(plain(filled(make_store, window=4)), "snapshot", "s", archived=EVERYTHING)
    assert snapshot
    assert contents(snapshot.messages("preamble")) == ["pinned"]
    assert contents(snapshot.messages("archived")) == ["U0", "A0", "U1", "A1"]
    assert contents(snapshot.messages("outside")) == ["U2", "A2", "U3", "A3"]
    assert contents(snapshot.messages("window")) == ["U4", "A4", "U5", "A5"]
    assert [snapshot.first(place) for place in ("preamble", "archived", "outside", "window")] == [0, 0, 1, 5]
    assert len(snapshot.kept) == 5
    assert contents(snapshot.read(snapshot.shown[:2])) == ["pinned", "U4"]


def test_without_its_archive_a_session_is_one_read() -> None:
    class Counting(InMemoryStore):
        reads = 0

        def read(self, *args: Any, **options: Any) -> Snapshot:
            self.reads += 1
            return super().read(*args, **options)

    sessions = SessionManager(store=Counting())
    sessions.add_user_message("s", "x")
    store: Any = sessions.store
    sessions.get_session("s")
    plain(sessions).snapshot("s")
    plain(sessions).read_archive("s", newest(1))
    assert store.reads == 3


@pytest.mark.parametrize(
    ("part", "first"), [(slice(-3, None), 5), (slice(-5, -3), 3), (slice(2, 4), 2), (slice(-50, None), 0)]
)
def test_a_part_of_an_archive_knows_where_it_is(make_store: StoreMaker, part: slice, first: int) -> None:
    snapshot = plain(filled(make_store)).snapshot("s", archived=part)
    expected = [f"{role}{number}" for number in range(4) for role in "UA"][part]
    assert contents(snapshot.messages("archived")) == expected
    assert snapshot.first("archived") == first


def test_pages_of_an_archive_hold_each_message_once(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions = filled(make_store)
    pages: list[list[Message]] = []
    while page := call(sessions, "get_archive", "s", limit=3, before=sum(map(len, pages))):
        pages.append(page)
    assert [len(page) for page in pages] == [3, 3, 2]
    assert contents([message for page in reversed(pages) for message in page]) == contents(sessions.get_archive("s"))
    assert contents(call(sessions, "get_archive", "s", before=6)) == ["U0", "A0"]
    assert contents(call(sessions, "get_archive", "s", limit=1)) == ["A3"]
    assert call(sessions, "get_archive", "s", limit=0) == []
    assert call(sessions, "get_archive", "s", limit=5, before=8) == []
    assert call(sessions, "get_archive", "nobody", limit=5) == []


@pytest.mark.parametrize("value", [-1, True, 1.0, "1"])
@pytest.mark.parametrize("name", ["limit", "before"])
def test_limits_of_pages_are_checked(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"{name} must be "):
        SessionManager().get_archive("s", **{name: value})


def test_a_page_is_a_slice_from_the_newest_end() -> None:
    items = list(range(10))
    for limit in (None, 0, 1, 4, 20):
        for before in (None, 0, 1, 9, 10, 11):
            left = items[: max(0, len(items) - (before or 0))]
            expected = left if limit is None else left[max(0, len(left) - limit) :]
            assert items[newest(limit, before)] == expected, (limit, before)


def test_figures_of_a_session(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    info = call(filled(make_store), "describe", "s")
    assert (info.turns, info.messages, info.archived) == (2, 5, 8)
    assert info.created <= info.updated
    assert call(SessionManager(store=make_store()), "describe", "nobody") is None
    with pytest.raises(InvalidSessionIdError):
        call(SessionManager(), "describe", "")


def test_a_view_reads_as_much_of_an_archive_as_is_wanted(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions = filled(make_store)
    for wanted, read, earlier in ((None, 8, 0), (3, 3, 5), (0, 0, 8), (20, 8, 0)):
        view = call(sessions, "view", "s", archived=wanted)
        assert (len(view.at("archived")), view.earlier, view.archived) == (read, earlier, 8)


def test_the_window_that_was_set_can_be_read() -> None:
    window = Window(3, max_turn_messages=50)
    sessions = SessionManager(window)
    assert sessions.window is window
    sessions.memory_window = 5
    assert sessions.window == Window(5, max_turn_messages=50)
    assert SessionManager.from_url("memory://", 2, max_turn_messages=7).window == Window(2, max_turn_messages=7)


class Interrupted(InMemoryStore):
    """A store in which another writer adds a turn after each of some reads of the archive, and before some edits."""

    def __init__(self, *, after_reads: int = 0, before_edits: int = 0) -> None:
        super().__init__(archive=True)
        self.after_reads, self.before_edits, self.added = after_reads, before_edits, 0

    def read(self, session_id: str, *, archived: bool = False, **options: Any) -> Snapshot:
        found = super().read(session_id, archived=archived, **options)
        if archived and self.after_reads:
            self.after_reads -= 1
            self.add(session_id)
        return found

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        if self.before_edits:
            self.before_edits -= 1
            self.add(session_id)
        super().replace(session_id, edit, expected, operation_id)

    def add(self, session_id: str) -> None:
        self.append(session_id, [record("user", f"other {self.added}")], Window(2), f"other {self.added}")
        self.added += 1


def test_an_archive_and_its_window_are_of_one_moment(
    call: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    store = Interrupted(after_reads=3)
    for number in range(3):
        store.append("s", [record("user", str(number))], Window(2), str(number))
    with caplog.at_level(logging.DEBUG, "sessionkit_integrations"):
        snapshot = call(plain(SessionManager(2, store)), "snapshot", "s", archived=EVERYTHING)
    assert contents(snapshot.messages("archived", "window")) == ["0", "1", "2", "other 0", "other 1", "other 2"]
    assert [each.levelname for each in caplog.records] == ["DEBUG"] * 3
    assert all(each.getMessage().startswith("read of 's': attempt ") for each in caplog.records)


def test_each_conflict_of_an_edit_is_logged(call: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    sessions = SessionManager(2, Interrupted(before_edits=2))
    with caplog.at_level(logging.DEBUG, "sessionkit_integrations"):
        call(sessions, "set_system_message", "s", "secret text")
    assert contents(sessions.get_session("s")) == ["secret text", "other 0", "other 1"]
    assert [each.getMessage().partition(",")[0] for each in caplog.records] == [
        f"edit of 's': attempt {number} failed" for number in (1, 2)
    ]
    assert "secret text" not in caplog.text


def test_edits_without_a_conflict_log_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "sessionkit_integrations"):
        SessionManager().set_system_message("s", "x")
    assert caplog.records == []


def test_a_rewrite_sees_everything_and_applies_no_window(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions = filled(make_store)

    def edit(session: SessionSnapshot[Message]) -> EditPlan[int]:
        return EditPlan(len(session.archived), active=[*session.archived, *session.active], clear_archive=True)

    assert call(plain(sessions), "rewrite", "s", edit) == 8
    info = sessions.describe("s")
    assert info is not None
    assert (info.turns, info.archived) == (6, 0)


def test_a_rewrite_is_refused_if_somebody_always_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    from sessionkit_integrations.runtime.retries import Backoff, Policy  # noqa: PLC0415 - of this test

    monkeypatch.setattr("sessionkit_integrations.sessions.steps.CONFLICT_POLICY", Policy(Backoff(0, 0), attempts=3))
    store = Interrupted(before_edits=10)
    store.add("s")
    with pytest.raises(ConflictError):
        plain(SessionManager(2, store)).rewrite("s", lambda _: EditPlan(None, active=[record("user", "never")]))
    assert store.before_edits == 7
