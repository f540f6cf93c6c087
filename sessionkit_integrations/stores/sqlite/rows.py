"""Rows of the table of sessions: loaded, changed in memory and saved, as statements."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import role_of, tokens_of
from sessionkit_integrations.stores.operation_ids import remember
from sessionkit_integrations.stores.sqlite.sql import Statement
from sessionkit_integrations.window.turns import check_growth, number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.window.turns import Window

EXPIRED_SESSIONS = 16
"""Expired sessions that one write deletes; as each write adds one session at most, none are left over for long."""

EXPIRED_RECORDS = 1000
"""Archived records of expired sessions that one write deletes, so that it takes milliseconds however many there are."""


@dataclass(slots=True)
class Row:
    """A session's row; ``id`` is ``None`` if there is none yet."""

    operations: str = ""
    id: int | None = None
    turn: int = 0
    evicted: int = 0
    size: int = 0
    position: int = 0
    archived: int = 0
    tokens: int = 0
    waiting: int = 0
    waiting_turns: int = 0
    summarized: int = 0
    created: int = 0

    @property
    def summarizes(self) -> bool:
        """True if what is archived waits for a summary."""
        return self.waiting > 0 or self.summarized > 0


_LOAD = (
    "SELECT EXISTS (SELECT 1 FROM sessions WHERE expires_at <= ?), CAST(operations AS TEXT), id, CAST(turn AS INTEGER),"
    " CAST(evicted AS INTEGER), CAST(size AS INTEGER), CAST(position AS INTEGER), CAST(archived AS INTEGER),"
    " CAST(tokens AS INTEGER), CAST(waiting AS INTEGER), CAST(waiting_turns AS INTEGER), CAST(summarized AS INTEGER),"
    " CAST(created_at AS INTEGER) FROM (SELECT 1) LEFT JOIN sessions ON session_id = ?"
)
"""One statement, as each write begins with it; it has a row whether there is a session or not."""


def load(session_id: str, now: int) -> Statements[Row]:
    """Return a session's row, after deleting it if it has expired, and some of the others that have."""
    loaded = yield Statement(_LOAD, (now, session_id))
    if loaded[0][0]:
        yield Statement("DELETE FROM sessions WHERE session_id = ? AND expires_at <= ?", (session_id, now))
        yield from _delete_expired(now)
        loaded = yield Statement(_LOAD, (now, session_id))
    _, operations, *values = loaded[0]
    return Row() if operations is None else Row(operations, *values)


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


def place(row: Row, records: Sequence[Record], window: Window | None = None) -> list[tuple[int, int, int, Record]]:
    """Give records their positions, turns and tokens after those that ``row`` counts, and count them there.

    Raises:
        InvalidMessageError: A turn would be longer than ``window`` allows.
    """
    turns = number_turns(map(role_of, records), row.turn)
    if window is not None:
        row.size = check_growth(turns, window, row.turn, row.size)
    else:
        row.size = turns.count(turns[-1]) if turns else 0
    tokens = list(map(tokens_of, records))
    row.tokens += sum(tokens)
    placed = list(zip(count(row.position + 1), turns, tokens, records))
    row.position += len(placed)
    row.turn = turns[-1] if turns else row.turn
    return placed


def enter(session_id: str, now: int) -> Statements[int]:
    """Make a row for a session that has none, and return its id."""
    yield Statement(
        "INSERT INTO sessions (session_id, created_at, updated_at) VALUES (?, ?, ?)", (session_id, now, now)
    )
    session: int = (yield Statement("SELECT last_insert_rowid()"))[0][0]
    return session


def save(session: int, row: Row, operation_id: str, appended: int, now: int, ttl: int | None) -> Statements[None]:
    """Update a session's row."""
    operations = remember(row.operations, operation_id, now)
    expires = None if ttl is None else now + ttl
    yield Statement(
        "UPDATE sessions SET turn = ?, evicted = ?, size = ?, position = ?, archived = ?, tokens = ?, waiting = ?,"
        " waiting_turns = ?, summarized = ?, operations = ?, appended = appended + ?, updated_at = ?,"
        " expires_at = coalesce(?, expires_at) WHERE id = ?",
        (
            *(row.turn, row.evicted, row.size, row.position, row.archived, row.tokens, row.waiting),
            *(row.waiting_turns, row.summarized, operations, appended, now, expires, session),
        ),
    )
