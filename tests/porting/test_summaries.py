"""Exports and imports of sessions that were summarised."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    ConflictError,
    Edit,
    InMemoryStore,
    Message,
    SessionInfo,
    SessionManager,
    SessionSummary,
    Store,
    Summary,
    Window,
)
from sessionkit_integrations.porting.exporting import Exported, export_sessions
from sessionkit_integrations.porting.importing import Imported, import_lines
from sessionkit_integrations.porting.stored import Outcome, StoredSession, read_session, stored, write_session
from sessionkit_integrations.records.record import Record

if TYPE_CHECKING:
    from tests.backends import StoreMaker


def tell(previous: str | None, messages: list[Message]) -> str:
    return f"{previous or ''}({' '.join(str(message['content']) for message in messages)})"


def summarising(store: Store, *, every: int | None = None) -> SessionManager:
    """Return sessions whose window holds a turn, and tokens are counted."""
    window = Window(1, tokens=1000)
    return SessionManager(window, store, summary=Summary(tell, every=every, background=False))


def filled(store: Store) -> SessionManager:
    """Return sessions of which one has a summary of two turns, and two turns that wait."""
    sessions = summarising(store)
    sessions.set_system_message("s", "Be brief.")
    for text in "123":
        sessions.add_user_message("s", text)
        sessions.add_assistant_message("s", text.lower())
    sessions.summarize("s")
    for text in "45":
        sessions.add_user_message("s", text)
    return sessions


def exported(store: Store, **options: Any) -> list[bytes]:
    return list(export_sessions(SessionManager(store=store), sorted(store.sessions()), Exported(), **options))


def imported(store: Store, lines: list[bytes], *, overwrite: bool = False) -> Imported:
    done = Imported()
    list(import_lines(SessionManager(store=store), lines, done, overwrite=overwrite))
    return done


def summary_of(sessions: SessionManager) -> SessionSummary:
    summary = sessions.get_summary("s")
    assert summary
    return summary


def contents(messages: list[Message]) -> list[object]:
    return [message["content"] for message in messages]


@pytest.mark.parametrize("archive", [False, True])
def test_a_summary_is_imported_as_it_was(make_store: StoreMaker, archive: bool) -> None:
    source = filled(make_store(archive=archive))
    lines = exported(source.store)
    session = json.loads(lines[1])
    assert [each.get("summary", {}).get("turns") for each in session["active"]] == [None, 2, None]
    assert all(each["tokens"] > 0 for each in session["active"])
    target = summarising(make_store(archive=archive))
    assert imported(target.store, lines).written == 1
    assert exported(target.store) == lines
    assert stored(read_session(target, "s")) == stored(read_session(source, "s"))
    assert summary_of(target) == summary_of(source)
    info = target.describe("s")
    assert info
    assert (info.waiting, info.waiting_turns, info.summarized) == (3, 2, 4)


def test_the_summary_of_an_imported_session_goes_on_with_what_leaves_next(make_store: StoreMaker) -> None:
    target = summarising(make_store(archive=True), every=1)
    imported(target.store, exported(filled(InMemoryStore(archive=True)).store))
    target.add_user_message("s", "6")
    summary = summary_of(target)
    assert (summary.text, summary.turns, summary.messages) == ("(1 1 2 2)(3 3 4 5)", 5, 8)
    assert contents(target.get_archive("s")) == ["1", "1", "2", "2", "3", "3", "4", "5"]


@pytest.mark.parametrize("archive", [False, True])
def test_what_is_overwritten_leaves_nothing_of_its_own_that_waits(make_store: StoreMaker, archive: bool) -> None:
    lines = exported(filled(InMemoryStore(archive=True)).store)
    target = filled(make_store(archive=archive))
    target.add_user_message("s", "another")
    assert imported(target.store, lines).refused == ["s"]
    assert imported(target.store, lines, overwrite=True).overwritten == 1
    assert exported(target.store) == lines
    info = target.describe("s")
    assert info
    assert (info.waiting, info.waiting_turns, info.summarized, info.archived) == (3, 2, 4, 7)
    assert imported(target.store, lines, overwrite=True).unchanged == 1
    assert target.summarize("s") == summary_of(target)
    assert summary_of(target).turns == 4


def test_a_dry_run_deletes_nothing() -> None:
    sessions = filled(InMemoryStore(archive=True))
    before = stored(read_session(sessions, "s"))
    other = StoredSession("s", before.active)
    assert write_session(sessions, other, overwrite=True, dry_run=True) is Outcome.OVERWRITTEN
    assert stored(read_session(sessions, "s")) == before


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (True, ["Be brief.", "1", "1", "2", "2", "3", "3"]),
        (False, ["Be brief.", "Summary of the conversation so far:\n\n(1 1 2 2)", "3", "3"]),
    ],
)
def test_an_example_has_a_summary_or_what_it_stands_for(archive: bool, said: list[str]) -> None:
    (line,) = exported(filled(InMemoryStore(archive=archive)).store, fine_tuning_data=True)
    assert contents(json.loads(line)["messages"]) == said


def test_turns_that_wait_are_not_those_of_the_summary() -> None:
    sessions = summarising(InMemoryStore())
    sessions.add_user_message("s", "1")
    time.sleep(0.002)  # so that what follows is later
    sessions.add_user_message("s", "2")
    sessions.summarize("s")
    for text in "345":
        sessions.add_user_message("s", text)
    sessions.add_assistant_message("s", "end")
    (line,) = exported(sessions.store, fine_tuning_data=True)
    said = ["Summary of the conversation so far:\n\n(1)", "2", "3", "4", "5", "end"]
    assert contents(json.loads(line)["messages"]) == said


def test_what_waits_goes_on_waiting_by_writers_without_summaries(make_store: StoreMaker) -> None:
    target = make_store()
    imported(target, exported(filled(InMemoryStore()).store))
    SessionManager(1, target).add_user_message("s", "6")
    summary = summarising(target).summarize("s")
    assert summary
    assert (summary.text, summary.turns) == ("(1 1 2 2)(3 3 4 5)", 5)
    assert summarising(target).get_archive("s") == []


def test_a_session_whose_first_summary_waits_goes_on(make_store: StoreMaker) -> None:
    source, target = summarising(InMemoryStore()), summarising(make_store())
    for text in "123":
        source.add_user_message("s", text)
    imported(target.store, exported(source.store))
    summary = target.summarize("s")
    assert summary
    assert summary.text == "(1 2)"


def test_a_summary_of_what_is_overwritten_meanwhile_is_not_committed(make_store: StoreMaker) -> None:
    lines = exported(filled(InMemoryStore()).store)
    store = make_store()
    filled(store)

    def tell_late(_previous: str | None, _messages: list[Message]) -> str:
        time.sleep(0.002)  # a session begins at another millisecond
        SessionManager(store=store).add_user_message("s", "another")
        imported(store, lines, overwrite=True)
        return "of the session before"

    sessions = SessionManager(Window(1, tokens=1000), store, summary=Summary(tell_late, every=None))
    summary = sessions.summarize("s")
    assert summary
    assert summary.text == "(1 1 2 2)"
    assert exported(store) == lines


def test_a_record_that_is_left_out_of_an_export_waits_no_more() -> None:
    store = filled(InMemoryStore()).store
    store.replace("s", Edit(archive=(Record(b"damaged"),)), None, "1")
    assert json.loads(exported(store, skip_corrupt=True)[1])["waiting"] == 3


class Busy(InMemoryStore):
    """A store to whose session somebody writes just before it is described, as often as that is said."""

    times = 0

    def describe(self, session_id: str) -> SessionInfo | None:
        if self.times:
            self.times -= 1
            SessionManager(1, self).add_user_message(session_id, "meanwhile")
        return super().describe(session_id)


def test_an_export_is_of_one_moment() -> None:
    store = Busy()
    filled(store)
    store.times = 2
    session = json.loads(exported(store)[1])
    assert (session["waiting"], len(session["archived"])) == (5, 5)
    store.times = 1000
    with pytest.raises(ConflictError, match="written to all the time"):
        exported(store)
