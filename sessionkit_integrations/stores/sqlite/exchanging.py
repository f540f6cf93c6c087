"""Exchanges of records in a SQLite file: one transaction, and the methods that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import now
from sessionkit_integrations.records.sealed import key_id_of, sealed_by
from sessionkit_integrations.stores.sqlite import reading, schema, vectors
from sessionkit_integrations.stores.sqlite.sql import Statement, transaction
from sessionkit_integrations.stores.sqlite.threads import StatementStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.stores.values import Exchange


def exchange_records(session_id: str, wanted: Exchange, at: int) -> Statements[bool]:
    """Do what `Store.exchange` says, in a transaction that is under way."""
    sessions = yield Statement(f"SELECT id FROM sessions WHERE {reading.UNEXPIRED}", (session_id, at))
    if not sessions:
        return False
    session: int = sessions[0][0]
    # Archived records are numbered from 1 without gaps, and active ones have some.
    table, lowest, offset = ("archived", wanted.position, 0) if wanted.archived else ("active", 0, wanted.position)
    rows = yield Statement(
        f"SELECT position, CAST(record AS BLOB) FROM {table} WHERE session = ? AND position > ?"
        " ORDER BY position LIMIT ? OFFSET ?",
        (session, lowest, len(wanted.before), offset),
    )
    if tuple([record for _, record in rows]) != wanted.before:
        return tuple([record for _, record in rows]) == wanted.after
    changed = [
        (position, before, after)
        for (position, before), after in zip(rows, wanted.after, strict=True)
        if after != before
    ]
    yield Statement(
        f"UPDATE {table} SET record = ? WHERE session = ? AND position = ?",
        many=[(after, session, position) for position, _, after in changed],
    )
    if (yield Statement(schema.HAS_INDEX)):
        # What is encrypted has no words in the index, which notes that it could not be read.
        stale = [(session, at) for at, before, _ in changed if wanted.hides or key_id_of(sealed_by(before))]
        yield from _index_again(table, stale)
    if wanted.hides:
        yield from vectors.forget(session)
    return True


def _index_again(table: str, places: Sequence[tuple[int, int]]) -> Statements[None]:
    """Take records out of the index, and let it read them again; see `index.py`."""
    number = "number" if table == "archived" else "CASE WHEN turn > 0 THEN position END"
    document = f"SELECT (session << 32) + {number} AS id FROM {table} WHERE session = ? AND position = ?"
    for name in ("search_documents", "search_pending"):
        yield Statement(f"DELETE FROM {name} WHERE id = ({document})", many=places)
    yield Statement(f"INSERT INTO search_pending (id) SELECT id FROM ({document}) WHERE id IS NOT NULL", many=places)


class Exchanges(StatementStore):
    """The exchanges of a store whose operations are statements."""

    def exchange(self, session_id: str, exchange: Exchange) -> bool:
        """See `Store.exchange`."""
        return self._write(lambda: transaction(exchange_records(session_id, exchange, now())))

    async def aexchange(self, session_id: str, exchange: Exchange) -> bool:
        """See `Store.exchange`."""
        return await self._awrite(lambda: transaction(exchange_records(session_id, exchange, now())))
