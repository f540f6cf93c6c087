"""What a store is: five operations, each of which happens at once or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sessionkit_integrations.runtime.context import Closeable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from typing_extensions import Self

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.window.turns import Window


@dataclass(frozen=True)
class Snapshot:
    """The records of a session as they were at one moment, oldest first."""

    records: tuple[Record, ...]

    @cached_property
    def version(self) -> str:
        """A digest of the records: two snapshots have the same version if they hold the same records.

        It is computed from what was read, so that a read costs no more than the records themselves, and so
        that changes by writers who know of no versions are seen.
        """
        return hashlib.sha1(b"\n".join(self.records), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Edit:
    """A change of a whole session, made at once.

    Attributes:
        active: The records to put in the place of all active ones, or ``None`` to leave those alone.
        archive: Records to add to the end of the archive.
        clear_archive: Whether the archive is emptied first.
    """

    active: tuple[Record, ...] | None = None
    archive: tuple[Record, ...] = ()
    clear_archive: bool = False


class Store(Closeable, ABC):
    """Where sessions are kept. Implement the five abstract methods to have a store of your own.

    Each operation is atomic: concurrent callers see all of it or nothing. `InMemoryStore`'s
    `SessionState` holds the rules, so that a store has only to load, change and save one under a lock.
    The ``a`` twins run the plain methods in a thread; override them where the driver is asynchronous.
    ``sessionkit_integrations.testing`` has the conformance suite that every store passes.

    A session with neither active nor archived records does not exist.
    """

    archive: bool = False
    """Whether evicted records are kept in an archive. Edits may add to the archive in either case."""

    @abstractmethod
    def append(self, session_id: str, records: Sequence[Record], window: Window, operation_id: str) -> None:
        """Add records to the end of a session, then evict what leaves the window.

        An append whose ``operation_id`` is one of the session's last ones changes nothing: it is a retry.

        Raises:
            InvalidMessageError: A turn would be longer than ``window`` allows; nothing was written.
        """

    @abstractmethod
    def read(self, session_id: str, *, archived: bool = False) -> Snapshot:
        """Return the active (or the archived) records of a session; none if there is no such session."""

    @abstractmethod
    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """Make an edit, if the active records still have the version ``expected`` (``None``: whatever it is).

        An edit whose ``operation_id`` is one of the session's last ones changes nothing: it is a retry.

        Raises:
            ConflictError: The version is another one; nothing was changed.
        """

    @abstractmethod
    def delete(self, session_id: str) -> None:
        """Delete all that is kept of a session."""

    @abstractmethod
    def sessions(self) -> Iterator[str]:
        """Iterate over the ids of all sessions, each once, in no particular order."""

    def __deepcopy__(self, _memo: object) -> Self:
        # Frameworks copy what their objects hold; a copy is of the same sessions.
        return self

    async def aappend(self, session_id: str, records: Sequence[Record], window: Window, operation_id: str) -> None:
        """See `append`."""
        await asyncio.to_thread(self.append, session_id, records, window, operation_id)

    async def aread(self, session_id: str, *, archived: bool = False) -> Snapshot:
        """See `read`."""
        return await asyncio.to_thread(self.read, session_id, archived=archived)

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `replace`."""
        await asyncio.to_thread(self.replace, session_id, edit, expected, operation_id)

    async def adelete(self, session_id: str) -> None:
        """See `delete`."""
        await asyncio.to_thread(self.delete, session_id)

    async def asessions(self) -> AsyncIterator[str]:
        """See `sessions`."""
        for session_id in await asyncio.to_thread(lambda: list(self.sessions())):
            yield session_id

    def close(self) -> None:
        """Release what the store holds open, except clients that it was given."""

    async def aclose(self) -> None:
        """See `close`."""
        await asyncio.to_thread(self.close)
