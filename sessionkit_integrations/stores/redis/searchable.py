"""A store that may keep an index of its messages, for a search of all sessions."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.runtime.steps import arun, run
from sessionkit_integrations.stores.copies import with_options
from sessionkit_integrations.stores.redis import reads
from sessionkit_integrations.stores.redis.notifying import NotifyingStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.finding import Finder
    from sessionkit_integrations.stores.terms import Place, Terms
    from sessionkit_integrations.stores.values import Appended, AppendOptions, Both, Edit
    from sessionkit_integrations.window.turns import Window

T = TypeVar("T")


class SearchableStore(NotifyingStore):
    """A scripted store whose server may have a query engine."""

    def _with_options(self, url: str) -> str:
        return with_options(super()._with_options(url), search=self.search)

    def read_both(self, session_id: str, part: slice) -> Both | None:
        """See `Store.read_both`; ``None`` without an index, as plain reads need fewer rights than a script."""
        return self._run(reads.read_both(self._keys, session_id, part)) if self.search else None

    async def aread_both(self, session_id: str, part: slice) -> Both | None:
        """See `read_both`."""
        if not self.search:
            return None
        return await self._arun(reads.read_both(self._keys, session_id, part))

    def find(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place] | None:
        """See `Store.find`."""
        if not self.search or session_id is not None:
            return None
        return run(self._finder.find(terms, since, skip, limit), self._perform)

    async def afind(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place] | None:
        """See `find`."""
        if not self.search or session_id is not None:
            return None
        return await arun(self._finder.find(terms, since, skip, limit), self._aperform)

    def index_sessions(self, progress: Callable[[int], object] | None = None) -> None:
        """Index all sessions, such as those that were there before the index.

        It also deletes what the index holds of sessions that ended. It may be repeated, and others may write meanwhile.

        Args:
            progress: Called after each session with the number of sessions that are left.

        Raises:
            StoreError: The store was made without ``search=True``, or the server has no query engine.
        """
        finder = self._searched()
        for steps in finder.index_all(list(self.sessions()), progress):
            run(steps, self._perform)

    async def aindex_sessions(self, progress: Callable[[int], object] | None = None) -> None:
        """See `index_sessions`."""
        finder = self._searched()
        for steps in finder.index_all([session_id async for session_id in self.asessions()], progress):
            await arun(steps, self._aperform)

    def _searched(self) -> Finder:
        if not self.search:
            raise StoreError("the store was made without search=True, and keeps no index")
        return self._finder

    @cached_property
    def _finder(self) -> Finder:
        from sessionkit_integrations.stores.redis.finding import Finder  # noqa: PLC0415 - nobody else needs it

        return Finder(self._keys, self._place, self._wait, super()._operation, self._locate)

    def _append(
        self, session_id: str, records: Sequence[Record], window: Window, operation_id: str, options: AppendOptions
    ) -> Command[Appended]:
        command = super()._append(session_id, records, window, operation_id, options)
        return self._finder.with_documents(command, records) if self.search else command

    def _replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> Command[None]:
        command = super()._replace(session_id, edit, expected, operation_id)
        records = (*(edit.active or ()), *edit.evicted, *edit.archive)
        return self._finder.with_documents(command, records) if self.search else command

    def _fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> Steps[None]:
        yield from super()._fork(session_id, new_session_id, branch, operation_id)
        if self.search:
            try:
                yield from self._finder.index(new_session_id)
            except StoreError as error:  # it is there all the same
                LOGGER.warning("the fork %r is not indexed: %s; index_sessions does it", new_session_id, error)

    def _operation(self, command: Command[T], node: Any = None) -> Steps[T]:
        operation = super()._operation(command, node)
        return self._prepared(operation) if self.search and command.name in ("append", "replace") else operation

    def _prepared(self, operation: Steps[T]) -> Steps[T]:
        yield from self._finder.prepare()
        return (yield from operation)
