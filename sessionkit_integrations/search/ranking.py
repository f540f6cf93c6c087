"""Ranking of turns by BM25, in one pass.

How much a term weighs is known when all turns have been seen. Until then only those are kept that can still be among
the best. If a turn has the same counts of terms as others and is longer than ``limit`` of them, then it ranks below
them whatever comes, as the score falls with the length. So for each set of counts the ``limit`` shortest turns are
kept, and among turns of one length the newest.

The formula is Lucene's: ``idf = ln(1 + (N - n + 0.5) / (n + 0.5))``, which is never negative.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

K1 = 1.2
"""Saturation: how little further occurrences of a term add."""
B = 0.75
"""Share of the length by which long turns are held back."""


class _Candidate(NamedTuple):  # not a generic one, which Python 3.10 does not know
    """A turn, less than those that rank above it among turns with the same counts."""

    shortness: int
    at: int
    earliness: int
    item: Any


class Ranking(Generic[T]):
    """The best of the turns that were added.

    Args:
        weights: The weight of each term, at least 0. Without any, turns rank by time alone.
        limit: Number of turns to keep.
    """

    def __init__(self, weights: Sequence[float], limit: int) -> None:
        self._weights = weights
        self._limit = limit
        self._candidates: dict[tuple[tuple[int, int], ...], list[_Candidate]] = {}
        self._turns = 0
        self._length = 0
        self._found_in = Counter[int]()

    @property
    def kept(self) -> int:
        """Number of turns that are kept."""
        return sum(map(len, self._candidates.values()))

    def add(self, counts: Mapping[int, int], length: int, at: int | None, item: T) -> None:
        """Add a turn.

        Args:
            counts: How often each term occurs in it.
            length: Number of its words.
            at: Its time, in Unix milliseconds; turns without one rank last among equals.
            item: The value that stands for it; of turns of the same time, the first one added ranks first.
        """
        self._turns += 1
        self._length += length
        for term in counts:
            self._found_in[term] += 1
        if counts or not self._weights:
            alike = self._candidates.setdefault(tuple(sorted(counts.items())), [])
            shortness = -length if counts else 0
            candidate = _Candidate(shortness, -1 if at is None else at, -self._turns, item)
            if len(alike) < self._limit:
                heapq.heappush(alike, candidate)
            else:
                heapq.heappushpop(alike, candidate)

    def best(self) -> list[tuple[float, T]]:
        """Return the best turns with their scores, the best first, of equal ones the newest."""
        scored = [
            (self._score(counts, -each.shortness), each) for counts, alike in self._candidates.items() for each in alike
        ]
        scored.sort(key=lambda pair: (pair[0], pair[1].at, pair[1].earliness), reverse=True)
        return [(score, each.item) for score, each in scored[: self._limit]]

    def _score(self, counts: tuple[tuple[int, int], ...], length: int) -> float:
        mean = self._length / self._turns
        held_back = K1 * (1 - B + B * length / mean) if mean else K1
        return math.fsum(
            self._weights[term] * self._idf(term) * count * (K1 + 1) / (count + held_back) for term, count in counts
        )

    def _idf(self, term: int) -> float:
        found_in = self._found_in[term]
        return math.log(1 + (self._turns - found_in + 0.5) / (found_in + 0.5))
