"""Forks in a SQLite file: one transaction, in which SQLite copies the archive itself, and the methods that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import now
from sessionkit_integrations.records.sealed import FIELD
from sessionkit_integrations.stores.operation_ids import is_known
from sessionkit_integrations.stores.sqlite.leases import check_turn
from sessionkit_integrations.stores.sqlite.reading import read
from sessionkit_integrations.stores.sqlite.rows import enter, load
from sessionkit_integrations.stores.sqlite.sql import Statement, transaction
from sessionkit_integrations.stores.sqlite.statements import change, describe
from sessionkit_integrations.stores.sqlite.threads import StatementStore
from sessionkit_integrations.stores.state import conflict
from sessionkit_integrations.stores.turns import holder_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.sqlite.sql import Statements

PAGE = 250
"""Records that are in memory at once, where they become others."""

COMPRESSED = b'"by":"zstd"'
"""Bytes of a record that is compressed only."""


def fork(
    session_id: str,
    new_session_id: str,
    branch: Branch,
    operation_id: str,
    *,
    at: int,
    ttl: int | None,
    archive: bool,
    holder: str | None,
) -> Statements[None]:
    """Do what `Store.fork` says; ``holder`` has the turn of the new session that it belongs to."""

    def work() -> Statements[None]:
        row = yield from load(new_session_id, at)
        if is_known(row.operations, operation_id):
            return
        if holder is not None:
            yield from check_turn(new_session_id, holder, at)
        if row.id is not None:
            raise conflict()
        if branch.archived:
            source = yield from describe(session_id, at)
            if branch.is_outdated(source, (yield from read(session_id, at, archived=True, stop=1)).records):
                raise conflict()
        session = yield from enter(new_session_id, at)
        if branch.archived:
            if branch.carrier.changes:
                yield from _copy_in_pages(session, session_id, branch, at)
            else:
                yield from _copy(session, session_id, branch)
            row.archived = branch.archived
        edit = branch.edit(session_id, ())
        yield from change(session, row, edit, operation_id, now=at, ttl=ttl, archive=archive)

    return transaction(work())


def _copy(session: int, source_id: str, branch: Branch) -> Statements[None]:
    """Let SQLite copy an archive; of its records, those are read that are sealed and not only compressed.

    Args:
        session: The session that is to have it.
        source_id: The session that has it.
        branch: What the first one begins with.
    """
    of_source = "session = (SELECT id FROM sessions WHERE session_id = ?) AND position <= ?"
    values, position = (source_id, branch.archived), 0
    while found := (
        yield Statement(
            f"SELECT position, CAST(record AS BLOB) FROM archived WHERE {of_source} AND position > ?"
            " AND instr(CAST(record AS BLOB), ?) AND NOT instr(CAST(record AS BLOB), ?) ORDER BY position LIMIT ?",
            (*values, position, FIELD, COMPRESSED, PAGE),
        )
    ):
        for position, record in found:
            branch.carrier.carry(source_id, (record,), position - 1)
    yield Statement(
        f"INSERT INTO archived (session, position, record) SELECT ?, position, record FROM archived WHERE {of_source}",
        (session, *values),
    )


def _copy_in_pages(session: int, source_id: str, branch: Branch, at: int) -> Statements[None]:
    """Copy an archive whose records become others on the way; see `_copy`."""
    for start in range(0, branch.archived, PAGE):
        stop = min(start + PAGE, branch.archived)
        page = (yield from read(source_id, at, archived=True, start=start, stop=stop)).records
        carried = branch.carrier.carry(source_id, page, start)
        yield Statement(
            "INSERT INTO archived (session, position, record) VALUES (?, ?, ?)",
            many=[(session, position, record) for position, record in enumerate(carried, start + 1)],
        )


class Forks(StatementStore):
    """The forks of a store whose operations are statements."""

    _ttl: int | None

    def fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        self._write(self._fork(session_id, new_session_id, branch, operation_id))

    async def afork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        await self._awrite(self._fork(session_id, new_session_id, branch, operation_id))

    def _fork(
        self, session_id: str, new_session_id: str, branch: Branch, operation_id: str
    ) -> Callable[[], Statements[None]]:
        holder = holder_of(self, new_session_id)
        place = session_id, new_session_id, branch, operation_id
        return lambda: fork(*place, at=now(), ttl=self._ttl, archive=self.archive, holder=holder)
