"""Forks on a server: an archive is copied in pages into a list that no reader sees, until the last command shows it.

Source and fork may be on different nodes of a cluster, so that records go through this process. The list is in the slot
of the fork, under a key that is nobody's archive. It ends by itself if this process dies halfway. The last command
begins the fork: in one script it checks that there is no such session, renames the list, and writes the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import ConflictError, SealError
from sessionkit_integrations.runtime.steps import arun, run
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.redis import commands, reads
from sessionkit_integrations.stores.redis.commands import Command
from sessionkit_integrations.stores.redis.fencing import fenced
from sessionkit_integrations.stores.redis.performing import PerformsSteps
from sessionkit_integrations.stores.state import conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.redis.keys import Keys

PAGE = 250
"""Records that one command copies."""

KEPT = 600_000
"""Milliseconds for which a list that nobody goes on with is kept."""


class Forks(PerformsSteps, Store):
    """The forks of a store on a server."""

    _keys: Keys
    _ttl: int | None

    def fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        run(self._fork(session_id, new_session_id, branch, operation_id), self._perform)

    async def afork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        await arun(self._fork(session_id, new_session_id, branch, operation_id), self._aperform)

    def _fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> Steps[None]:
        keys = self._keys
        command = commands.replace(
            keys,
            new_session_id,
            branch.edit(session_id, ()),
            None,
            operation_id,
            ttl=self._ttl,
            archive=self.archive,
            staged=branch.archived,
        )
        try:
            if branch.archived:
                yield from self._copy(session_id, new_session_id, branch, operation_id)
            yield from self._operation(fenced(self, keys, new_session_id, command))
        except (ConflictError, SealError):
            if branch.archived:
                staged = keys.staged(new_session_id, operation_id)
                yield from self._operation(Command("DEL", (staged,), (), commands.done, writes=True))
            raise

    def _copy(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> Steps[None]:
        """Copy the archive.

        Raises:
            ConflictError: It is not what it was.
            SealError: As `Carrier.carry`.
        """
        keys = self._keys
        for start in range(0, branch.archived, PAGE):
            stop = min(start + PAGE, branch.archived)
            page = yield from self._operation(reads.read(keys, session_id, archived=True, start=start, stop=stop))
            if len(page.records) < stop - start:
                raise conflict()
            records = branch.carrier.carry(session_id, page.records, start)
            yield from self._operation(stage(keys, new_session_id, operation_id, start, records))
        source = yield from self._operation(commands.describe(keys, session_id))
        oldest = yield from self._operation(reads.read(keys, session_id, archived=True, start=0, stop=1))
        if branch.is_outdated(source, oldest.records):
            raise conflict()


def stage(keys: Keys, session_id: str, operation_id: str, before: int, records: Sequence[Record]) -> Command[None]:
    """Return the command that adds a page to an archive that is not yet a session's.

    Args:
        keys: The names of keys.
        session_id: The session that is to have it.
        operation_id: The operation, which names the list.
        before: The number of records before the page.
        records: The records.
    """
    touched = (*keys.all_of(session_id), keys.staged(session_id, operation_id))
    return Command("stage", touched, (before, KEPT, *records), commands.raise_conflict, is_script=True, writes=True)
