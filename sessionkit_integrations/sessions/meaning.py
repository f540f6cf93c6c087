"""Search by meaning: the turns whose texts have the vectors nearest to a query's.

A text is embedded when a search meets it first, outside any write. Its vector is kept by the store, under the name of
the model and a digest of the text, so that nothing is embedded twice while it is kept, and so that a text that was
edited is another one.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.search.fusion import fused
from sessionkit_integrations.search.vectors import pieces_of, similarities
from sessionkit_integrations.sessions.embedding import EmbedAll
from sessionkit_integrations.sessions.steps import Compute
from sessionkit_integrations.sessions.vector_steps import KeepVectors, KnownVectors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessionkit_integrations.records.search_texts import Searched
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.search.held import HeldVectors
    from sessionkit_integrations.search.vectors import Piece
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.sessions.walking import FoundTurn

DEPTH = 30
"""Turns of each ranking that are merged, where no more are asked for."""


class NearTurn(NamedTuple):
    """A turn, and the piece of it that is nearest to a query."""

    similarity: float
    turn: FoundTurn
    text: str


class Meaning:
    """The turns that are nearest to a query.

    Args:
        embed: The model.
        limit: Number of turns that are asked for.
        held: Vectors of the store that were read before.

    Attributes:
        embed: The model.
        held: Those vectors.
        question: The vector of the query.
        found: The turns that are nearest, the nearest first.
        depth: Most of them.
    """

    def __init__(self, embed: Embed, limit: int, held: HeldVectors) -> None:
        self.embed = embed
        self.held = held
        self.question = b""
        self._pending: list[tuple[FoundTurn, list[Piece]]] = []
        self.found: list[NearTurn] = []
        self.depth = max(limit, DEPTH)

    def ask(self, text: str) -> Steps[None]:
        """Embed the text of the query.

        Raises:
            EmbeddingError: The model raised, or returned what is no vector.
        """
        (self.question,) = yield from EmbedAll(self.embed, [text], is_query=True)

    def add(self, turn: FoundTurn, messages: Sequence[Searched]) -> None:
        """Add a turn with the messages of it that are looked at; `weigh` follows."""
        self._pending.append((turn, [piece for message in messages for piece in pieces_of(message)]))

    def weigh(self, session_id: str, is_late: Callable[[], bool]) -> Steps[None]:
        """Compare the turns of a session that were added, embedding what has no vector until it is late.

        Raises:
            EmbeddingError: The model raised, or returned what are no vectors. What was embedded before is kept.
        """
        pending, self._pending = self._pending, []
        texts = {piece.digest: piece.text for _, pieces in pending for piece in pieces}
        vectors = yield from vectors_of(self.embed, session_id, texts, is_late, must_keep=False)
        yield from Compute(lambda: self._compare(pending, vectors))

    def merge(self, by_words: Sequence[tuple[float, FoundTurn]], limit: int) -> list[tuple[float, FoundTurn]]:
        """Return the best turns by words and meaning, each with its score."""
        turns = {turn.place: turn for turn in (*(turn for _, turn in by_words), *(each.turn for each in self.found))}
        rankings = [turn.place for _, turn in by_words], [each.turn.place for each in self.found]
        return [(score, turns[place]) for score, place in fused(rankings)[:limit]]

    def nearest_text(self, turn: FoundTurn) -> str | None:
        """Return the piece of a turn that is nearest to the query, or ``None`` if it was not found by meaning."""
        return next((each.text for each in self.found if each.turn.place == turn.place), None)

    def _compare(self, pending: Sequence[tuple[FoundTurn, list[Piece]]], vectors: Mapping[bytes, bytes]) -> None:
        digests = list(vectors)
        similar = dict(zip(digests, similarities(self.question, [vectors[each] for each in digests]), strict=True))
        near = []
        for turn, pieces in pending:
            known = [piece for piece in pieces if piece.digest in similar]
            if known:
                best = max(known, key=lambda piece: similar[piece.digest])
                if similar[best.digest] > self.embed.min_similarity:
                    near.append(NearTurn(similar[best.digest], turn, best.text))
        self.found = heapq.nlargest(self.depth, [*self.found, *near], key=lambda each: each.similarity)


def vectors_of(
    embed: Embed, session_id: str, texts: Mapping[bytes, str], is_late: Callable[[], bool], *, must_keep: bool
) -> Steps[dict[bytes, bytes]]:
    """Return the vectors of texts of a session, embedding those that have none until it is late.

    Args:
        embed: The model.
        session_id: The session.
        texts: The texts, by their digests.
        is_late: Says whether the time is over.
        must_keep: Whether it is an error if the store cannot keep them.

    Raises:
        EmbeddingError: The model raised, or returned what are no vectors. What was embedded before is kept.
    """
    if not texts:
        return {}
    vectors = dict((yield from KnownVectors(session_id, embed.name, list(texts))))
    missing = [digest for digest in texts if digest not in vectors]
    for start in range(0, len(missing), embed.batch):
        if is_late():
            break
        batch = missing[start : start + embed.batch]
        made = yield from EmbedAll(embed, [texts[digest] for digest in batch])
        fresh = dict(zip(batch, made, strict=True))
        vectors.update(fresh)
        try:
            yield from KeepVectors(session_id, embed.name, fresh)
        except StoreError as error:
            if must_keep:
                raise
            LOGGER.warning("vectors of session %r are not kept: %s", session_id, error)
    return vectors
