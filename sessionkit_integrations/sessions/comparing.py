"""The records of a session now beside those before: which of them were added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.sessions.steps import Describe, ReadArchive
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from sessionkit_integrations.stores.values import SessionInfo

_SLACK = 64
"""Records of an archive that are read beyond those that were counted: others may have been archived since."""


@dataclass(frozen=True)
class FoundRecord:
    """A record, with its position among the active records or in the archive."""

    record: Record
    position: int
    archived: bool = False


@dataclass(frozen=True)
class Known:
    """The state of a session when it was last looked at. Records are known by their hashes, which take little memory.

    Attributes:
        figures: Its figures; ``None`` if there was no such session, or where the store does not count.
        appended: The number of messages that were ever appended up to then, if it is known; more, if others added some
            that nobody counted.
        preamble: Its preamble; ``None`` if only the figures are known.
        turns: The active records behind it.
        archived: The length of the archive, where there are no turns.
    """

    figures: SessionInfo | None = None
    appended: int | None = None
    preamble: tuple[int, ...] | None = ()
    turns: tuple[int, ...] = ()
    archived: int = 0

    @property
    def exists(self) -> bool:
        """True if there was such a session."""
        return bool(self.figures or self.preamble or self.turns or self.archived)

    def without_records(self) -> Known:
        """Return the same with its figures alone."""
        return Known(self.figures, self.appended, preamble=None)


def figures_of(info: SessionInfo | None) -> SessionInfo | None:
    """Return those figures of a session that change with a write alone."""
    return None if info is None else replace(info, expires=None, summary=None)


def added(before: Sequence[int], after: Sequence[int], least: int = 0, *, earlier: int = 0) -> int | None:
    """Return how many records were added at the end of others, while others left at their beginning.

    Args:
        before: The records before.
        after: The records now.
        least: The number that is known to have been added.
        earlier: The number of records at the beginning of ``after`` that may be older than all of ``before``.

    Returns:
        The smallest number that explains the difference; ``None`` if there is none.
    """
    for number in range(max(least, 0), len(after) + 1):
        kept = len(after) - number
        common = min(kept, len(before))
        if kept - common > earlier or not (common or not before):
            continue
        if tuple(after[kept - common : kept]) == tuple(before[len(before) - common :]):
            return number
    return None


class Comparison:
    """The records of a session now beside those before."""

    def __init__(self, snapshot: SessionSnapshot[Any], known: Known, now: Known, info: SessionInfo | None) -> None:
        self._snapshot, self._known, self._now = snapshot, known, now
        self._id = snapshot.session_id
        self._first = snapshot.preamble_end
        self._preamble, self._turns = now.preamble or (), now.turns
        is_counted = now.appended is not None and known.appended is not None
        self._least = max((now.appended or 0) - (known.appended or 0), 0) if is_counted else 0
        self._is_counted = is_counted
        self._archived = 0 if info is None else info.archived
        self._began_again = _counted(now) < _counted(known)

    def window(self) -> tuple[FoundRecord, ...]:
        """Return the records in the preamble and the window."""
        return (*self._active(range(self._first)), *self._active(range(self._snapshot.window_start, self._end)))

    def compared(self) -> Steps[list[FoundRecord] | None]:
        """Return the records that were added; ``None`` if something else happened."""
        before, preamble = self._known.turns, self._known.preamble or ()
        if self._began_again or self._preamble[: len(preamble)] != preamble:
            return None
        if not before:
            return (yield from self._after_preamble(len(preamble)))
        if len(self._preamble) != len(preamble):
            return None
        number = added(before, self._turns, self._least)
        if number is None:
            return (yield from self._after_evicted())
        return None if not number and before != self._turns else self._last(number)

    def _after_evicted(self) -> Steps[list[FoundRecord] | None]:
        """Return the records that were added, of which the window has only the last ones."""
        before, start = self._known.turns, 0
        if self._is_counted:
            start = max(self._archived - max(self._least - len(self._turns), 0) - len(before) - _SLACK, 0)
        archived = yield from self._archive(start)
        both = [*(hash(each.record) for each in archived), *self._turns]
        number = added(before, both, self._least, earlier=len(archived))
        if number is not None:
            return [*archived, *self._last(len(self._turns))][len(both) - number :]
        if not (self._is_counted and self._least == len(self._turns) and self._is_full):
            return None
        # None is left to go on from. If no more were added before the snapshot was read, these are all.
        exact = figures_of((yield from Describe(self._id))) == self._now.figures
        return self._last(self._least) if exact else None

    def counted(self) -> Steps[list[FoundRecord] | None]:
        """Return as many of the last records as were added; ``None`` if they are not all there."""
        number = self._least
        if not number:
            return None
        missing = number - len(self._turns)
        if missing <= 0:
            return self._last(number)
        if not self._turns and number <= self._first:
            return self._active(range(self._first - number, self._first))
        if self._now.appended == self._end + self._archived:  # nothing was ever lost
            rest = max(missing - self._archived, 0)
        elif missing <= self._archived and self._known.appended:
            rest = 0
        else:
            return None
        older = yield from self._archive(self._archived - missing + rest)
        return [*self._active(range(self._first - rest, self._first)), *older, *self._last(len(self._turns))]

    def _after_preamble(self, known: int) -> Steps[list[FoundRecord] | None]:
        """Return what came to a session that had no turns, behind a number of known system messages."""
        between = yield from self._archive(self._known.archived)
        if between and not self._turns:
            return None  # an edit took the last turns off
        found = [*self._active(range(known, self._first)), *between, *self._last(len(self._turns))]
        return found if self._least <= len(found) and (found or not self._is_counted) else None

    def _archive(self, start: int) -> Steps[list[FoundRecord]]:
        """Return the end of the archive without what was active when the session was read, just before."""
        records = (yield from ReadArchive(self._id, slice(start, None))).records
        end = _end(records, self._snapshot.active[self._first :], max(self._archived - start, 0))
        return [FoundRecord(record, start + index, archived=True) for index, record in enumerate(records[:end])]

    def _last(self, number: int) -> list[FoundRecord]:
        return self._active(range(self._end - number, self._end))

    def _active(self, positions: range) -> list[FoundRecord]:
        return [FoundRecord(self._snapshot.active[position], position) for position in positions]

    @property
    def _end(self) -> int:
        return len(self._snapshot.active)

    @property
    def _is_full(self) -> bool:
        """True if the window has no room for older turns."""
        most = self._snapshot.window.turns
        return bool(self._turns) and most is not None and number_turns(self._snapshot.roles)[-1] >= most


def _counted(known: Known) -> int:
    return (known.figures and known.figures.appended) or 0


def _end(archived: Sequence[Record], turns: Sequence[Record], start: int) -> int:
    """Return where ``turns``, which were read first, begin in the archive: they, and more, may be archived by now.

    Args:
        archived: Records of the archive.
        turns: The records of turns.
        start: Number of records that were archived before those were read.
    """
    for index in range(start, len(archived)):
        length = min(len(archived) - index, len(turns))
        if tuple(archived[index : index + length]) == tuple(turns[:length]):
            return index
    return len(archived)
