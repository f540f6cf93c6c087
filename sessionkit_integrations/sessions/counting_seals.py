"""Records of a store, counted by the ways in which they are sealed, as far as a look at them may take."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessionkit_integrations.records.sealed import sealed_by
from sessionkit_integrations.sessions.steps import PAGE, NextSession, Read, ReadArchive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps


@dataclass
class SealCounts:
    """Records by the ways in which they are sealed.

    Attributes:
        records: Their numbers, by what they say of it; by an empty text for those that are not sealed.
        sessions: The number of sessions that were looked at.
        complete: Whether these are all records of the store.
    """

    records: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    complete: bool = False

    def add(self, records: Iterable[Record]) -> None:
        """Count records."""
        self.records.update(map(sealed_by, records))


def count_seals(most: int, seconds: float) -> Steps[SealCounts]:
    """Count the records of a store, none of which is opened.

    Args:
        most: Number of records after which no more are read.
        seconds: Time after which no more are read.
    """
    counts, ids, end = SealCounts(), NextSession(), time.monotonic() + seconds

    def is_over() -> bool:
        return counts.records.total() >= most or time.monotonic() > end

    while (session_id := (yield from ids)) is not None:
        if is_over():
            return counts
        counts.sessions += 1
        counts.add((yield from Read(session_id)).records)
        start, page = 0, (yield from ReadArchive(session_id, slice(0, PAGE))).records
        while page:
            if is_over():
                return counts
            counts.add(page)
            start += len(page)
            page = (yield from ReadArchive(session_id, slice(start, start + PAGE))).records
    counts.complete = True
    return counts
