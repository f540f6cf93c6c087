"""What is new in a session since it was last looked at, though its window moves."""

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
class News:
    """What a look at a session found.

    Attributes:
        records: The new records, oldest first.
        lost: Whether others may have come and gone between two looks: nothing that was there is there any more.
        deleted: Whether the session was there and is not.
    """

    records: list[Record]
    lost: bool = False
    deleted: bool = False


def overlap(before: Records, after: Records) -> int:
    """Return how many records at the end of ``before`` are the beginning of ``after``, at most."""
    for length in range(min(len(before), len(after)), 0, -1):
        if list(before[-length:]) == list(after[:length]):
            return length
    return 0


def added(before: Records, after: Records) -> list[Record]:
    """Return the records of ``after`` that came since ``before``.

    Where the one does not go on where the other ends, as after an edit, they are those that were not there. Records
    hold the time of writing, so that messages of the same text are told apart; those of the JavaScript SessionKit do
    not, and a window of nothing but repetitions may look the same before and after.
    """
    if length := overlap(before, after):
        return list(after[length:])
    known, new = Counter(before), []
    for record in after:
        if known[record] > 0:
            known[record] -= 1
        else:
            new.append(record)
    return new


class Follower:
    """Tells what is new at each look at a session.

    Args:
        records: What the session holds at first.
        archive: Reads its archive. That is done only where the window has moved on by more than it holds, and for as
            long as there are no turns.
    """

    def __init__(self, records: Records, archive: Callable[[], Records]) -> None:
        self._preamble, self._turns = _split(records)
        self._archive = archive
        self._archived = 0 if self._turns else len(archive())
        """How much of the archive is known, while there are no turns whose end would tell."""

    def look(self, records: Records) -> News:
        """Return what is new, given what the session holds now."""
        before = self._turns
        had_preamble, (self._preamble, self._turns) = self._preamble, _split(records)
        preamble = added(had_preamble, self._preamble)
        if not self._turns:
            archived_now = len(self._archive())
            # While there were no turns before either, what has come since the session was read is not known yet.
            self._archived = archived_now if before else min(self._archived, archived_now)
            return News(preamble, deleted=bool(before or had_preamble) and not records)
        if set(before) & set(self._turns):
            return News(preamble + added(before, self._turns))
        known, archived = set(before), list(self._archive())
        last = max((index for index, record in enumerate(archived) if record in known), default=None)
        if last is None and before:
            return News(preamble + list(self._turns), lost=True)
        between = archived[self._archived if last is None else last + 1 :]
        return News(preamble + _until(between, self._turns) + list(self._turns))


def _until(archived: list[Record], turns: Records) -> list[Record]:
    """Return what was archived before ``turns``, which were read first: they, and more, may be archived by now."""
    for index in range(len(archived)):
        length = min(len(archived) - index, len(turns))
        if archived[index : index + length] == list(turns[:length]):
            return archived[:index]
    return archived


def _split(records: Records) -> tuple[Records, Records]:
    """Return the preamble, which stays where it is, and the turns."""
    pinned = number_turns(map(role_of, records)).count(0)
    return records[:pinned], records[pinned:]
