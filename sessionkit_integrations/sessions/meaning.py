"""Search by meaning: the turns whose texts have the vectors nearest to that of a query.

A text is embedded when a search meets it first, outside any write. Its vector is kept by the store, under the name of
the model and a digest of the text, so that nothing is embedded twice while it is kept, and so that a text that was
edited is another one.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.search.fusion import fused
from sessionkit_integrations.search.vectors import pieces_of, similarities
from sessionkit_integrations.sessions.embedding import EmbedAll
from sessionkit_integrations.sessions.steps import Compute, StoreStep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessionkit_integrations.records.search_texts import Searched
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.search.vectors import Piece
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.sessions.walking import FoundTurn
    from sessionkit_integrations.stores.base import Store

DEPTH = 50
"""Turns of each ranking that are merged, where no more are asked for."""


@dataclass(frozen=True)
class _KnownVectors(StoreStep["Mapping[bytes, bytes]"]):
    """Asks for the vectors that are kept of some texts."""

    session_id: str
    model: str
    digests: Sequence[bytes]

    def perform(self, store: Store) -> Mapping[bytes, bytes]:
        """See `StoreStep.perform`."""
        return store.vectors(self.session_id, self.model, self.digests)

    async def aperform(self, store: Store) -> Mapping[bytes, bytes]:
        """See `StoreStep.perform`."""
        return await store.avectors(self.session_id, self.model, self.digests)


@dataclass(frozen=True)
class _KeepVectors(StoreStep[None]):
    """Keeps vectors."""

    session_id: str
    model: str
    vectors: Mapping[bytes, bytes]

    def perform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        store.keep_vectors(self.session_id, self.model, self.vectors)

    async def aperform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        await store.akeep_vectors(self.session_id, self.model, self.vectors)


class _Near(NamedTuple):
    """A turn, and the piece of it that is nearest."""

    similarity: float
    turn: FoundTurn
    text: str


class Meaning:
    """The turns that are nearest to a query.

    Args:
        embed: The model.
        limit: Number of turns that are asked for.
    """

    def __init__(self, embed: Embed, limit: int) -> None:
        self._embed = embed
        self._question = b""
        self._pending: list[tuple[FoundTurn, list[Piece]]] = []
        self._nearest: list[_Near] = []
        self.depth = max(limit, DEPTH)

    def ask(self, text: str) -> Steps[None]:
        """Embed the text of the query.

        Raises:
            EmbeddingError: The model raised, or returned what is no vector.
        """
        (self._question,) = yield from EmbedAll(self._embed, [text], is_query=True)

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
        if not texts:
            return
        vectors = dict((yield from _KnownVectors(session_id, self._embed.name, list(texts))))
        missing = [digest for digest in texts if digest not in vectors]
        for start in range(0, len(missing), self._embed.batch):
            if is_late():
                break
            batch = missing[start : start + self._embed.batch]
            made = yield from EmbedAll(self._embed, [texts[digest] for digest in batch])
            fresh = dict(zip(batch, made, strict=True))
            vectors.update(fresh)
            yield from _KeepVectors(session_id, self._embed.name, fresh)
        yield from Compute(lambda: self._compare(pending, vectors))

    def merge(self, by_words: Sequence[tuple[float, FoundTurn]], limit: int) -> list[tuple[float, FoundTurn]]:
        """Return the best turns by words and meaning, each with its score."""
        turns = {turn.place: turn for turn in (*(turn for _, turn in by_words), *(each.turn for each in self._nearest))}
        rankings = [turn.place for _, turn in by_words], [each.turn.place for each in self._nearest]
        return [(score, turns[place]) for score, place in fused(rankings)[:limit]]

    def nearest_text(self, turn: FoundTurn) -> str | None:
        """Return the piece of a turn that is nearest to the query, or ``None`` if it was not found by meaning."""
        return next((each.text for each in self._nearest if each.turn.place == turn.place), None)

    def _compare(self, pending: Sequence[tuple[FoundTurn, list[Piece]]], vectors: Mapping[bytes, bytes]) -> None:
        digests = list(vectors)
        similar = dict(zip(digests, similarities(self._question, [vectors[each] for each in digests]), strict=True))
        near = []
        for turn, pieces in pending:
            known = [piece for piece in pieces if piece.digest in similar]
            if known:
                best = max(known, key=lambda piece: similar[piece.digest])
                if similar[best.digest] > self._embed.min_similarity:
                    near.append(_Near(similar[best.digest], turn, best.text))
        self._nearest = heapq.nlargest(self.depth, [*self._nearest, *near], key=lambda each: each.similarity)
