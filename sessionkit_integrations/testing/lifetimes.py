"""Sessions as a whole: their ids, their listing, their end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from sessionkit_integrations.stores.values import Edit
from sessionkit_integrations.testing.fixtures import Fixtures
from sessionkit_integrations.testing.surface import ODD_SESSION_IDS, new_operation_id, record, turn, wait_until
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.testing.surface import Surface

R = TypeVar("R")

TTL = 0.45
"""Seconds that the sessions of these tests live."""

MOST_TRIES = 10
"""Tries of a test on a machine that is too busy for it."""


class LifetimeConformance(Fixtures):
    """Sessions as a whole: their ids, their listing, their end."""

    def test_delete_removes_everything_of_one_session(self, surface: Callable[..., Surface]) -> None:
        """A deleted session is as if it had never been, and others are as before."""
        store = surface()
        store.append("s", turn(1), 5, "once")
        store.append("other", turn(2), 5)
        store.delete("s")
        store.delete("never was")
        assert (store.read("s"), store.sessions()) == ([], ["other"])
        store.append("s", turn(3), 5, "once")
        assert store.read("s") == turn(3)

    def test_odd_session_ids_are_apart(self, surface: Callable[..., Surface]) -> None:
        """Sessions with similar or unusual ids share nothing, and are listed by their exact ids."""
        store = surface()
        for number, session_id in enumerate(ODD_SESSION_IDS):
            store.append(session_id, turn(number), 5)
        for number, session_id in enumerate(ODD_SESSION_IDS):
            assert store.read(session_id) == turn(number), session_id
        assert sorted(store.sessions()) == sorted(ODD_SESSION_IDS)

    def test_many_sessions_are_listed_once_each(self, surface: Callable[..., Surface]) -> None:
        """A listing of more sessions than fit a page is complete and has no repeats."""
        store = surface()
        names = [f"session-{number}" for number in range(1100)]
        for start in range(0, len(names), 50):
            raised = store.at_once(
                [
                    ("append", (name, [record("user", "x")], Window(1), new_operation_id()))
                    for name in names[start : start + 50]
                ]
            )
            assert raised == [None] * len(raised)
        assert sorted(store.sessions()) == sorted(names)

    def test_sessions_expire_as_a_whole(self, surface: Callable[..., Surface]) -> None:
        """A session is gone, with its archive, a ttl after its last change; each change renews it."""
        store = surface(ttl=TTL, archive=True)

        def keep_writing(session_id: str) -> tuple[list[Record], int, bool]:
            for number in range(5):
                store.append(session_id, turn(number), 1)
                time.sleep(TTL / 3)
            return store.read(session_id), len(store.read_archive(session_id)), session_id in store.sessions()

        session_id, kept = without_stalls(keep_writing)
        assert kept == (turn(4), 16, True)
        wait_until(lambda: not store.read(session_id))
        assert (store.read_archive(session_id), session_id in store.sessions()) == ([], False)
        store.append(session_id, turn(9), 1)
        assert (store.read(session_id), store.read_archive(session_id)) == (turn(9), [])

    def test_archive_by_edit_expires_with_its_session(self, surface: Callable[..., Surface]) -> None:
        """Records that an edit archived live as long as the session is written to, and no longer."""
        store = surface(ttl=TTL)

        def keep_writing(session_id: str) -> list[Record]:
            store.append(session_id, turn(0), 9)
            store.replace(session_id, Edit(active=(), archive=tuple(turn(0))), None)
            for number in range(5):
                store.append(session_id, turn(number), 9)
                time.sleep(TTL / 3)
            return store.read_archive(session_id)

        session_id, archived = without_stalls(keep_writing)
        assert archived == turn(0)
        wait_until(lambda: not store.read(session_id))
        assert (store.read_archive(session_id), session_id in store.sessions()) == ([], False)


def without_stalls(keep_writing: Callable[[str], R]) -> tuple[str, R]:
    """Call a function that writes five times, a third of `TTL` apart, until the machine does not hold it up.

    Returns:
        The session that it was given last, and its result.
    """
    tries = 0
    while True:
        tries += 1
        session_id = f"session-{tries}"
        started = time.monotonic()
        result = keep_writing(session_id)
        if time.monotonic() - started < TTL / 3 * 5 + TTL / 2 or tries == MOST_TRIES:
            return session_id, result
