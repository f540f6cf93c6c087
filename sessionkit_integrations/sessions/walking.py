"""The walk through a session from its newest turn on, for a search: turns are put together, filtered and counted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.records.search_texts import SearchReader
from sessionkit_integrations.sessions.showing import concern_calls, show_turn
from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.sessions.steps import Compute, ReadArchive
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.search_texts import Searched
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.search.query import Query
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot


class FoundTurn(NamedTuple):  # which is made three times as fast as a frozen dataclass
    """A turn of a session.

    Attributes:
        session_id: The session.
        position: Position of its first record, in the archive or among the active ones.
        number: Number of records before it, in the archive and among the active ones after the preamble.
        records: Its records; none where they are to be read again.
        size: Their number.
        late: Results of its calls that came after the next user message.
        archived: Whether its records are in the archive.
        left: Whether it left the window.
        digest: A number that tells its records from others.
        at: Its time, in Unix milliseconds, if it is known.
    """

    session_id: str
    position: int
    number: int
    records: tuple[Record, ...]
    size: int
    late: tuple[Record, ...]
    archived: bool
    left: bool
    digest: int
    at: int | None

    @property
    def place(self) -> tuple[str, int]:
        """Its session and its place in it, which stays when it leaves the window."""
        return self.session_id, self.number

    @property
    def end(self) -> int:
        """Position after its last record."""
        return self.position + self.size


class Taker(Protocol):
    """Takes the turns of a walk, as `search.ranking.Ranking` does."""

    def add(self, counts: Mapping[int, int], length: int, at: int | None, item: FoundTurn, /) -> None:
        """Take a turn; see `Ranking.add`."""


class Texts(Protocol):
    """Takes the texts of the turns of a walk, as `sessions.meaning.Meaning` does."""

    def add(self, turn: FoundTurn, messages: Sequence[Searched], /) -> None:
        """Take the messages of a turn that are looked at."""


class Walk:
    """The walk through a session, from its newest turn on.

    Args:
        chats: The sessions.
        query: The query.
        ranking: Takes the turns; ``None`` if their words do not count.
        session_id: The session.
        only: The one record whose turn is taken, with its records; the turn of every record if ``None``.
        meaning: Takes the turns as well, unless it is ``None``.
        is_alone: Whether no other session is walked through. If it is read at once, turns have their records.
    """

    def __init__(
        self,
        chats: Chats[Message],
        query: Query,
        ranking: Taker | None,
        session_id: str,
        only: Record | None = None,
        meaning: Texts | None = None,
        *,
        is_alone: bool = False,
    ) -> None:
        self._chats = chats
        self._query = query
        self._ranking = ranking
        self._session_id = session_id
        self._only = only
        self._meaning = meaning
        self._is_alone = is_alone
        self._rest: tuple[Record, ...] = ()
        self._late: tuple[Record, ...] = ()
        self._listed = 0
        self._shift = 0
        self._has_calls = False
        self._keeps = only is not None

    @property
    def is_done(self) -> bool:
        """True if older turns cannot be among the best, as newer ones are listed."""
        return self._query.lists and self._listed >= self._query.limit

    def take_newest(self, snapshot: SessionSnapshot[Message]) -> None:
        """Take the active records and the newest page of the archive."""
        self.take_active(snapshot)
        self.take_archived(snapshot.archived, snapshot.archive_start)

    def take_active(self, snapshot: SessionSnapshot[Message]) -> None:
        """Take the active records but for the preamble, of a snapshot that has the end of the archive."""
        first = snapshot.preamble_end
        self._keeps = self._keeps or (self._is_alone and not snapshot.archive_start)
        self._shift = snapshot.archive_end - first
        self._take(snapshot.active[first:], first, window_start=snapshot.window_start)
        self._finish(first, window_start=snapshot.window_start)

    def take_archived(self, records: Sequence[Record], start: int) -> None:
        """Take a page of the archive, which begins at a position."""
        self._take(tuple(records), start, window_start=None)
        if not start:
            self._finish(0, window_start=None)

    def _take(self, records: tuple[Record, ...], start: int, *, window_start: int | None) -> None:
        records += self._rest
        roles = list(map(role_of, records))
        end = len(records)
        self._has_calls = concern_calls(records, roles)
        for index in range(end - len(self._rest) - 1, -1, -1):
            if roles[index] == "user":
                self._take_turn(records[index:end], roles[index:end], start + index, window_start)
                end = index
        self._rest = records[:end]

    def _finish(self, start: int, *, window_start: int | None) -> None:
        """Take what is before the first user message: a greeting."""
        roles = list(map(role_of, self._rest))
        pinned = number_turns(roles).count(0)
        if pinned < len(self._rest):
            self._take_turn(self._rest[pinned:], roles[pinned:], start + pinned, window_start)
        self._rest = ()

    def _take_turn(
        self, records: tuple[Record, ...], roles: Sequence[str], position: int, window_start: int | None
    ) -> None:
        if self.is_done:
            return
        if self._only is not None and not self._late and not any(map(self._concerns_only, records)):
            return
        archived = window_start is None
        left = archived or position < (window_start or 0)
        own: Sequence[Record] = records
        late: tuple[Record, ...] = ()
        if self._late or (self._has_calls and concern_calls(records, roles)):
            shown, self._late = show_turn(records, self._late)
            own = [each.record for each in shown if each.position is not None]
            late = tuple(each.record for each in shown if each.position is not None and each.position > len(records))
        if self._query.archived and not left:
            return
        if self._only is not None and not any(record is self._only for record in own):
            return
        searched = self._chats.decode(self._session_id, own, SearchReader(), first=position, archived=archived)
        query, at = self._query, time_of(searched)
        if not query.includes_time(at) or (query.tool and not any(query.tool in each.tools for each in searched)):
            return
        if query.roles is not None and not any(each.role in query.roles for each in searched):
            return
        turn = FoundTurn(
            self._session_id,
            position,
            position if archived else position + self._shift,
            () if archived and not self._keeps else records,
            len(records),
            late,
            archived,
            left,
            hash(records),
            at,
        )
        self._listed += 1
        if self._ranking is not None:
            terms, length = ({}, 0) if query.lists else query.counts(" ".join(texts_of(searched, query)))
            self._ranking.add(terms, length, at, turn)
        if self._meaning is not None:
            self._meaning.add(turn, looked_at(searched, query))

    def _concerns_only(self, record: Record) -> bool:
        """Return whether a record is the one that is looked for, or a result that may be of the same turn."""
        return record is self._only or role_of(record) == "tool"


def take_pages(
    chats: Chats[Message],
    walk: Walk,
    session_id: str,
    size: int,
    after_page: Callable[[], Steps[None]],
    is_over: Callable[[], bool],
    snapshot: SessionSnapshot[Message] | None = None,
) -> Steps[None]:
    """Let a walk take a session, in pages.

    Args:
        chats: The sessions.
        walk: The walk.
        session_id: The session.
        size: Records of the archive that are read at once.
        after_page: Is done after each page.
        is_over: Says whether no more are read, where there are more.
        snapshot: The session with the newest page of its archive; it is read if ``None``.
    """
    first = (yield from chats.take_snapshot(session_id, newest(size))) if snapshot is None else snapshot
    yield from Compute(partial(walk.take_newest, first))
    start = first.archive_start
    while True:
        yield from after_page()
        if not start or is_over():
            return
        stop, start = start, max(start - size, 0)
        page = (yield from ReadArchive(session_id, slice(start, stop))).records
        yield from Compute(partial(walk.take_archived, page, start))


def texts_of(searched: Sequence[Searched], query: Query) -> Iterator[str]:
    """Yield the texts of those messages that a query looks at."""
    return (text for each in looked_at(searched, query) for text in each.texts)


def looked_at(searched: Sequence[Searched], query: Query) -> Sequence[Searched]:
    """Return those messages that a query looks at."""
    return searched if query.roles is None else [each for each in searched if each.role in query.roles]


def time_of(searched: Sequence[Searched]) -> int | None:
    """Return the time of a turn, in Unix milliseconds: of its first message that says one."""
    for each in searched:  # a generator takes three times as long, and there are many turns
        if each.at is not None:
            return each.at
    return None
