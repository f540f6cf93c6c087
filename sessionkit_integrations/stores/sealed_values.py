"""Values that stores take and return, sealed and opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import Record
from sessionkit_integrations.records.sealed import as_stored
from sessionkit_integrations.stores.branches import Carrier, check_opened
from sessionkit_integrations.stores.values import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records.sealing import SessionSealer
    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.values import Appended, Both, Edit


class SealsAgain(Carrier):
    """Takes archived records of a session to a fork of it, sealed for that.

    Args:
        source: Opens them.
        new: Seals them.
    """

    changes = True

    def __init__(self, source: SessionSealer, new: SessionSealer) -> None:
        self._source = source
        self._new = new

    def carry(self, session_id: str, records: Sequence[Record], start: int) -> tuple[Record, ...]:
        """See `Carrier.carry`."""
        opened = open_all(self._source, records)
        check_opened(session_id, opened, archived_from=start)
        return seal_all(self._new, opened)


def seal_all(sealer: SessionSealer, records: Iterable[Record]) -> tuple[Record, ...]:
    """Return records as a store is to hold them."""
    return tuple([sealer.seal(record) for record in records])


def seal_edit(sealer: SessionSealer, edit: Edit) -> Edit:
    """Return an edit whose records are sealed."""
    active = None if edit.active is None else seal_all(sealer, edit.active)
    return replace(edit, active=active, archive=seal_all(sealer, edit.archive), evicted=seal_all(sealer, edit.evicted))


def seal_branch(source: SessionSealer, new: SessionSealer, branch: Branch) -> Branch:
    """Return a branch whose records are sealed, those as well that are in the archive of its source.

    Args:
        source: Opens the records of its source.
        new: Seals its own.
        branch: The branch.
    """
    # What is compressed alone is right in every session.
    carrier = SealsAgain(source, new) if new.encrypts else branch.carrier
    oldest = tuple([Record(as_stored(record)) for record in branch.oldest])
    return replace(branch, active=seal_all(new, branch.active), oldest=oldest, carrier=carrier)


def open_snapshot(sealer: SessionSealer, snapshot: Snapshot) -> Snapshot:
    """Return a snapshot whose records are opened, as far as they can be."""
    return Snapshot(open_all(sealer, snapshot.records))


def open_both(sealer: SessionSealer, both: Both) -> Both:
    """Return the same of a window and a part of its archive."""
    return both._replace(active=open_snapshot(sealer, both.active), archived=open_all(sealer, both.archived))


def open_all(sealer: SessionSealer, records: Iterable[Record]) -> tuple[Record, ...]:
    """Return records as they were before they were sealed, as far as they can be opened."""
    return tuple([sealer.open(record) for record in records])


def open_appended(sealer: SessionSealer, appended: Appended) -> Appended:
    """Return the outcome of an append whose records are opened."""
    window, refused = (
        None if snapshot is None else open_snapshot(sealer, snapshot)
        for snapshot in (appended.window, appended.refused)
    )
    return replace(appended, window=window, refused=refused)
