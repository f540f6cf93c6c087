"""Reads of a SQLite file as generators of statements, with no I/O; times are in Unix milliseconds.

A read is one statement or one transaction, and so sees the file at one moment.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sessionkit_integrations.stores.sqlite.sql import Statement
from sessionkit_integrations.stores.values import Both, Snapshot

if TYPE_CHECKING:
    from sessionkit_integrations.stores.sqlite.sql import Statements

_LARGEST = 2**62
"""Bound of the numbers in a range: SQLite's integers have 64 bits."""

UNEXPIRED = "session_id = ? AND (expires_at IS NULL OR expires_at > ?)"
"""The condition of a session that is there; its values are the session and the present time."""

_READ_ACTIVE = (
    "SELECT CAST(record AS BLOB) FROM sessions CROSS JOIN active ON active.session = sessions.id"
    f" WHERE {UNEXPIRED} ORDER BY active.position"
)


def read(
    session_id: str, now: int, *, archived: bool = False, start: int | None = None, stop: int | None = None
) -> Statements[Snapshot]:
    """Do what `Store.read` says."""
    if archived:
        return _read_archive(session_id, now, start, stop)
    return _read_active(session_id, now, start, stop)


def read_both(session_id: str, now: int, part: slice) -> Statements[Both]:
    """Do what `Store.read_both` says."""
    yield Statement("BEGIN")
    active = yield from read(session_id, now)
    archived = yield from read(session_id, now, archived=True, start=part.start, stop=part.stop)
    sizes = yield Statement(f"SELECT archived FROM sessions WHERE {UNEXPIRED}", (session_id, now))
    yield Statement("END")
    return Both(active, archived.records, sizes[0][0] if sizes else 0)


def _read_active(session_id: str, now: int, start: int | None, stop: int | None) -> Statements[Snapshot]:
    rows = yield Statement(_READ_ACTIVE, (session_id, now))
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
        f" WHERE {UNEXPIRED}{bounds} ORDER BY archived.position",
        (session_id, now, *values),
    )
    return Snapshot(tuple(chain.from_iterable(rows)))
