"""Values that stores take and return."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from sessionkit_integrations.records.sealed import as_stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.limits import Claim, Level


class AppendOptions(TypedDict, total=False):
    """More that may be asked of an append.

    Attributes:
        wait: True to keep what is evicted in the archive until a summary covers it. A session in which records wait, or
            have been summarised, does so in any case.
        read: True to return the active records.
        usage: The tokens that providers counted for the records, by model. They are added to the session's.
        quota: What the records use of the session's limits. An append beyond one is refused, or counted all the same,
            as `limits.admit` says.
        opens: The ways in which records may be sealed for whoever reads, as `records.sealed.is_locked` takes them; none
            if it is not given. If a record is sealed in another way that an append with ``read`` would return, nothing
            is written. ``None`` writes in any case.

    Examples:
        >>> done = store.append("user456", [record], window, "1", **AppendOptions(read=True))
        >>> len(done.window.records)
        1
    """

    wait: bool
    read: bool
    quota: Claim
    usage: tuple[Usage, ...]
    opens: tuple[str, ...] | None


@dataclass(frozen=True)
class Snapshot:
    """Records of a session as they were at one moment, oldest first.

    Examples:
        >>> store.append("user456", [record], window, "1")
        >>> snapshot = store.read("user456")
        >>> len(snapshot.records), len(snapshot.version)
        (1, 40)
    """

    records: tuple[Record, ...]

    @cached_property
    def version(self) -> str:
        """Digest of the records: equal for two snapshots that hold the same records.

        It is computed from the records, so that a read transfers nothing else, and so that changes of writers that know
        of no versions are noticed.
        """
        return hashlib.sha1(b"\n".join(map(as_stored, self.records)), usedforsecurity=False).hexdigest()


class Both(NamedTuple):
    """Records of a session as they were at one moment.

    Attributes:
        active: The active records.
        archived: The records of a part of the archive.
        size: Number of records in the whole archive.
    """

    active: Snapshot
    archived: tuple[Record, ...]
    size: int


@dataclass(frozen=True)
class Appended:
    """Outcome of an append.

    Attributes:
        evicted: Turns that left the window; 0 for a retry.
        waiting_turns: Turns in the archive that wait for a summary, if the append was told to ``wait``; else 0.
        window: The active records as the append left them, if it was told to ``read``; else ``None``.
        refused: The active records as they are, if nothing was written, as whoever reads ``opens`` not all of them;
            else ``None``.

    Examples:
        >>> store.append("user123", [record], window, "1")
        Appended(evicted=0, waiting_turns=0, window=None, refused=None)
    """

    evicted: int = 0
    waiting_turns: int = 0
    window: Snapshot | None = None
    refused: Snapshot | None = None


@dataclass(frozen=True)
class SessionInfo:
    """Figures of a session, as its store keeps them.

    Attributes:
        turns: Turns among the active records.
        messages: Active records, the preamble included.
        archived: Archived records.
        appended: Messages that were ever appended; ``None`` where the store does not count them.
        tokens: Tokens of the active records, as they were counted when they were written; ``None`` if they were not, as
            while no tokens limit the window.
        waiting: Archived records that wait for a summary, the newest ones.
        waiting_turns: Their turns.
        summarized: Archived records that summaries cover.
        summary: The summary of the session, if it has one and it was asked for.
        forked_from: The session that this one is a fork of; ``None`` if it is not a fork, or the store does not know.
        usage: The tokens that providers reported for the session's messages, by model, also for messages
            that left the window or were removed since.
        levels: The state of the session's limits; see `Quota`.
        created: Time of the first write, in UTC; ``None`` where the store does not know it.
        updated: Time of the last write, in UTC; ``None`` where the store does not know it.
        expires: Time at which the session ends unless it is written to, in UTC; ``None`` if it does not end, or where
            the store does not know.

    Examples:
        >>> info = sessions.describe("user123")
        >>> info.turns, info.messages, info.archived
        (1, 2, 0)
    """

    turns: int
    messages: int
    archived: int
    appended: int | None = None
    created: datetime | None = None
    updated: datetime | None = None
    expires: datetime | None = None
    tokens: int | None = None
    waiting: int = 0
    waiting_turns: int = 0
    summarized: int = 0
    summary: SessionSummary | None = None
    forked_from: str | None = None
    usage: tuple[Usage, ...] = ()
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True)
class Covered:
    """Archived records that a new summary covers, the oldest of those that wait.

    Attributes:
        records: Their number.
        turns: The number of their turns.
        summarized: `SessionInfo.summarized` of the session when they were read.
        created: `SessionInfo.created` of it.

    Examples:
        >>> covered = Covered(records=4, turns=2, summarized=0, created=None)
        >>> covered.is_outdated(summarized=4, waiting=0, created=None)  # another summary was faster
        True
    """

    records: int
    turns: int
    summarized: int
    created: datetime | None

    def is_outdated(self, summarized: int, waiting: int, created: datetime | None) -> bool:
        """Return whether another summary was faster, or the session is another one; given its figures."""
        return (self.summarized, self.created) != (summarized, created) or self.records > waiting


@dataclass(frozen=True)
class Summarized:
    """State of the summaries of a session that comes from elsewhere, as by an import.

    Attributes:
        records: The number of records that its summary covers.
        waiting: The number of its archived records that wait for the next one, the newest ones.
        turns: The number of their turns.
    """

    records: int = 0
    waiting: int = 0
    turns: int = 0


@dataclass(frozen=True)
class Edit:
    """Change of a whole session, made at once.

    Attributes:
        active: Records that replace all active ones; ``None`` leaves those alone.
        archive: Records to add to the end of the archive.
        clear_archive: True to empty the archive first. What waits there for a summary is gone.
        evicted: Records that leave the window, which are archived before ``archive`` if the store archives what leaves,
            or if they wait for a summary.
        wait: True if what is archived waits for a summary; it does so as well in a session that has a summary.
        covered: The archived records that a summary among the active ones covers. They wait no more, and a store that
            does not archive drops them.
        summarized: What the summaries of a session that is written as a whole had come to. The session begins with this
            edit, so that no summary of one that it replaces is committed. ``None`` for all other edits.
        begins: True if the session must not exist, of one that is written as a whole.
        forked_from: The session that one which is written as a whole is a fork of, if it is one.
        usage: The tokens that providers reported for a session that is written as a whole, by model.

    Examples:
        >>> store.append("user123", [record], window, "1")
        >>> read = store.read("user123")
        >>> store.replace("user123", Edit(active=()), read.version, "2")
        >>> store.read("user123").records
        ()
    """

    active: tuple[Record, ...] | None = None
    archive: tuple[Record, ...] = ()
    clear_archive: bool = False
    evicted: tuple[Record, ...] = ()
    wait: bool = False
    covered: Covered | None = None
    summarized: Summarized | None = None
    begins: bool = False
    forked_from: str | None = None
    usage: tuple[Usage, ...] = ()


@dataclass(frozen=True)
class Exchange:
    """Replacement of records by others that say the same, as when records are sealed again.

    Attributes:
        position: The position of the first one, in the archive or among the active records.
        before: The records that are there.
        after: As many others, each of the same role, time and tokens.
        archived: Whether they are in the archive.
        hides: Whether whoever reads the store is not to learn what they say, so that an index forgets it.

    Examples:
        >>> Exchange(0, (record,), (record,)).made_in([record]) == [record]
        True
    """

    position: int
    before: tuple[Record, ...]
    after: tuple[Record, ...]
    archived: bool = False
    hides: bool = False

    def made_in(self, records: Sequence[Record]) -> list[Record] | None:
        """Return records after the exchange, or ``None`` if they have others in its place."""
        end = self.position + len(self.before)
        if tuple(records[self.position : end]) not in {self.before, self.after}:
            return None
        return [*records[: self.position], *self.after, *records[end:]]
