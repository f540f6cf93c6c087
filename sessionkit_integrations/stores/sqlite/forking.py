"""Forks in a SQLite file: one transaction, in which SQLite copies the archive itself, and the methods that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import now
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

    from sessionkit_integrations.stores.sqlite.sql import Statements
    from sessionkit_integrations.stores.values import Branch


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
            yield Statement(
                "INSERT INTO archived (session, position, record) SELECT ?, position, record FROM archived"
                " WHERE session = (SELECT id FROM sessions WHERE session_id = ?) AND position <= ?",
                (session, session_id, branch.archived),
            )
            row.archived = branch.archived
        edit = branch.edit(session_id, ())
        yield from change(session, row, edit, operation_id, now=at, ttl=ttl, archive=archive)

    return transaction(work())


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
