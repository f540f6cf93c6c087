"""Vectors of texts: kept within one process, for stores that keep none, and what a store offers that keeps them all."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.errors import EmbeddingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

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


class OtherModelError(EmbeddingError):
    """A store keeps the vectors of another model."""


class KeptVector(NamedTuple):
    """A vector that a store keeps.

    Attributes:
        number: A number that no other vector of the store has; pages are in its order.
        session_id: The session that its text is in, or was.
        vector: The vector.
    """

    number: int
    session_id: str
    vector: bytes


class VectorIndex(ABC):
    """The vectors of all sessions of a store, of one model, so that a search need not read the sessions."""

    @abstractmethod
    def behind(self, model: str, limit: int) -> Sequence[tuple[str, str]]:
        """Return sessions that were written to since all of their texts had vectors, each with its present state.

        Args:
            model: The name of the model.
            limit: Most sessions to return.

        Raises:
            OtherModelError: The vectors that are kept are another model's.
        """

    @abstractmethod
    def mark(self, session_id: str, state: str, digests: Collection[bytes]) -> None:
        """Note that all texts of a session had vectors in a state, and drop the vectors of others.

        Args:
            session_id: The session.
            state: The state that `behind` returned.
            digests: The digests of its texts.
        """

    @abstractmethod
    def begin(self, model: str) -> None:
        """Keep the vectors of a model from now on, and drop another model's."""

    @abstractmethod
    async def abehind(self, model: str, limit: int) -> Sequence[tuple[str, str]]:
        """See `behind`."""

    @abstractmethod
    async def amark(self, session_id: str, state: str, digests: Collection[bytes]) -> None:
        """See `mark`."""

    @abstractmethod
    async def abegin(self, model: str) -> None:
        """See `begin`."""


class VectorPages(VectorIndex):
    """Vectors that are read in pages, and compared by who reads them."""

    @abstractmethod
    def state(self) -> tuple[int, int]:
        """Return the time of `begin`, in Unix milliseconds, and the number of vectors; zeros if there are none."""

    @abstractmethod
    def page(self, after: int, limit: int) -> Sequence[KeptVector]:
        """Return the vectors that follow a number; a number is given once between two calls of `begin`."""

    @abstractmethod
    async def astate(self) -> tuple[int, int]:
        """See `state`."""

    @abstractmethod
    async def apage(self, after: int, limit: int) -> Sequence[KeptVector]:
        """See `page`."""


class VectorEngine(VectorIndex):
    """Vectors that the server compares."""

    @abstractmethod
    def nearest(self, model: str, question: bytes, limit: int) -> Sequence[tuple[float, str]]:
        """Return the vectors that are nearest to a question, as cosines and the sessions of their texts, nearest first.

        Args:
            model: The name of the model.
            question: The vector of the question.
            limit: Number of vectors to return.

        Raises:
            EmbeddingError: The question has another length than they have.
        """

    @abstractmethod
    async def anearest(self, model: str, question: bytes, limit: int) -> Sequence[tuple[float, str]]:
        """See `nearest`."""


def other_model(kept: str, model: str) -> OtherModelError:
    """Return the error for the name of a model whose vectors are not those that a store keeps."""
    return OtherModelError(
        f"the store keeps the vectors of the model {kept!r}, and this is {model!r}: SessionManager.embed_sessions"
        " makes the new model's instead"
    )


def other_length(kept: int, made: int) -> EmbeddingError:
    """Return the error for a vector with another number of numbers than those that are kept."""
    return EmbeddingError(
        f"the vectors that are kept have {kept} numbers, and the model now returns {made}: give the new model a name of"
        " its own, as in Embed(model, name=…)"
    )
