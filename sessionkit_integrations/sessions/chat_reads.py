"""Reads of parts of sessions: of the archive, the figures and the summary of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from sessionkit_integrations.records.codec import decode_all
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.sessions.steps import ReadArchive, arun_on, describe, read_summary, run_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.codec import Codec, Reader
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.values import SessionInfo

M = TypeVar("M")
N = TypeVar("N")


class ChatReads(Generic[M]):
    """The methods of `Chats` that read a part of a session."""

    _store: Store
    _codec: Codec[M]

    def read_archive(self, session_id: str, part: slice) -> list[M]:
        """Return a part of the archived messages, as a slice of all of them; `newest` makes pages."""
        return run_on(self._store, self._read_archive(session_id, part))

    async def aread_archive(self, session_id: str, part: slice) -> list[M]:
        """See `read_archive`."""
        return await arun_on(self._store, self._read_archive(session_id, part))

    def describe(self, session_id: str) -> SessionInfo | None:
        """Return figures of a session; see `SessionManager.describe`."""
        return run_on(self._store, describe(session_id))

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `describe`."""
        return await arun_on(self._store, describe(session_id))

    def summary(self, session_id: str) -> SessionSummary | None:
        """Return the summary of a session, or ``None`` if it has none."""
        return run_on(self._store, read_summary(session_id))

    async def asummary(self, session_id: str) -> SessionSummary | None:
        """See `summary`."""
        return await arun_on(self._store, read_summary(session_id))

    def decode(
        self, session_id: str, records: Sequence[Record], reader: Reader[N], *, first: int, archived: bool = False
    ) -> list[N]:
        """Return the messages that a reader finds in some records of a session; see `decode_all`."""
        return decode_all(reader, records, session_id, first=first, archived=archived)

    def _read_archive(self, session_id: str, part: slice) -> Steps[list[M]]:
        check_session_id(session_id)
        found = yield from ReadArchive(session_id, part)
        return self.decode(session_id, found.records, self._codec, first=part.start or 0, archived=True)
