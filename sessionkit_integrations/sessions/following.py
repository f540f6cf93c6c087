"""New records of a session since it was last looked at, though its window moves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.record import Record

    Records = Sequence[Record]


@dataclass(frozen=True)
class NewRecord:
    """A record that was not there before, with its position among the active records or in the archive."""

    record: Record
    position: int
    archived: bool = False


@dataclass(frozen=True)
class Look:
    """The outcome of a look at a session.

    Attributes:
        new: The new records, oldest first.
        lost: Whether others may have come and gone between two looks: nothing that was there is there any more.
        deleted: Whether the session was there and is not.
    """

    new: list[NewRecord]
    lost: bool = False
    deleted: bool = False


def overlap(before: Records, after: Records) -> int:
    """Return the number of records at the end of ``before`` that are the beginning of ``after``, at most."""
    for length in range(min(len(before), len(after)), 0, -1):
        if list(before[-length:]) == list(after[:length]):
            return length
    return 0


def added(before: Records, after: Records) -> list[int]:
    """Return the positions of the records of ``after`` that came since ``before``.

    Where the one does not go on where the other ends, as after an edit, they are those that were not there. Records
    hold the time of writing, so that messages of the same text are told apart; those of the JavaScript SessionKit do
    not, and a window of nothing but repetitions may look the same before and after.
    """
    if length := overlap(before, after):
        return list(range(length, len(after)))
    known, new = Counter(before), []
    for position, record in enumerate(after):
        if known[record] > 0:
            known[record] -= 1
        else:
            new.append(position)
    return new


class Follower:
    """Tells the new records at each look at a session.

    Args:
        records: The active records at first.
        read_archive: Reads the archive. That is done only where the window has moved on by more than it holds, and for
            as long as there are no turns.
    """

    def __init__(self, records: Records, read_archive: Callable[[], Records]) -> None:
        self._preamble, self._turns = _split(records)
        self._read_archive = read_archive
        self._archived = 0 if self._turns else len(read_archive())
        """Length of the known part of the archive, while there are no turns whose end would tell."""

    def look(self, records: Records) -> Look:
        """Return what is new, given the active records now."""
        before = self._turns
        preamble_before, (self._preamble, self._turns) = self._preamble, _split(records)
        preamble = [NewRecord(self._preamble[index], index) for index in added(preamble_before, self._preamble)]
        if not self._turns:
            archived_now = len(self._read_archive())
            # While there were no turns before either, what has come since the session was read is not known yet.
            self._archived = archived_now if before else min(self._archived, archived_now)
            return Look(preamble, deleted=bool(before or preamble_before) and not records)
        if set(before) & set(self._turns):
            return Look(preamble + self._new_turns(added(before, self._turns)))
        known, archived = set(before), list(self._read_archive())
        last = max((index for index, record in enumerate(archived) if record in known), default=None)
        all_turns = self._new_turns(range(len(self._turns)))
        if last is None and before:
            return Look(preamble + all_turns, lost=True)
        start = self._archived if last is None else last + 1
        between = range(start, _end(archived, start, self._turns))
        return Look([*preamble, *(NewRecord(archived[index], index, archived=True) for index in between), *all_turns])

    def _new_turns(self, positions: Sequence[int]) -> list[NewRecord]:
        return [NewRecord(self._turns[index], len(self._preamble) + index) for index in positions]


def _end(archived: list[Record], start: int, turns: Records) -> int:
    """Return where ``turns``, which were read first, begin in the archive: they, and more, may be archived by now."""
    for index in range(start, len(archived)):
        length = min(len(archived) - index, len(turns))
        if archived[index : index + length] == list(turns[:length]):
            return index
    return len(archived)


def _split(records: Records) -> tuple[Records, Records]:
    """Return the preamble, which stays where it is, and the turns."""
    pinned = number_turns(map(role_of, records)).count(0)
    return records[:pinned], records[pinned:]
