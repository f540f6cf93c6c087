"""Operations on a SQLite file as generators of statements, with no I/O (see `steps.py`)."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.stores.base import Appended, Snapshot
from sessionkit_integrations.stores.state import REMEMBERED_OPERATIONS, conflict
from sessionkit_integrations.window.turns import check_growth, number_turns

if TYPE_CHECKING:
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.base import Edit
    from sessionkit_integrations.window.turns import Window

T = TypeVar("T")

SCHEMA_VERSION = 1
"""Kept in ``user_version``, by which a later release knows what it has to change."""

APPLICATION_ID = 0x534B4954
"""By which our files are known (``SKIT``): https://www.sqlite.org/pragma.html#pragma_application_id"""

PAGE = 1000
"""How many session ids one statement lists."""

_SCHEMA = (
    """
    CREATE TABLE sessions (
      id INTEGER PRIMARY KEY,
      session_id TEXT NOT NULL UNIQUE,
      turn INTEGER NOT NULL DEFAULT 0, -- the number of the last turn
      size INTEGER NOT NULL DEFAULT 0, -- how many records that turn has
      position INTEGER NOT NULL DEFAULT 0, -- the position of the last record
      operations TEXT NOT NULL DEFAULT '', -- the last operation ids
      appended INTEGER NOT NULL DEFAULT 0, -- messages, for ever
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER -- Unix milliseconds
    )""",
    "CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL",
    """
    CREATE TABLE active (
      session INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      turn INTEGER NOT NULL, -- 0 is the preamble
      record BLOB NOT NULL,
      PRIMARY KEY (session, position)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE archived (
      id INTEGER PRIMARY KEY,
      session INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
      record BLOB NOT NULL
    )""",
    "CREATE INDEX archived_by_session ON archived (session)",
)


@dataclass(frozen=True)
class Statement:
    """An SQL statement.

    Attributes:
        sql: Its text.
        values: What to bind to it.
        many: Rows to execute it for, one after the other, instead.
    """

    sql: str
    values: tuple[object, ...] = ()
    many: Sequence[tuple[object, ...]] | None = None


Steps = Generator[Statement, Any, T]
BEGIN = Statement("BEGIN IMMEDIATE")
COMMIT = Statement("COMMIT")


@dataclass
class _Row:
    """A session's row; ``id`` is ``None`` where there is none yet."""

    id: int | None = None
    turn: int = 0
    size: int = 0
    position: int = 0
    operations: str = ""


def prepare() -> Steps[None]:
    """Set up a new connection, and the schema where the file has none."""
    yield Statement("PRAGMA journal_mode = WAL")
    yield Statement("PRAGMA synchronous = FULL")
    yield Statement("PRAGMA foreign_keys = ON")
    version = (yield Statement("PRAGMA user_version"))[0][0]
    application = (yield Statement("PRAGMA application_id"))[0][0]
    if application == APPLICATION_ID and version > SCHEMA_VERSION:
        raise StoreError(f"the file has schema version {version}; upgrade sessionkit-integrations to use it")
    if application != APPLICATION_ID:
        yield from _transaction(_create())


def append(
    session_id: str,
    records: Sequence[Record],
    window: Window,
    operation_id: str,
    *,
    now: int,
    ttl: int | None,
    archive: bool,
) -> Steps[Appended]:
    """Do what `Store.append` says; times are in milliseconds."""

    def work() -> Steps[Appended]:
        row = yield from _load(session_id, now)
        if operation_id in row.operations.split():
            return Appended()
        rows = _place(row, records, window)
        session = yield from _save(row, session_id, operation_id, len(records), now, ttl)
        yield from _insert(session, rows)
        last_evicted = row.turn - window.turns
        if last_evicted <= 0:
            return Appended()
        evicted = " FROM active WHERE session = ? AND turn BETWEEN 1 AND ?"
        turns: int = (yield Statement(f"SELECT count(DISTINCT turn){evicted}", (session, last_evicted)))[0][0]
        if archive:
            copy = f"INSERT INTO archived (session, record) SELECT session, record{evicted} ORDER BY position"
            yield Statement(copy, (session, last_evicted))
        yield Statement(f"DELETE{evicted}", (session, last_evicted))
        return Appended(turns)

    return _transaction(work())


def read(
    session_id: str, now: int, *, archived: bool = False, start: int | None = None, stop: int | None = None
) -> Steps[Snapshot]:
    """Do what `Store.read` says."""
    table, order = ("archived", "records.id") if archived else ("active", "records.position")
    rows = yield Statement(
        f"SELECT record FROM {table} AS records JOIN sessions ON sessions.id = records.session"  # noqa: S608 - of ours
        f" WHERE session_id = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY {order}",
        (session_id, now),
    )
    return Snapshot(tuple(row[0] for row in rows[start:stop]))


def replace(
    session_id: str, edit: Edit, expected: str | None, operation_id: str, *, now: int, ttl: int | None
) -> Steps[None]:
    """Do what `Store.replace` says; times are in milliseconds."""

    def work() -> Steps[None]:
        row = yield from _load(session_id, now)
        if operation_id in row.operations.split():
            return
        if expected is not None:
            snapshot = yield from read(session_id, now)
            if snapshot.version != expected:
                raise conflict()
        rows: list[tuple[int, int, Record]] = []
        if edit.active is not None:
            row.turn, row.size = 0, 0
            rows = _place(row, edit.active)
        session = yield from _save(row, session_id, operation_id, 0, now, ttl)
        if edit.clear_archive:
            yield Statement("DELETE FROM archived WHERE session = ?", (session,))
        if edit.archive:
            added = [(session, record) for record in edit.archive]
            yield Statement("INSERT INTO archived (session, record) VALUES (?, ?)", many=added)
        if edit.active is not None:
            yield Statement("DELETE FROM active WHERE session = ?", (session,))
            yield from _insert(session, rows)
        yield Statement(
            "DELETE FROM sessions WHERE id = ? AND NOT EXISTS (SELECT 1 FROM active WHERE session = sessions.id)"
            " AND NOT EXISTS (SELECT 1 FROM archived WHERE session = sessions.id)",
            (session,),
        )

    return _transaction(work())


def delete(session_id: str) -> Steps[None]:
    """Do what `Store.delete` says."""

    def work() -> Steps[None]:
        yield Statement("DELETE FROM sessions WHERE session_id = ?", (session_id,))

    return _transaction(work())


def sessions(after: str, now: int) -> Steps[list[str]]:
    """Return the page of session ids that follows ``after``."""
    rows = yield Statement(
        "SELECT session_id FROM sessions WHERE session_id > ? AND (expires_at IS NULL OR expires_at > ?)"
        " ORDER BY session_id LIMIT ?",
        (after, now, PAGE),
    )
    return [row[0] for row in rows]


def _create() -> Steps[None]:
    if (yield Statement("PRAGMA application_id"))[0][0] == APPLICATION_ID:
        return  # another connection was first
    if (yield Statement("PRAGMA user_version"))[0][0] or (yield Statement("SELECT 1 FROM sqlite_master LIMIT 1")):
        raise StoreError("the file is the database of another application; choose another path")
    for definition in _SCHEMA:
        yield Statement(definition)
    yield Statement(f"PRAGMA application_id = {APPLICATION_ID}")
    yield Statement(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _transaction(work: Steps[T]) -> Steps[T]:
    """Do work in a transaction. Who performs the steps undoes it if one of them raises."""
    yield BEGIN
    result = yield from work
    yield COMMIT
    return result


def _load(session_id: str, now: int) -> Steps[_Row]:
    """Return a session's row, after removing all sessions that have expired."""
    yield Statement("DELETE FROM sessions WHERE expires_at <= ?", (now,))
    rows = yield Statement(
        "SELECT id, turn, size, position, operations FROM sessions WHERE session_id = ?", (session_id,)
    )
    return _Row(*rows[0]) if rows else _Row()


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
    placed = list(zip(itertools.count(row.position + 1), turns, records))
    if placed:
        row.position, row.turn, _ = placed[-1]
    return placed


def _save(row: _Row, session_id: str, operation_id: str, appended: int, now: int, ttl: int | None) -> Steps[int]:
    """Make or update a session's row; return its id."""
    operations = " ".join([*row.operations.split(), operation_id][-REMEMBERED_OPERATIONS:])
    expires = None if ttl is None else now + ttl
    if row.id is not None:
        yield Statement(
            "UPDATE sessions SET turn = ?, size = ?, position = ?, operations = ?, appended = appended + ?,"
            " updated_at = ?, expires_at = coalesce(?, expires_at) WHERE id = ?",
            (row.turn, row.size, row.position, operations, appended, now, expires, row.id),
        )
        return row.id
    yield Statement(
        "INSERT INTO sessions"
        " (session_id, turn, size, position, operations, appended, created_at, updated_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (session_id, row.turn, row.size, row.position, operations, appended, now, now, expires),
    )
    session: int = (yield Statement("SELECT id FROM sessions WHERE session_id = ?", (session_id,)))[0][0]
    return session


def _insert(session: int, placed: Sequence[tuple[int, int, Record]]) -> Steps[None]:
    rows = [(session, *row) for row in placed]
    if rows:
        yield Statement("INSERT INTO active (session, position, turn, record) VALUES (?, ?, ?, ?)", many=rows)
