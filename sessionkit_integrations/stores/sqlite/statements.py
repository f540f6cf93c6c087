"""Operations on a SQLite file as generators of statements, with no I/O; times are in Unix milliseconds.

A read is one statement, and so sees the file at one moment. A write is one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.stores.base import Appended, SessionInfo, Snapshot, moment
from sessionkit_integrations.stores.sqlite.sql import Statement, transaction
from sessionkit_integrations.stores.state import REMEMBERED_OPERATIONS, conflict
from sessionkit_integrations.window.turns import check_growth, number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.base import Edit
    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.window.turns import Window

PAGE = 1000
"""Session ids that one statement lists."""

EXPIRED_SESSIONS = 16
"""Expired sessions that one write deletes; as each write adds one session at most, none are left over for long."""

EXPIRED_RECORDS = 1000
"""Archived records of expired sessions that one write deletes, so that it takes milliseconds however many there are."""

_LARGEST = 2**62
"""Bound of the numbers in a range: SQLite's integers have 64 bits."""

_LAST_ARCHIVED = "(SELECT max(position) FROM archived WHERE session = sessions.id)"
_UNEXPIRED = "session_id = ? AND (expires_at IS NULL OR expires_at > ?)"


@dataclass
class _Row:
    """A session's row; ``id`` is ``None`` if there is none yet."""

    id: int | None = None
    turn: int = 0
    evicted: int = 0
    size: int = 0
    position: int = 0
    archived: int = 0
    operations: str = ""


def append(
    session_id: str,
    records: Sequence[Record],
    window: Window,
    operation_id: str,
    *,
    now: int,
    ttl: int | None,
    archive: bool,
) -> Statements[Appended]:
    """Do what `Store.append` says."""

    def work() -> Statements[Appended]:
        row = yield from _load(session_id, now)
        if operation_id in row.operations.split():
            return Appended()
        placed = _place(row, records, window)
        evicted = max(row.turn - window.turns - row.evicted, 0)
        row.evicted += evicted
        session = yield from _enter(row, session_id, now)
        yield from _insert(session, placed)
        if evicted:
            yield from _evict(session, row, archive=archive)
        archived = _LAST_ARCHIVED if evicted and archive else "archived"
        yield from _save(session, row, archived, operation_id, len(records), now, ttl)
        return Appended(evicted)

    return transaction(work())


def read(
    session_id: str, now: int, *, archived: bool = False, start: int | None = None, stop: int | None = None
) -> Statements[Snapshot]:
    """Do what `Store.read` says."""
    if archived:
        return _read_archive(session_id, now, start, stop)
    return _read_active(session_id, now, start, stop)


def replace(
    session_id: str, edit: Edit, expected: str | None, operation_id: str, *, now: int, ttl: int | None
) -> Statements[None]:
    """Do what `Store.replace` says."""

    def work() -> Statements[None]:
        row = yield from _load(session_id, now)
        if operation_id in row.operations.split():
            return
        if expected is not None:
            snapshot = yield from read(session_id, now)
            if snapshot.version != expected:
                raise conflict()
        placed: list[tuple[int, int, Record]] = []
        if edit.active is not None:
            row.turn, row.evicted, row.size = 0, 0, 0
            placed = _place(row, edit.active)
        before = 0 if edit.clear_archive else row.archived
        session = yield from _enter(row, session_id, now)
        if edit.clear_archive:
            yield Statement("DELETE FROM archived WHERE session = ?", (session,))
        if edit.archive:
            added = [(session, position, record) for position, record in enumerate(edit.archive, before + 1)]
            yield Statement("INSERT INTO archived (session, position, record) VALUES (?, ?, ?)", many=added)
        if edit.active is not None:
            yield Statement("DELETE FROM active WHERE session = ?", (session,))
            yield from _insert(session, placed)
        yield from _save(session, row, str(before + len(edit.archive)), operation_id, 0, now, ttl)
        yield Statement(
            "DELETE FROM sessions WHERE id = ? AND NOT EXISTS (SELECT 1 FROM active WHERE session = sessions.id)"
            " AND NOT EXISTS (SELECT 1 FROM archived WHERE session = sessions.id)",
            (session,),
        )

    return transaction(work())


def delete(session_id: str) -> Statements[None]:
    """Do what `Store.delete` says."""

    def work() -> Statements[None]:
        yield Statement("DELETE FROM sessions WHERE session_id = ?", (session_id,))

    return transaction(work())


def sessions(after: str, now: int) -> Statements[list[str]]:
    """Return the page of session ids that follows ``after``."""
    rows = yield Statement(
        "SELECT session_id FROM sessions WHERE session_id > ? AND (expires_at IS NULL OR expires_at > ?)"
        " ORDER BY session_id LIMIT ?",
        (after, now, PAGE),
    )
    return [row[0] for row in rows]


def describe(session_id: str, now: int) -> Statements[SessionInfo | None]:
    """Do what `Store.describe` says."""
    rows = yield Statement(
        "SELECT turn - evicted, (SELECT count(*) FROM active WHERE session = sessions.id), CAST(archived AS INTEGER),"
        " CAST(appended AS INTEGER), CAST(created_at AS INTEGER), CAST(updated_at AS INTEGER),"
        f" CAST(expires_at AS INTEGER) FROM sessions WHERE {_UNEXPIRED}",
        (session_id, now),
    )
    if not rows:
        return None
    turns, messages, archived, appended, *times = rows[0]
    return SessionInfo(turns, messages, archived, appended, *map(moment, times))


def _read_active(session_id: str, now: int, start: int | None, stop: int | None) -> Statements[Snapshot]:
    rows = yield Statement(
        "SELECT CAST(record AS BLOB) FROM sessions CROSS JOIN active ON active.session = sessions.id"
        f" WHERE {_UNEXPIRED} ORDER BY active.position",
        (session_id, now),
    )
    return Snapshot(tuple(chain.from_iterable(rows))[start:stop])


def _read_archive(session_id: str, now: int, start: int | None, stop: int | None) -> Statements[Snapshot]:
    # The join goes from the session, which knows how many there are, to a range of positions.
    bounds, values = "", []
    for comparison, bound in ((">", start), ("<=", stop)):
        if bound is not None:
            bounds += f" AND archived.position {comparison} {'sessions.archived + ' if bound < 0 else ''}?"
            values.append(max(-_LARGEST, min(bound, _LARGEST)))
    rows = yield Statement(
        "SELECT CAST(record AS BLOB) FROM sessions CROSS JOIN archived ON archived.session = sessions.id"
        f" WHERE {_UNEXPIRED}{bounds} ORDER BY archived.position",
        (session_id, now, *values),
    )
    return Snapshot(tuple(chain.from_iterable(rows)))


def _load(session_id: str, now: int) -> Statements[_Row]:
    """Return a session's row, after deleting it if it has expired, and some of the others that have."""
    if (yield Statement("SELECT 1 FROM sessions WHERE expires_at <= ? LIMIT 1", (now,))):
        yield Statement("DELETE FROM sessions WHERE session_id = ? AND expires_at <= ?", (session_id, now))
        yield from _delete_expired(now)
    rows = yield Statement(
        "SELECT id, CAST(turn AS INTEGER), CAST(evicted AS INTEGER), CAST(size AS INTEGER), CAST(position AS INTEGER),"
        " CAST(archived AS INTEGER), CAST(operations AS TEXT) FROM sessions WHERE session_id = ?",
        (session_id,),
    )
    return _Row(*rows[0]) if rows else _Row()


def _delete_expired(now: int) -> Statements[None]:
    first = "SELECT id FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    yield Statement(
        "DELETE FROM archived WHERE rowid IN (SELECT archived.rowid FROM"
        f" ({first}) AS expired CROSS JOIN archived ON archived.session = expired.id LIMIT ?)",
        (now, EXPIRED_SESSIONS, EXPIRED_RECORDS),
    )
    yield Statement(
        f"DELETE FROM sessions WHERE id IN ({first})"
        " AND NOT EXISTS (SELECT 1 FROM archived WHERE session = sessions.id)",
        (now, EXPIRED_SESSIONS),
    )


def _place(row: _Row, records: Sequence[Record], window: Window | None = None) -> list[tuple[int, int, Record]]:
    """Give records their positions and turns after those that ``row`` counts, and count them there.

    Raises:
        InvalidMessageError: A turn would be longer than ``window`` allows.
    """
    turns = number_turns(map(role_of, records), row.turn)
    if window is not None:
        row.size = check_growth(turns, window, row.turn, row.size)
    else:
        row.size = turns.count(turns[-1]) if turns else 0
    placed = list(zip(count(row.position + 1), turns, records))
    if placed:
        row.position, row.turn, _ = placed[-1]
    return placed


def _enter(row: _Row, session_id: str, now: int) -> Statements[int]:
    """Return the id of a session's row, which is made if there is none."""
    if row.id is not None:
        return row.id
    yield Statement(
        "INSERT INTO sessions (session_id, created_at, updated_at) VALUES (?, ?, ?)", (session_id, now, now)
    )
    session: int = (yield Statement("SELECT last_insert_rowid()"))[0][0]
    return session


def _save(
    session: int, row: _Row, archived: str, operation_id: str, appended: int, now: int, ttl: int | None
) -> Statements[None]:
    """Update a session's row; ``archived`` is an expression for the number of archived records."""
    operations = " ".join([*row.operations.split(), operation_id][-REMEMBERED_OPERATIONS:])
    expires = None if ttl is None else now + ttl
    yield Statement(
        f"UPDATE sessions SET archived = {archived}, turn = ?, evicted = ?, size = ?, position = ?, operations = ?,"
        " appended = appended + ?, updated_at = ?, expires_at = coalesce(?, expires_at) WHERE id = ?",
        (row.turn, row.evicted, row.size, row.position, operations, appended, now, expires, session),
    )


def _insert(session: int, placed: Sequence[tuple[int, int, Record]]) -> Statements[None]:
    rows = [(session, *row) for row in placed]
    if rows:
        yield Statement("INSERT INTO active (session, position, turn, record) VALUES (?, ?, ?, ?)", many=rows)


def _evict(session: int, row: _Row, *, archive: bool) -> Statements[None]:
    """Remove the turns that have left the window."""
    evicted = " FROM active WHERE session = ? AND turn BETWEEN 1 AND ?"
    if archive:
        first = "SELECT position FROM active WHERE session = ? AND turn > 0 ORDER BY position LIMIT 1"
        yield Statement(
            "INSERT INTO archived (session, position, record)"
            f" SELECT session, ? + position - ({first}), record{evicted} ORDER BY position",
            (row.archived + 1, session, session, row.evicted),
        )
    yield Statement(f"DELETE{evicted}", (session, row.evicted))
