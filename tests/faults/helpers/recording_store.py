"""A store that notes what edits take out of its sessions and put into them."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from sessionkit_integrations import ConflictError, Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from typing_extensions import Unpack

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.values import Appended, AppendOptions, Edit, Snapshot
    from sessionkit_integrations.window.turns import Window


class RecordingStore(Store):
    """Passes all on to another store.

    Attributes:
        appended: The records that were appended, and how often.
        added: The records that edits which were made put into the active ones and the archive, and how often.
        removed: The active records in whose place they put those.
        made: How many edits were made.
        overtaken: How many were refused because another writer was faster.
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.archive = inner.archive
        self.appended: Counter[bytes] = Counter()
        self.added: Counter[bytes] = Counter()
        self.removed: Counter[bytes] = Counter()
        self.made = self.overtaken = 0
        self._read: dict[str, Snapshot] = {}
        self._lock = threading.Lock()

    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        appended = self.inner.append(session_id, records, window, operation_id, **options)
        with self._lock:
            self.appended.update(records)
        return appended

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        appended = await self.inner.aappend(session_id, records, window, operation_id, **options)
        with self._lock:
            self.appended.update(records)
        return appended

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        return self._noted(self.inner.read(session_id, archived=archived, start=start, stop=stop))

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        return self._noted(await self.inner.aread(session_id, archived=archived, start=start, stop=stop))

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        try:
            self.inner.replace(session_id, edit, expected, operation_id)
        except ConflictError:
            self._count_overtaken()
            raise
        self._enter(edit, expected)

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        try:
            await self.inner.areplace(session_id, edit, expected, operation_id)
        except ConflictError:
            self._count_overtaken()
            raise
        self._enter(edit, expected)

    def delete(self, session_id: str) -> None:
        self.inner.delete(session_id)

    def sessions(self) -> Iterator[str]:
        return self.inner.sessions()

    def asessions(self) -> AsyncIterator[str]:
        return self.inner.asessions()

    def close(self) -> None:
        self.inner.close()

    async def aclose(self) -> None:
        await self.inner.aclose()

    def check(self, session_id: str) -> None:
        """Check that a session, the only one, holds what was appended, but for what edits took out and put in."""
        there = Counter((*self.read(session_id, archived=True).records, *self.read(session_id).records))
        assert there + self.removed == self.appended + self.added

    def _noted(self, snapshot: Snapshot) -> Snapshot:
        with self._lock:
            self._read[snapshot.version] = snapshot
        return snapshot

    def _count_overtaken(self) -> None:
        with self._lock:
            self.overtaken += 1

    def _enter(self, edit: Edit, expected: str | None) -> None:
        assert expected is not None
        assert edit.active is not None
        with self._lock:
            self.made += 1
            self.removed.update(self._read[expected].records)
            self.added.update((*edit.active, *(edit.evicted if self.archive else ()), *edit.archive))
