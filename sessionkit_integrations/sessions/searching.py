"""Search in sessions: their turns are read from the newest on, in pages, and ranked.

A page is forgotten once its turns are counted, so that memory does not grow with a session. Those that are found are
read again: by their places in the archive, which stay as long as nobody edits it. One session that fits a page is read
once.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.search_texts import SearchReader
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.search.hits import Hit, Hits
from sessionkit_integrations.search.ranking import Ranking
from sessionkit_integrations.search.snippets import Snippet, snippet_of
from sessionkit_integrations.sessions.finding import Lookup
from sessionkit_integrations.sessions.showing import show_turn
from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.sessions.steps import (
    ERRORS_OF_ONE_SESSION,
    PAGE,
    Compute,
    NextSession,
    ReadArchive,
)
from sessionkit_integrations.sessions.walking import FoundTurn, Walk, take_pages, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.records.codec import Reader
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.search.query import Query
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.meaning import Meaning
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot

N = TypeVar("N")

_Best: TypeAlias = "Sequence[tuple[float, FoundTurn]]"
"""Turns with their scores, the best first."""

SHORT = 32_768
"""Bytes from which on messages of a session are looked up, where the store has an index; less is read as fast."""


class Search:
    """A search, once.

    Args:
        chats: The sessions.
        query: The query.
        timeout: Seconds after which it returns what it has found.
        meaning: Finds what a query means; ``None`` if its words alone count.
    """

    def __init__(self, chats: Chats[Message], query: Query, timeout: float, meaning: Meaning | None) -> None:
        self._chats = chats
        self._query = query
        self._deadline = time.monotonic() + timeout
        self._meaning = None if query.lists else meaning
        depth = query.limit if self._meaning is None else self._meaning.depth
        self._ranking: Ranking[FoundTurn] = Ranking(query.weights, depth)
        self._complete = True

    def run(self, session_id: str | None) -> Steps[Hits]:
        """Return what is found in a session, or in all of them.

        Raises:
            CorruptSessionError: A turn of the session cannot be read. Where all are searched, it is left out.
            EmbeddingError: The texts of the query or of turns could not be embedded.
        """
        if session_id is not None:
            check_session_id(session_id)
        if self._meaning is not None:
            yield from self._meaning.ask(self._query.text)
        best = None
        if self._query.lists or self._query.weights or self._meaning is not None:
            best = yield from self._search_all() if session_id is None else self._search_one(session_id)
        hits = yield from self._hits(self._best() if best is None else best)
        return Hits(tuple(hits), self._complete)

    def _search_one(self, session_id: str) -> Steps[_Best | None]:
        """Return what an index of the store finds in a session; ``None`` if its turns were read."""
        snapshot = yield from self._chats.take_snapshot(session_id, newest(PAGE))
        if not (self._query.lists or self._meaning or _is_short(snapshot)):
            found = yield from self._look_up(session_id)
            if found is not None:
                return found
        yield from self._look_at(session_id, snapshot)
        return None

    def _search_all(self) -> Steps[_Best | None]:
        """Return what an index of the store finds in all sessions; ``None`` if turns were read."""
        found: _Best | None = None
        if not self._query.lists:
            found = (yield from self._look_up(None)) if self._query.weights else []
        if found is None:
            yield from self._look_at_all()
        elif self._meaning is not None:
            yield from self._look_near(self._meaning)
            found = self._meaning.merge(found, self._query.limit)
        return found

    def _look_up(self, session_id: str | None) -> Steps[_Best | None]:
        """Return what an index of the store finds; ``None`` if it has none."""
        limit = self._query.limit if self._meaning is None else self._meaning.depth
        lookup = Lookup(self._chats, replace(self._query, limit=limit), self._is_late, session_id)
        found = yield from lookup.run()
        self._complete = self._complete and lookup.complete
        return found

    def _look_near(self, meaning: Meaning) -> Steps[None]:
        """Let the meaning have turns of all sessions: the nearest ones, or all if the store keeps no vectors."""
        # Imported where meaning counts.
        from sessionkit_integrations.sessions.nearness import Nearness  # noqa: PLC0415
        from sessionkit_integrations.sessions.vector_steps import HasVectors  # noqa: PLC0415

        if (yield from HasVectors()):
            half = time.monotonic() + (self._deadline - time.monotonic()) / 2
            near = Nearness(self._chats, self._query, meaning, self._is_late, lambda: time.monotonic() > half)
            yield from near.run()
            self._complete = self._complete and near.complete
        else:
            yield from self._look_at_all()

    def _look_at_all(self) -> Steps[None]:
        ids = NextSession()
        while (session_id := (yield from ids)) is not None and not self._is_late():
            try:
                yield from self._look_at(session_id)
            except ERRORS_OF_ONE_SESSION as error:
                LOGGER.warning("search leaves out a session: %s", error)
                self._complete = False

    def _look_at(self, session_id: str, alone: SessionSnapshot[Message] | None = None) -> Steps[None]:
        """Walk through a session, of which a snapshot is given if it is the only one."""
        is_alone = alone is not None
        walk = Walk(self._chats, self._query, self._ranking, session_id, meaning=self._meaning, is_alone=is_alone)

        def after_page() -> Steps[None]:
            if self._meaning is not None:
                yield from self._meaning.weigh(session_id, self._is_late)

        def is_over() -> bool:
            return walk.is_done or self._is_late()

        yield from take_pages(self._chats, walk, session_id, PAGE, after_page, is_over, alone)

    def _is_late(self) -> bool:
        late = time.monotonic() > self._deadline
        if late:
            self._complete = False
        return late

    def _hits(self, best: Sequence[tuple[float, FoundTurn]]) -> Steps[list[Hit]]:
        archived = sorted((turn for _, turn in best if not turn.records), key=attrgetter("session_id", "position"))
        whole: dict[int, FoundTurn] = {id(turn): turn for _, turn in best if turn.records}
        for session_id, turns in groupby(archived, attrgetter("session_id")):
            for together in _in_reach(list(turns)):
                start, stop = together[0].position, together[-1].end
                records = (yield from ReadArchive(session_id, slice(start, stop))).records
                for turn in together:
                    own = records[turn.position - start : turn.end - start]
                    if hash(own) == turn.digest:
                        whole[id(turn)] = turn._replace(records=own)
                    else:  # the archive was edited meanwhile
                        self._complete = False
        found = [(score, whole[id(turn)]) for score, turn in best if id(turn) in whole]
        return (yield from Compute(lambda: [self._hit(turn, score) for score, turn in found]))

    def _best(self) -> list[tuple[float, FoundTurn]]:
        by_words = self._ranking.best() if self._query.lists or self._query.weights else []
        return by_words if self._meaning is None else self._meaning.merge(by_words, self._query.limit)

    def _hit(self, turn: FoundTurn, score: float) -> Hit:
        shown, _ = show_turn(turn.records, turn.late)
        records, own = [each.record for each in shown], [each.record for each in shown if each.position is not None]
        query, near = self._query, None if self._meaning is None else self._meaning.nearest_text(turn)

        def read(records: Sequence[Record], reader: Reader[N]) -> list[N]:
            return self._chats.decode(turn.session_id, records, reader, first=turn.position, archived=turn.archived)

        def make_snippet() -> Snippet:
            snippet = snippet_of(texts_of(read(own, SearchReader()), query), query)
            # Without marks it was found by meaning alone.
            return snippet if snippet.marks or near is None else snippet_of([near], query)

        messages, snippet = read(records, PLAIN), Snippet.later(make_snippet)
        return Hit(turn.session_id, messages, moment(turn.at), score, snippet, turn.left, turn.number)


def _is_short(snapshot: SessionSnapshot[Message]) -> bool:
    """Return whether a session was read as a whole, and is faster to walk through than to look up."""
    return not snapshot.archive_start and sum(map(len, (*snapshot.active, *snapshot.archived))) < SHORT


def _in_reach(turns: Sequence[FoundTurn]) -> Iterator[list[FoundTurn]]:
    """Yield the turns of an archive, in order, in groups that are read at once, as they are near each other."""
    group: list[FoundTurn] = []
    for turn in turns:
        if group and turn.end - group[0].position > PAGE:
            yield group
            group = []
        group.append(turn)
    if group:
        yield group
