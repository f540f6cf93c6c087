"""Branches: sessions that begin with records of another one, and the way in which these come there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import SealError
from sessionkit_integrations.records.sealed import key_id_of, sealed_by, unopened
from sessionkit_integrations.stores.values import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.values import SessionInfo, Summarized


class Carrier:
    """Takes archived records of a session to a fork of it: as they are, and none that nobody could open there."""

    changes: bool = False
    """True if it makes others of them. If not, it may be shown those alone that are sealed."""

    def carry(self, session_id: str, records: Sequence[Record], start: int) -> tuple[Record, ...]:
        """Return records as the fork is to hold them.

        Args:
            session_id: The session that they come from.
            records: A part of its archive, as it is stored.
            start: The position of the first one in the archive.

        Raises:
            SealError: One of them is encrypted, for that session.
        """
        check_opened(session_id, records, archived_from=start)
        return tuple(records)


@dataclass(frozen=True)
class Branch:
    """A session that begins with records of another one, its source.

    Attributes:
        active: Its active records.
        archived: The number of the source's archived records that it begins with, the oldest.
        summarized: What its summaries have come to.
        source: Figures of the source when the branch was planned.
        oldest: The oldest archived record of the source then; none if it had none.
        carrier: Takes the archived records to it.
    """

    active: tuple[Record, ...]
    archived: int
    summarized: Summarized
    source: SessionInfo
    oldest: tuple[Record, ...]
    carrier: Carrier = Carrier()  # noqa: RUF009 - it has no state

    def is_outdated(self, source: SessionInfo | None, oldest: tuple[Record, ...]) -> bool:
        """Return whether the archived records are others by now, given what the attributes of these names are now.

        Turns only ever join the end of an archive, unless it is cleared, or a summary drops what it covers.
        """
        if source is None or oldest != self.oldest:
            return True
        before = self.source.created, self.source.summarized
        return before != (source.created, source.summarized) or self.archived > source.archived

    def edit(self, source_id: str, archive: tuple[Record, ...]) -> Edit:
        """Return the edit that makes it, in a session that is not there yet.

        Args:
            source_id: The source.
            archive: Its archived records, where they are not there yet.

        Raises:
            SealError: As `Carrier.carry`.
        """
        archive = self.carrier.carry(source_id, archive, 0)
        return Edit(self.active, archive, summarized=self.summarized, begins=True, forked_from=source_id)


def check_opened(session_id: str, records: Sequence[Record], archived_from: int | None = None) -> None:
    """Check that a fork can have records, as those that are encrypted are opened in their session alone.

    Args:
        session_id: The session that they come from.
        records: The records, opened as far as they could be.
        archived_from: The position of the first one in the archive; ``None`` if they are active.

    Raises:
        SealError: One of them was not opened.
    """
    is_archived = archived_from is not None
    for position, record in enumerate(records, archived_from or 0):
        by = sealed_by(record)
        error = unopened(record, by, session_id, position, archived=is_archived) if key_id_of(by) else None
        if isinstance(error, SealError):  # what is damaged is so in the fork
            raise error
