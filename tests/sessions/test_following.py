"""Looks at a session: what is told between two of them, whatever was written in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import InMemoryStore, SessionManager
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.sessions.comparing import Known, added
from sessionkit_integrations.sessions.following import begin, known_of, look
from sessionkit_integrations.sessions.live import messages_of
from sessionkit_integrations.sessions.steps import run_on
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES = st.sampled_from(["user", "user", "assistant", "system"])
MESSAGES = st.builds(lambda role, content: {"role": role, "content": content}, ROLES, st.sampled_from("ab"))
EDITS = st.sampled_from(["undo", "set_system_message", "reset_session"])


class Looker:
    """Looks at a session of a manager."""

    def __init__(self, sessions: SessionManager, *, counts: bool = True, known: Known | None = None) -> None:
        self._sessions, self._counts = sessions, counts
        self._chats = sessions.using(PlainCodec())
        self._known = known or run_on(sessions.store, begin(self._chats, "s", counts=counts))[0]

    def look(self) -> tuple[str | None, list[Any]]:
        steps = look(self._chats, "s", self._known, counts=self._counts)
        self._known, found = run_on(self._sessions.store, steps)
        return (None, []) if found is None else (found.kind, messages_of(self._chats, "s", found, PlainCodec()))


def contents(told: tuple[str | None, list[Any]]) -> tuple[str | None, str]:
    return told[0], "".join(message["content"] for message in told[1])


@given(
    batches=st.lists(st.lists(MESSAGES, min_size=1, max_size=8), max_size=6),
    window=st.integers(1, 4),
    archive=st.booleans(),
    first=st.lists(MESSAGES, max_size=6),
    only_figures=st.booleans(),
)
def test_every_message_is_told_once_and_in_order(
    batches: list[list[Any]], window: int, archive: bool, first: list[Any], only_figures: bool
) -> None:
    """Also equal ones, which only their number tells apart."""
    sessions = SessionManager(window, InMemoryStore(archive=archive))
    sessions.send_messages("s", first)
    known = known_of(sessions.describe("s")) if only_figures else None
    looker = Looker(sessions, known=known)
    for batch in batches:
        for message in batch:
            sessions.send_message("s", message)
        kind, messages = looker.look()
        if kind == "replaced":  # some have come and gone
            assert not archive
            assert messages == sessions.get_session("s")
        else:
            assert (kind, messages) == ("added", batch)
        assert looker.look() == (None, [])


@given(
    steps=st.lists(st.one_of(MESSAGES, EDITS, st.none()), max_size=30),
    window=st.integers(1, 3),
    archive=st.booleans(),
)
def test_a_reader_that_keeps_what_it_is_told_has_the_session(steps: Sequence[Any], window: int, archive: bool) -> None:
    """None is a look; the reader adds, replaces or deletes. It may keep more than the window."""
    sessions = SessionManager(window, InMemoryStore(archive=archive))
    looker, kept = Looker(sessions), list[Any]()
    for number, step in enumerate([*steps, None]):
        if isinstance(step, dict):
            sessions.send_message("s", {"role": step["role"], "content": f"{step['content']}{number}"})
        elif step == "set_system_message":
            sessions.set_system_message("s", f"new {number}")
        elif step is not None:
            getattr(sessions, step)("s")
        else:
            kind, messages = looker.look()
            kept = [*kept, *messages] if kind in (None, "added") else messages
            window_now = sessions.get_session("s")
            pinned, turns = _split(window_now)
            assert (_split(kept)[0], kept[len(kept) - len(turns) :]) == (pinned, turns)
            assert kind != "deleted" or not window_now


def _split(messages: list[Any]) -> tuple[list[Any], list[Any]]:
    pinned = number_turns(message["role"] for message in messages).count(0)
    return messages[:pinned], messages[pinned:]


def test_a_store_that_does_not_count_tells_what_its_records_tell() -> None:
    sessions = SessionManager(2, InMemoryStore(archive=True))
    looker = Looker(sessions, counts=False)
    for number in range(5):
        sessions.add_user_message("s", str(number))
    assert contents(looker.look()) == ("added", "01234")
    sessions.add_assistant_message("s", "5")
    assert contents(looker.look()) == ("added", "5")
    sessions.undo("s")
    assert contents(looker.look()) == ("replaced", "3")
    sessions.reset_session("s")
    assert looker.look() == ("deleted", [])
    assert looker.look() == (None, [])


def test_messages_that_came_and_went_are_told_as_the_window() -> None:
    sessions = SessionManager(2, InMemoryStore())
    sessions.add_system_message("s", "p")
    sessions.add_user_message("s", "0")
    looker = Looker(sessions)
    for number in range(1, 5):
        sessions.add_user_message("s", str(number))
    assert contents(looker.look()) == ("replaced", "p34")


@pytest.mark.parametrize("archive", [False, True])
def test_writes_between_the_reads_of_a_look_are_told_once(archive: bool) -> None:
    """Each read of the store follows a write of another caller, that came after the count was asked for."""
    store = _Busy(archive=archive)
    sessions = SessionManager(4, store)
    sessions.add_user_message("s", "0;")
    looker = Looker(sessions)
    told = ""
    for _ in range(30):
        kind, text = contents(looker.look())
        told = text if kind == "replaced" else told + text
    numbers = [int(number) for number in told.split(";")[:-1]]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert numbers[-1] > 30
    store.is_busy = False
    assert looker.look() == (None, [])
    for number in range(3):
        sessions.add_user_message("s", f"{number}")
        assert contents(looker.look()) == ("added", f"{number}")


class _Busy(InMemoryStore):
    number = 0
    is_busy = True

    def read(self, session_id: str, **options: Any) -> Any:
        if self.is_busy and not options and session_id in self._sessions:
            self.number += 1
            SessionManager(4, _plain(self)).add_user_message(session_id, f"{self.number};")
        return super().read(session_id, **options)


def _plain(store: _Busy) -> InMemoryStore:
    same = InMemoryStore.__new__(InMemoryStore)
    vars(same).update(vars(store))
    return same


@pytest.mark.parametrize(
    ("before", "after", "number"),
    [
        ("", "ab", 2),
        ("ab", "abc", 1),
        ("abc", "bcd", 1),
        ("aaa", "aaaa", 1),
        ("abab", "abab", 0),
        ("abc", "c", 0),
        ("ab", "xab", None),  # one was put in
        ("abcd", "abd", None),  # one was taken out
        ("abc", "xyz", None),
    ],
)
def test_what_was_added_follows_what_was_there(before: str, after: str, number: int | None) -> None:
    assert added([*map(ord, before)], [*map(ord, after)]) == number


def test_a_known_number_tells_equal_records_apart() -> None:
    assert added([1, 1], [1, 1], 1) == 1
    assert added([2, 3], [1, 2, 3, 4], earlier=1) == 1
    assert added([2, 3], [1, 2, 3, 4]) is None
