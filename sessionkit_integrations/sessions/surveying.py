"""The walk through sessions that statistics take: each session is read once, in pages, and added up turn by turn.

A page is forgotten once it is counted. What is kept grows with the number of days, models and tools, and by eight bytes
for each turn whose answer took time.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionkit_integrations.records.counted import CountingReader
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.search.query import Query
from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.sessions.statistics import AnswerTimes, DayStatistics, Statistics, ToolStatistics
from sessionkit_integrations.sessions.steps import ERRORS_OF_ONE_SESSION, PAGE, Compute, NextSession, ReadArchive
from sessionkit_integrations.stores.totals import add_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from sessionkit_integrations.records.counted import Counted
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.chats import Chats

_MILLISECONDS = 1000


@dataclass
class _Sums:
    turns: int = 0
    messages: int = 0
    tokens: int = 0
    usage: tuple[Usage, ...] = ()

    def add_turn(self, turn: Sequence[Counted], tokens: int) -> None:
        self.turns += 1
        self.messages += len(turn)
        self.tokens += tokens
        used = [each.usage for each in turn if each.usage is not None]
        self.usage = add_up([*self.usage, *used]) if used else self.usage

    def add(self, other: _Sums) -> None:
        self.turns += other.turns
        self.messages += other.messages
        self.tokens += other.tokens
        self.usage = add_up([*self.usage, *other.usage])


class Tally:
    """The sum of turns; pure.

    Args:
        query: Says which turns count, by their times.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._sums = _Sums()
        self._sessions = self._unreadable = 0
        self._roles: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._seconds = array("d")
        self._days: defaultdict[date, _Sums] = defaultdict(_Sums)

    @property
    def result(self) -> Statistics:
        """The statistics of what was added."""
        days = (
            DayStatistics(day, sums.turns, sums.messages, sums.tokens, sums.usage)
            for day, sums in sorted(self._days.items())
        )
        tools = sorted(self._calls.keys() | self._failures.keys())
        return Statistics(
            self._sessions,
            self._sums.turns,
            dict(self._roles),
            self._sums.tokens,
            self._sums.usage,
            {tool: ToolStatistics(self._calls[tool], self._failures[tool]) for tool in tools},
            AnswerTimes.of(self._seconds),
            tuple(days),
            self._unreadable,
        )

    def add_turn(self, turn: Sequence[Counted], tokens: int) -> None:
        """Add a turn with its tokens, if it is one of those that count."""
        at = next((each.at for each in turn if each.at is not None), None)
        if not self._query.includes_time(at):
            return
        self._sums.add_turn(turn, tokens)
        if (day := moment(at)) is not None:
            self._days[day.date()].add_turn(turn, tokens)
        tools: dict[str, str] = {}
        for each in turn:
            self._roles[each.role] += 1
            tools |= dict(each.calls)
            self._calls.update(tool for _, tool in each.calls if tool)
            if each.failed and each.answers is not None:
                call, tool = each.answers
                self._failures[tool or tools.get(call, "")] += 1
        answered = [each.at for each in turn if each.role == "assistant" and each.at is not None]
        if at is not None and turn[0].role == "user" and answered and answered[-1] > at:
            self._seconds.append((answered[-1] - at) / _MILLISECONDS)

    def add_session(self, session: Tally) -> None:
        """Add what was counted of one session."""
        self._sessions += session._sums.turns > 0
        self._sums.add(session._sums)
        self._roles.update(session._roles)
        self._calls.update(session._calls)
        self._failures.update(session._failures)
        self._seconds.extend(session._seconds)
        for day, sums in session._days.items():
            self._days[day].add(sums)

    def leave_out(self) -> None:
        """Note that a session could not be read."""
        self._unreadable += 1


class _Turns:
    """Puts the turns of a session together from its pages, oldest first."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._turn: list[Counted] = []
        self._tokens = 0

    def take(self, messages: Iterable[Counted], tokens: Iterable[int]) -> None:
        """Take the next messages, with their tokens."""
        for message, own in zip(messages, tokens, strict=True):
            if message.role == "user":
                self.finish()
            self._turn.append(message)
            self._tokens += own

    def finish(self) -> None:
        """End the last turn."""
        if self._turn:
            self._tally.add_turn(self._turn, self._tokens)
        self._turn, self._tokens = [], 0


def survey(
    chats: Chats[Message],
    session_id: str | None,
    since: datetime | None,
    until: datetime | None,
    seen: Callable[[], None] = lambda: None,
) -> Steps[Statistics]:
    """Return the statistics of a session, or of all.

    Args:
        chats: The sessions.
        session_id: The session; ``None`` for all.
        since: Time from which turns count.
        until: Time before which turns begin that count.
        seen: Called after each session.

    Raises:
        CorruptSessionError: A record of the session cannot be read. Where all are looked at, it is left out.
    """
    query = Query("", since=since, until=until)
    total = Tally(query)
    if session_id is not None:
        check_session_id(session_id)
        total.add_session((yield from _look_at(chats, session_id, query)))
        return total.result
    ids = NextSession()
    while (each := (yield from ids)) is not None:
        try:
            total.add_session((yield from _look_at(chats, each, query)))
        except ERRORS_OF_ONE_SESSION as error:
            LOGGER.warning("statistics leave out a session: %s", error)
            total.leave_out()
        seen()
    return total.result


def _look_at(chats: Chats[Message], session_id: str, query: Query) -> Steps[Tally]:
    tally, reader = Tally(query), CountingReader()
    turns = _Turns(tally)

    def take(records: Sequence[Record], first: int, *, archived: bool) -> None:
        messages = chats.decode(session_id, records, reader, first=first, archived=archived)
        turns.take(messages, map(chats.tokens_of, records))

    snapshot = yield from chats.take_snapshot(session_id, newest(PAGE))
    for start in range(0, snapshot.archive_start, PAGE):
        stop = min(start + PAGE, snapshot.archive_start)
        page = (yield from ReadArchive(session_id, slice(start, stop))).records
        yield from Compute(lambda: take(page, start, archived=True))  # noqa: B023 - it is done at once

    def take_rest() -> None:
        take(snapshot.archived, snapshot.archive_start, archived=True)
        take(snapshot.active[snapshot.preamble_end :], snapshot.preamble_end, archived=False)
        turns.finish()

    yield from Compute(take_rest)
    return tally
