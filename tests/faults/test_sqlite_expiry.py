"""Many sessions of a SQLite file expire at once: each write deletes a few of them, and none is seen again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import SessionManager, SQLiteStore
from sessionkit_integrations.stores.sqlite.rows import EXPIRED_RECORDS, EXPIRED_SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STEPS = 60
"""Most steps of SQLite's virtual machine for each row that a write deletes."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.db"


@pytest.fixture
def sessions(path: Path) -> Iterator[SessionManager]:
    with SessionManager(1, SQLiteStore(path, ttl=3600, archive=True)) as sessions:
        sessions.add_user_message("me", "first")
        yield sessions


@pytest.fixture
def expire(path: Path) -> Callable[..., None]:
    """Puts expired sessions into the file, each with a number of archived records."""

    def expire(names: list[str], archived: int, expires_at: int = 1) -> None:
        with closing(sqlite3.connect(path)) as connection:
            insert = (
                "INSERT INTO sessions (session_id, turn, size, position, archived, created_at, updated_at, expires_at)"
                " VALUES (?, 1, 1, 1, ?, 0, 0, ?) RETURNING id"
            )
            for name in names:
                (session,) = connection.execute(insert, (name, archived, expires_at)).fetchone()
                record = b'{"role":"user","content":"old"}'
                connection.execute("INSERT INTO active VALUES (?, 1, 1, 0, ?)", (session, record))
                rows = ((session, position, record) for position in range(1, archived + 1))
                connection.executemany("INSERT INTO archived VALUES (?, ?, ?)", rows)
            connection.commit()

    return expire


def steps_of_a_write(sessions: SessionManager) -> int:
    """Return the steps that a write takes."""
    assert isinstance(sessions.store, SQLiteStore)
    connection = sessions.store._file._connection
    assert connection is not None
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    connection.set_progress_handler(step, 1)
    sessions.add_user_message("me", "another")
    connection.set_progress_handler(None, 1)
    return count


def left(path: Path) -> tuple[int, int, int]:
    """Return the numbers of expired sessions that are in the file, and of records in both tables."""
    with closing(sqlite3.connect(path)) as connection:
        counts = (
            "SELECT (SELECT count(*) FROM sessions WHERE expires_at = 1), (SELECT count(*) FROM active),"
            " (SELECT count(*) FROM archived)"
        )
        found: tuple[int, int, int] = connection.execute(counts).fetchone()
        return found


@pytest.mark.parametrize("number", [100, 3000])
def test_a_write_deletes_a_few_however_many_have_expired(
    number: int, path: Path, sessions: SessionManager, expire: Callable[..., None]
) -> None:
    usual = steps_of_a_write(sessions)
    expire([f"old {each}" for each in range(number)], archived=2)
    assert list(sessions.list_sessions()) == ["me"]
    before = left(path)
    assert steps_of_a_write(sessions) - usual < STEPS * EXPIRED_SESSIONS * 4
    assert left(path)[0] == before[0] - EXPIRED_SESSIONS
    writes = 1
    while left(path)[0]:
        writes += 1
        sessions.add_user_message("me", "more")
    assert writes == -(-number // EXPIRED_SESSIONS)
    assert left(path) == (0, 1, 1 + writes)


def test_an_archive_that_expired_is_deleted_in_parts(
    path: Path, sessions: SessionManager, expire: Callable[..., None]
) -> None:
    usual = steps_of_a_write(sessions)
    expire(["old"], archived=4 * EXPIRED_RECORDS)
    assert steps_of_a_write(sessions) - usual < STEPS * EXPIRED_RECORDS
    assert left(path)[2] == 2 + 3 * EXPIRED_RECORDS
    for _ in range(4):
        assert list(sessions.list_sessions()) == ["me"]
        assert sessions.get_session("old") == sessions.get_archive("old") == []
        assert sessions.store.describe("old") is None
        sessions.add_user_message("me", "more")
    assert left(path)[:2] == (0, 1)


@pytest.mark.parametrize("archived", [0, 3, 3 * EXPIRED_RECORDS])
def test_a_session_that_expired_begins_again_though_others_are_first(
    archived: int, sessions: SessionManager, expire: Callable[..., None]
) -> None:
    expire([f"old {number}" for number in range(10 * EXPIRED_SESSIONS)], archived=1)
    expire(["s"], archived, expires_at=2)
    sessions.add_user_message("s", "new")
    assert [message["content"] for message in sessions.get_session("s")] == ["new"]
    assert sessions.get_archive("s") == []
    info = sessions.store.describe("s")
    assert info is not None
    assert (info.turns, info.messages, info.archived, info.appended) == (1, 1, 0, 1)
