"""Vectors of texts: what is embedded of a message, and how near two vectors are.

A vector is kept as bytes: little-endian 32-bit floats of length 1, so that the cosine of two is their product.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.errors import EmbeddingError, MissingDependencyError
from sessionkit_integrations.stores.vectors import other_length

try:
    import numpy as np
except ImportError as error:
    raise MissingDependencyError("search by meaning", "search") from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.records.search_texts import Searched

LONGEST_PIECE = 2000
"""Characters that are embedded at once; models take more, but what a long text says blurs in one vector."""
MOST_PIECES = 16
"""Pieces of a message that are embedded, the first ones."""
_KINDS = "fiu"
"""Kinds of arrays that hold numbers."""


class Piece(NamedTuple):
    """A piece of a message that has a vector.

    Attributes:
        digest: A hash of its text, under which the vector is kept.
        text: Its text.
    """

    digest: bytes
    text: str


def pieces_of(searched: Searched) -> list[Piece]:
    """Return the pieces of a message: its texts, together and cut where they are long."""
    pieces = islice(_cut("\n".join(searched.texts)), MOST_PIECES)
    return [Piece(_digest(piece), piece) for piece in pieces]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _cut(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + LONGEST_PIECE
        if end < len(text):
            end = max(text.rfind(space, start + LONGEST_PIECE // 2, end) for space in " \n") + 1 or end
        piece = text[start:end].strip()
        if piece:
            yield piece
        start = end


def checked_vectors(returned: object, count: int) -> list[bytes]:
    """Return the vectors that a model made.

    Args:
        returned: The object that it returned.
        count: The number of texts that it was given.

    Raises:
        EmbeddingError: They are not a vector of finite numbers for each text, all of one length.
    """
    try:
        array = np.asarray(returned)
    except (TypeError, ValueError) as error:
        raise EmbeddingError("the model must return vectors of one length") from error
    if array.ndim != 2 or array.dtype.kind not in _KINDS:  # noqa: PLR2004 - vectors, and numbers in each
        kind = f"{type(returned).__name__} of {array.dtype} with {array.ndim} dimensions"
        raise EmbeddingError(f"the model must return a list of vectors, each a list of numbers; got a {kind}")
    if len(array) != count:
        raise EmbeddingError(f"the model must return a vector for each text, got {len(array)} for {count}")
    if not array.shape[1]:
        raise EmbeddingError("the model returned vectors without numbers")
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise EmbeddingError("the model returned a number that is not finite")
    return [row.tobytes() for row in _normalised(numbers)]


def _normalised(numbers: np.ndarray) -> np.ndarray:
    """Return rows of length 1; one of zeros, as of a text without a word, stays."""
    largest = np.abs(numbers).max(axis=1, keepdims=True)
    scaled = numbers / np.where(largest == 0, 1, largest)  # whose squares are neither too large nor too small
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    return (scaled / np.where(lengths == 0, 1, lengths)).astype("<f4")


def similarities(question: bytes, vectors: Sequence[bytes]) -> list[float]:
    """Return the cosine of the vector of a question and each of others, from -1 to 1.

    Raises:
        EmbeddingError: They have different lengths, so that they cannot be of the same model.
    """
    if not vectors:
        return []
    for vector in vectors:
        check_length(vector, question)
    asked = np.frombuffer(question, "<f4")
    products = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1) @ asked
    return [float(each) for each in np.clip(products, -1, 1)]


def check_length(kept: bytes, made: bytes) -> None:
    """Refuse a vector of another length than one that the model made now.

    Raises:
        EmbeddingError: They cannot be of the same model.
    """
    if len(kept) != len(made):
        raise other_length(len(kept) // 4, len(made) // 4)
