"""Search by the index of a store: the messages that it finds become turns, each of which is read where it is now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.records.search_texts import SearchReader
from sessionkit_integrations.records.times import milliseconds
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.sessions.showing import show_turn
from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.sessions.steps import (
    ERRORS_OF_ONE_SESSION,
    NOTHING,
    StoreStep,
)
from sessionkit_integrations.sessions.walking import FoundTurn, Walk
from sessionkit_integrations.stores.terms import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.search.query import Query
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.terms import Place, Terms

REACH = 20
"""Records on both sides of one that was found that are read with it at first; turns are seldom longer."""
NEAR = 4
"""The same of one session, whose newest records are at hand."""
PAGE = 250
"""Newest archived records of one session that are read at once."""
LONGEST_REACH = 250
"""Records between a call and its result among which one is looked for that came late."""
PLACES_OF_HIT = 5
"""Messages that the index is asked for at a time, for each turn to return: turns have several."""
MOST_PLACES = 10_000
"""Messages that it is asked for at a time at most, as engines refuse larger pages."""


@dataclass(frozen=True)
class Find(StoreStep["Sequence[Place] | None"]):
    """Asks the index of a store; see `Store.find`."""

    terms: Terms
    since: int | None
    skip: int
    limit: int
    session_id: str | None

    def perform(self, store: Store) -> Sequence[Place] | None:
        """See `StoreStep.perform`."""
        return store.find(self.terms, **self._options)

    async def aperform(self, store: Store) -> Sequence[Place] | None:
        """See `StoreStep.perform`."""
        return await store.afind(self.terms, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {"since": self.since, "skip": self.skip, "limit": self.limit, "session_id": self.session_id}


class _First:
    """Takes the first turn of a walk."""

    def __init__(self) -> None:
        self.turn: tuple[int, FoundTurn] | None = None

    def add(self, counts: Mapping[int, int], length: int, at: int | None, item: FoundTurn) -> None:  # noqa: ARG002
        """See `Taker.add`; a turn counts if a term occurs in the messages that are looked at."""
        if counts and self.turn is None:
            self.turn = -1 if at is None else at, item

    def lacks_results(self, record: Record, *, is_last: bool) -> bool:
        """Return whether calls and their results may be further apart than what was read.

        Args:
            record: The record whose turn was to be taken.
            is_last: Whether all was read that follows it.
        """
        if self.turn is None:
            return role_of(record) == "tool"
        turn = self.turn[1]
        return not is_last and any(each.position is None for each in show_turn(turn.records, turn.late)[0])


@dataclass
class _Found:
    """A turn that was found, its time, and the score of its messages."""

    turn: FoundTurn
    at: int
    score: float

    def __post_init__(self) -> None:
        shown, _ = show_turn(self.turn.records, self.turn.late)
        self._own = {each.position for each in shown}  # without late results, which are in the turn of their call

    def has(self, place: Place) -> bool:
        """Return whether one of its records is at a place."""
        turn, position = self.turn, place.position - self.turn.position
        where = place.session_id, place.archived
        return where == (turn.session_id, turn.archived) and 0 <= position < turn.size and position in self._own


class Lookup:
    """A search by the index of a store, once.

    Args:
        chats: The sessions.
        query: The query.
        is_late: Says whether the time is over.
        session_id: The one session to search; all of them if ``None``.
    """

    def __init__(
        self, chats: Chats[Message], query: Query, is_late: Callable[[], bool], session_id: str | None
    ) -> None:
        self._chats = chats
        self._query = query
        self._is_late = is_late
        self._session_id = session_id
        self._page: SessionSnapshot[Message] | None = None
        self._found: list[_Found] = []
        self._wrong: set[tuple[str, int, bool]] = set()
        self.complete = True

    def run(self) -> Steps[list[tuple[float, FoundTurn]] | None]:
        """Return the best turns with their scores, the best first; ``None`` if the store keeps no index.

        Raises:
            CorruptSessionError: A turn of the one session cannot be read. Where all are searched, it is left out.
        """
        query = self._query
        limit, skip = min(PLACES_OF_HIT * query.limit, MOST_PLACES), 0
        while True:
            self._page = None
            places = yield from Find(query.terms, milliseconds(query.since), skip, limit, self._session_id)
            if places is None:
                return None
            if isinstance(places, Places):
                self.complete = self.complete and places.complete
            moved = yield from self._take(places)
            if len(self._found) >= query.limit or self._is_late():
                break
            if not moved:  # else they are asked for once more, where they are now
                if len(places) < limit:
                    break
                skip += limit
        self._found.sort(key=lambda each: (each.score, each.at), reverse=True)
        return [(each.score, each.turn) for each in self._found]

    def _take(self, places: Sequence[Place]) -> Steps[bool]:
        """Take the turns of some places, and return whether one of them does not hold any more what was found there."""
        moved = False
        for place in places:
            if place[:3] in self._wrong or self._adds_to_known(place):
                continue
            if self._session_id not in (None, place.session_id):
                continue
            if len(self._found) >= self._query.limit or self._is_late():
                continue  # those that are left only add to turns that are known
            try:
                found = yield from self._turn_at(place)
            except ERRORS_OF_ONE_SESSION as error:
                if self._session_id is not None:
                    raise
                LOGGER.warning("search leaves out a turn: %s", error)
                self.complete = False
                self._wrong.add(place[:3])
                continue
            if found is None:
                self._wrong.add(place[:3])
                moved = True
            elif found.turn is None:
                self._wrong.add(place[:3])
            else:
                at, turn = found.turn
                known = next((each for each in self._found if _is_same(each.turn, turn)), None)
                if known is None:
                    self._found.append(_Found(turn, at, place.score))
                else:
                    known.score += place.score
        return moved

    def _adds_to_known(self, place: Place) -> bool:
        known = next((each for each in self._found if each.has(place)), None)
        if known is not None:
            known.score += place.score
        return known is not None

    def _turn_at(self, place: Place) -> Steps[_First | None]:
        """Return the turn of a message; ``None`` if nothing of the query is there, as it moved or was edited."""
        reach = REACH if self._session_id is None else NEAR
        while True:
            part = slice(max(place.position - reach, 0), place.position + reach) if place.archived else NOTHING
            snapshot = yield from self._part(place.session_id, part)
            records = snapshot.archived if place.archived else snapshot.active
            at = place.position - snapshot.archive_start if place.archived else place.position
            if at >= len(records) or not self._matches(place, records[at]):
                return None
            first, record = _First(), records[at]
            is_last = not place.archived or len(records) < part.stop - part.start
            if self._walk(snapshot, first, record, at, is_last=is_last):
                if reach > LONGEST_REACH or not first.lacks_results(record, is_last=is_last):
                    return first
                if not place.archived:
                    yield from self._walk_back(place.session_id, first, record)
                    return first
            reach *= 4

    def _part(self, session_id: str, part: slice) -> Steps[SessionSnapshot[Message]]:
        """Return a session with a part of its archive; of one session alone, the newest records are read once."""
        if self._session_id is None:
            return (yield from self._chats.take_snapshot(session_id, part))
        if self._page is None:
            self._page = yield from self._chats.take_snapshot(session_id, newest(PAGE))
        page = self._page
        if part == NOTHING:
            return replace(page, archived=(), archive_start=page.archive_end)
        if part.start < page.archive_start:
            return (yield from self._chats.take_snapshot(session_id, part))
        start = part.start - page.archive_start
        archived = page.archived[start : part.stop - page.archive_start]
        return replace(page, archived=archived, archive_start=part.start)

    def _walk_back(self, session_id: str, first: _First, record: Record) -> Steps[None]:
        """Let a walk take the turn of a result in the window whose call is not there."""
        snapshot = yield from self._chats.take_snapshot(session_id, newest(LONGEST_REACH))
        (found,) = [each for each in snapshot.active if each == record][-1:] or (record,)
        walk = Walk(self._chats, self._query, first, session_id, found)
        walk.take_active(snapshot)
        walk.take_archived(snapshot.archived, snapshot.archive_start)

    def _matches(self, place: Place, record: Record) -> bool:
        archived, first = place.archived, place.position
        (searched,) = self._chats.decode(place.session_id, [record], SearchReader(), first=first, archived=archived)
        return bool(self._query.counts(" ".join(searched.texts)).terms)

    def _walk(
        self, snapshot: SessionSnapshot[Message], first: _First, record: Record, at: int, *, is_last: bool
    ) -> bool:
        """Let a walk take the turn of a record, and return whether all of that turn was read."""
        walk = Walk(self._chats, self._query, first, snapshot.session_id, record)
        records, start = snapshot.archived, snapshot.archive_start
        if not records:
            walk.take_active(snapshot)
            return True
        begins = not start or any(role_of(each) == "user" for each in records[: at + 1])
        ends = is_last or any(role_of(each) == "user" for each in records[at + 1 :])
        if begins and ends:
            if is_last:
                walk.take_active(snapshot)  # it has their late results
            walk.take_archived(records, start)
        return begins and ends


def _is_same(one: FoundTurn, other: FoundTurn) -> bool:
    def place(turn: FoundTurn) -> tuple[str, int, bool]:
        return turn.session_id, turn.position, turn.archived

    return place(one) == place(other)
