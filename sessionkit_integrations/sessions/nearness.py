"""Search by meaning in all sessions of a store that keeps their vectors: few sessions are read.

Sessions that were written to since the last search are looked at first, and their new texts embedded. Then all vectors
are compared with the query's vector, in memory or by the server, and the sessions with the nearest ones are read.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import EmbeddingError, StoreError
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.search.query import Query
from sessionkit_integrations.search.vectors import pieces_of
from sessionkit_integrations.sessions.meaning import vectors_of
from sessionkit_integrations.sessions.steps import (
    ERRORS_OF_ONE_SESSION,
    PAGE,
    Compute,
)
from sessionkit_integrations.sessions.vector_steps import (
    BeginVectors,
    FindBehind,
    FindNearest,
    HasVectors,
    MarkEmbedded,
    ReadVectors,
    VectorState,
)
from sessionkit_integrations.sessions.walking import Walk, take_pages
from sessionkit_integrations.stores.vectors import OtherModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.search_texts import Searched
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.sessions.meaning import Meaning
    from sessionkit_integrations.sessions.walking import FoundTurn

VECTORS = 4096
"""Vectors that are read at once."""
SESSIONS = 100
"""Sessions that are asked for at once, of those whose texts may lack a vector."""
CANDIDATES = 4
"""Texts that are looked at for each turn that is merged, as turns have several."""


class _Texts:
    """Collects the texts of a walk, as `Meaning` does."""

    def __init__(self) -> None:
        self.pending: dict[bytes, str] = {}
        self.digests: set[bytes] = set()

    def add(self, turn: FoundTurn, messages: Sequence[Searched]) -> None:
        """See `Meaning.add`."""
        del turn
        self.pending.update({piece.digest: piece.text for message in messages for piece in pieces_of(message)})


def embed_sessions(chats: Chats[Message], embed: Embed, seen: Callable[[int], object]) -> Steps[int]:
    """Embed all texts that lack a vector, and return the number of sessions that were looked at.

    Args:
        chats: The sessions.
        embed: The model; the vectors of another one are dropped.
        seen: Is told how many sessions were looked at.

    Raises:
        ValueError: The store keeps no vectors.
        EmbeddingError: The model raised, or returned what are no vectors. What was embedded before is kept.
    """
    if not (yield from HasVectors()):
        raise ValueError(
            "the store keeps no vectors of all sessions, as SQLiteStore and RedisStore(…, search=True) do without"
            " Encrypt: searches embed what they read"
        )
    yield from BeginVectors(embed.name)
    catching_up = CatchingUp(chats, embed, lambda: False, seen)
    yield from catching_up.run()
    return catching_up.looked_at


class CatchingUp:
    """The embedding of what was written since the last search, once.

    Args:
        chats: The sessions.
        embed: The model.
        is_late: Says whether the time is over.
        seen: Is told how many sessions were looked at.
    """

    def __init__(
        self,
        chats: Chats[Message],
        embed: Embed,
        is_late: Callable[[], bool],
        seen: Callable[[int], object] = lambda _count: None,
    ) -> None:
        self._chats = chats
        self._embed = embed
        self._is_late = is_late
        self._seen = seen
        self.looked_at = 0
        self.complete = True

    def run(self) -> Steps[None]:
        """Look at the sessions that are behind, until it is late.

        Raises:
            EmbeddingError: The store keeps the vectors of another model, or as `meaning.vectors_of`.
        """
        tried = set[str]()
        while True:
            rows = yield from FindBehind(self._embed.name, len(tried) + SESSIONS)
            new = [(session_id, state) for session_id, state in rows if session_id not in tried]
            for session_id, state in new:
                if self._is_late():
                    self.complete = False
                    return
                tried.add(session_id)
                try:
                    yield from self._catch_up(session_id, state)
                except ERRORS_OF_ONE_SESSION as error:
                    LOGGER.warning("a session is not embedded: %s", error)
                    self.complete = False
                self.looked_at += 1
                self._seen(self.looked_at)
            if not new:
                return

    def _catch_up(self, session_id: str, state: str) -> Steps[None]:
        texts = _Texts()
        walk = Walk(self._chats, Query("", limit=sys.maxsize), None, session_id, meaning=texts)
        whole = True

        def embed_page() -> Steps[None]:
            nonlocal whole
            pending, texts.pending = texts.pending, {}
            found = yield from vectors_of(self._embed, session_id, pending, self._is_late, must_keep=True)
            texts.digests.update(found)
            whole = whole and len(found) == len(pending)

        yield from take_pages(self._chats, walk, session_id, PAGE, embed_page, lambda: not whole)
        if whole:
            yield from MarkEmbedded(session_id, state, texts.digests)
        else:
            self.complete = False


class Nearness:
    """A search by meaning in all sessions, once.

    Args:
        chats: The sessions.
        query: The query.
        meaning: Compares the turns that are read.
        is_late: Says whether the time is over.
        is_half_over: Says whether half of it is, after which nothing more is embedded.
    """

    def __init__(
        self,
        chats: Chats[Message],
        query: Query,
        meaning: Meaning,
        is_late: Callable[[], bool],
        is_half_over: Callable[[], bool],
    ) -> None:
        self._chats = chats
        self._query = query
        self._meaning = meaning
        self._is_late = is_late
        self._is_half_over = is_half_over
        self.complete = True

    def run(self) -> Steps[None]:
        """Let the meaning have the turns that are nearest; none, with a warning, if the store has another model's."""
        catching_up = CatchingUp(self._chats, self._meaning.embed, self._is_half_over)
        try:
            yield from catching_up.run()
        except OtherModelError as error:
            LOGGER.warning("search by words alone: %s", error)
            self.complete = False
            return
        except EmbeddingError:
            raise
        except StoreError as error:  # it cannot be written to, as while another process has it
            LOGGER.warning("search by meaning leaves out what was written last: %s", error)
            catching_up.complete = False
        self.complete = catching_up.complete
        limit, walked, is_more = CANDIDATES * self._meaning.depth, set[str](), True
        while is_more and len(self._meaning.found) < self._query.limit and not self._is_late():
            near = yield from self._nearest(limit)
            yield from self._walk(near, walked)
            is_more = len(near) == limit
            limit *= 4  # as filters leave turns out

    def _nearest(self, limit: int) -> Steps[list[tuple[float, str]]]:
        """Return the sessions of the vectors that are nearest, each as often as it has one."""
        meaning, held = self._meaning, self._meaning.held
        found = yield from FindNearest(meaning.embed.name, meaning.question, limit)
        if found is not None:
            return [each for each in found if each[0] > meaning.embed.min_similarity]
        held.refresh(*(yield from VectorState()))
        while page := (yield from ReadVectors(after := held.last, VECTORS)):
            owners, vectors = [each.session_id for each in page], [each.vector for each in page]
            yield from Compute(partial(held.add, after, page[-1].number, owners, vectors))
        return (yield from Compute(partial(held.nearest, meaning.question, limit, meaning.embed.min_similarity)))

    def _walk(self, near: Sequence[tuple[float, str]], walked: set[str]) -> Steps[None]:
        for similarity, session_id in near:
            if session_id in walked:
                continue
            found = self._meaning.found
            if len(found) >= self._meaning.depth and found[-1].similarity >= similarity:
                return  # no turn of those that are left is nearer
            if self._is_late():
                return
            walked.add(session_id)
            walk = Walk(self._chats, self._query, None, session_id, meaning=self._meaning)
            weigh = partial(self._meaning.weigh, session_id, self._is_late)
            try:
                yield from take_pages(self._chats, walk, session_id, PAGE, weigh, self._is_late)
            except ERRORS_OF_ONE_SESSION as error:
                LOGGER.warning("search leaves out a session: %s", error)
                self.complete = False
