"""Vectors that are kept within one process, for stores that keep none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of the vectors that are kept; those that were not asked for longest are dropped first."""


class Vectors:
    """The vectors of texts, by the name of the model and a digest of the text."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], bytes] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def known(self, model: str, digests: Iterable[bytes]) -> dict[bytes, bytes]:
        """Do what `Store.vectors` says."""
        found = {}
        with self._lock:
            for digest in digests:
                vector = self._kept.pop((model, digest), None)
                if vector is not None:
                    found[digest] = self._kept[model, digest] = vector  # at the end: it was asked for last
        return found

    def keep(self, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """Do what `Store.keep_vectors` says."""
        with self._lock:
            for digest, vector in vectors.items():
                self._bytes += len(vector) - len(self._kept.pop((model, digest), b""))
                self._kept[model, digest] = vector
            while self._bytes > MOST_BYTES:
                self._bytes -= len(self._kept.pop(next(iter(self._kept))))
