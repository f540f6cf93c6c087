"""All vectors of a store, held in memory, so that a search reads those alone that are new."""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sessionkit_integrations.search.vectors import check_length

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

BLOCK = 4096
"""Vectors that are compared at once."""
MOST_GONE = 1000
"""Vectors that may be held in vain, as they are gone from the store, beside a fifth of those that are there."""


class _Block(NamedTuple):
    vectors: np.ndarray
    owners: list[str]


class HeldVectors:
    """The vectors of a store, each with its owner: the session that its text is in.

    Vectors that are gone from the store may still be held; whoever reads an owner notices.
    """

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._source: Hashable = None
        self._last = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(len(block.owners) for block in self._blocks)

    def refresh(self, source: Hashable, count: int) -> None:
        """Forget all vectors if they are of another source, or if too many of them are gone.

        Args:
            source: A value that is another one if a number may have another vector.
            count: The number of vectors that the store has.
        """
        with self._lock:
            if source != self._source or len(self) > 1.2 * count + MOST_GONE:
                self._blocks, self._last, self._source = [], 0, source

    @property
    def last(self) -> int:
        """The largest number of a vector that is held."""
        return self._last

    def add(self, after: int, last: int, owners: Sequence[str], vectors: Sequence[bytes]) -> None:
        """Hold vectors, unless another thread was faster.

        Args:
            after: The largest number that was held when they were read.
            last: The largest number of these.
            owners: Their owners.
            vectors: The vectors.

        Raises:
            EmbeddingError: They have different lengths.
        """
        for vector in vectors:
            check_length(vector, vectors[0])
        block = _Block(np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1), list(owners))
        with self._lock:
            if after != self._last:
                return
            if self._blocks and len(self._blocks[-1].owners) + len(owners) <= BLOCK:
                before = self._blocks[-1]
                check_length(before.vectors[0].tobytes(), vectors[0])
                del self._blocks[-1]
                block = _Block(np.concatenate([before.vectors, block.vectors]), [*before.owners, *block.owners])
            self._blocks.append(block)
            self._last = last

    def nearest(self, question: bytes, limit: int, least: float) -> list[tuple[float, str]]:
        """Return the vectors that are nearest to a question, as cosines and owners, the nearest first.

        Args:
            question: The vector of the question.
            limit: Number of vectors to return.
            least: Cosine above which they are near.

        Raises:
            EmbeddingError: The question has another length than they have.
        """
        asked, found = np.frombuffer(question, "<f4"), list[tuple[float, str]]()
        for vectors, owners in list(self._blocks):
            check_length(vectors[0].tobytes(), question)
            cosines = np.clip(vectors @ asked, -1, 1).astype(np.float64)  # as those that they are compared with
            best = np.argpartition(cosines, -limit)[-limit:] if len(owners) > limit else np.arange(len(owners))
            found += [(float(cosines[each]), owners[each]) for each in best if cosines[each] > least]
        return heapq.nlargest(limit, found)
