"""Summaries of what left the window, each committed once.

Evicted turns wait in the archive, in order; the store counts them. A summary is made of the present one and of those
that wait, and takes the place of both in one edit: it becomes the last message of the preamble, and what it covers
waits no more. While the model writes, others may append, evict and summarise.

- The edit names the version of the active records, as every edit does. If somebody appended meanwhile it is planned
  again on the new state; the model is not asked a second time.
- It also names how many records summaries had covered when those that wait were read, and when the session began.
  The store refuses it if these are others: somebody else summarised first, or the session was deleted and begun again.
  Turns only ever join the end of those that wait, so whatever a summary read is still at their front.

The edit evicts nothing itself. If a longer summary takes the session beyond its tokens, reads apply the window as ever,
and the next write evicts: a `SessionKitMemory` hands what leaves to its blocks, and would not hear of turns that a
summary took away.

A lease keeps two from asking a model for the same at the same time. Nothing above relies on it.

So each evicted turn is in exactly one committed summary, whatever fails and however many work at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import (
    ConflictError,
    CorruptSessionError,
    InvalidMessageError,
    SealError,
    SummaryError,
)
from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.records.record import counted_tokens, encode, now, role_of, time_written
from sessionkit_integrations.records.summaries import (
    SessionSummary,
    latest_summary,
    present_summary,
    summary_fields,
    summary_of,
)
from sessionkit_integrations.sessions.asking import Ask, Summarize
from sessionkit_integrations.sessions.leasing import leased
from sessionkit_integrations.sessions.snapshot import SessionSnapshot
from sessionkit_integrations.sessions.steps import (
    Describe,
    Read,
    ReadArchive,
    Replace,
    read_summary,
    until_no_conflict,
)
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.state import turns_of
from sessionkit_integrations.stores.values import Covered, Edit
from sessionkit_integrations.window.turns import NO_LIMIT, Window, bounds, number_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.encoding import Encoding
    from sessionkit_integrations.stores.values import SessionInfo

_EVERYTHING = Window(NO_LIMIT)
_NOTHING = Covered(0, 0, 0, None)

HEADING = "Summary of the conversation so far:"

MOST_TURNS = 50
"""Most turns that a model is given at once, as after a long time without summaries; the others follow."""

MOST_RECORDS = 2000
"""Most records that are read for one summary."""

LEASE = "summary"
"""Name of the lease of whoever summarises a session."""

LONGEST = 60.0
"""Seconds after which others no longer leave a session to somebody who is summarising it."""


@dataclass(frozen=True)
class Summary:
    """The way in which sessions are summarised.

    Args:
        summarize: Given the text of the present summary (``None`` for the first) and the messages that left since,
            returns the text of the next. It may be asynchronous, or have an asynchronous twin ``asummarize``.
        every: Number of turns that wait before a summary is made; ``None`` if only `SessionManager.summarize` makes
            one.
        background: True to make it in a thread, or in a task of the running loop; False to make it before the write
            that noticed returns.
        heading: A line before the text, which tells the model what it is.

    Raises:
        TypeError: ``summarize`` cannot be called, or another argument has a wrong type.
        ValueError: ``every`` is less than 1.

    Examples:
        >>> def summarize(previous: str | None, messages: list[Message]) -> str:
        ...     return f"{previous or ''} {len(messages)} messages."  # yours asks a model
        >>> sessions = SessionManager(memory_window=10, summary=Summary(summarize, every=5))
    """

    summarize: Summarize
    every: int | None = field(default=5, kw_only=True)
    background: bool = field(default=True, kw_only=True)
    heading: str = field(default=HEADING, kw_only=True)

    def __post_init__(self) -> None:
        if not callable(self.summarize):
            raise TypeError(f"summarize must be a callable, got {type(self.summarize).__name__}")
        if self.every is not None and type(self.every) is not int:
            raise TypeError(f"every must be a number of turns or None, got {type(self.every).__name__}")
        if self.every is not None and self.every < 1:
            raise ValueError(f"every must be at least 1 turn, got {self.every}")
        for name, kind in (("background", bool), ("heading", str)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} must be a {kind.__name__}, got {type(getattr(self, name)).__name__}")


@dataclass(frozen=True)
class Waiting:
    """Turns that wait for a summary, and the summary that is there.

    Attributes:
        summary: The present summary.
        records: The records that the next one covers, whole turns.
        start: The position of the first of them in the archive.
        has_more: Whether there are others behind them.
        covered: The same as figures, by which the store knows whether another summary was faster.
    """

    summary: SessionSummary | None
    records: Sequence[Record] = ()
    start: int = 0
    has_more: bool = False
    covered: Covered = _NOTHING


class Summarizer:
    """Makes the summaries of a store's sessions, as steps.

    Args:
        summary: The way in which they are made.
        window: Returns the window in force.
        encoding: Counts the tokens of a summary, where they limit the window.
        max_message_bytes: Largest record, in bytes.
    """

    def __init__(
        self, summary: Summary, window: Callable[[], Window], encoding: Encoding[Message], max_message_bytes: int
    ) -> None:
        self._summary = summary
        self._window = window
        self._encoding = encoding
        self._max_message_bytes = max_message_bytes

    def summarize(self, session_id: str, wait: float | None) -> Steps[SessionSummary | None]:
        """Summarise all turns of a session that wait, and return its summary; ``None`` if it has none.

        Args:
            session_id: The session.
            wait: Seconds to wait for somebody else who is summarising it; ``None`` to leave it to them.

        Raises:
            SummaryError: The summarizer raised, or returned no text that can be stored; the turns wait.
            CorruptSessionError, SealError: One of their records cannot be read, or the present summary.
            ConflictError: Other writers were faster, time after time.
        """
        info = yield from Describe(session_id)
        if info is None or not info.waiting:
            return (yield from read_summary(session_id))
        return (yield from leased(session_id, LEASE, LONGEST, wait, partial(self._summarize, session_id)))

    def _summarize(self, session_id: str) -> Steps[SessionSummary | None]:
        name = f"summary of {session_id!r}"
        while True:
            waiting = yield from until_no_conflict(name, partial(_read, session_id))
            if not waiting.records:
                return waiting.summary
            messages = _messages(session_id, waiting)
            previous = None if waiting.summary is None else waiting.summary.text
            text = yield from Ask(self._summary.summarize, previous, messages)
            record = self._record(text, waiting)
            commit = partial(self._commit, session_id, record, waiting)
            summary = yield from until_no_conflict(name, commit)
            if not waiting.has_more:
                return summary

    def _record(self, text: str, waiting: Waiting) -> Record:
        before = waiting.summary or SessionSummary("", 0, 0)
        times = [at for at in map(time_written, waiting.records) if at is not None]
        fields = summary_fields(
            text,
            self._summary.heading,
            turns=before.turns + waiting.covered.turns,
            messages=before.messages + waiting.covered.records,
            until=max(times, default=None),
            archived=waiting.start + waiting.covered.records,
        )
        # A window elsewhere may be limited by tokens, which its store then counts.
        counts = self._window().tokens is not None or any(counted_tokens(each) is not None for each in waiting.records)
        try:
            tokens = self._encoding.count(fields) if counts else None
        except InvalidMessageError as error:
            raise SummaryError(f"the tokens of the summary cannot be counted: {error}; the turns wait") from error
        record = encode(fields, now(), tokens)
        if len(record) > self._max_message_bytes:
            most = f"{self._max_message_bytes:,} bytes of JSON"
            raise SummaryError(f"the summarizer returned a text of more than {most}; the turns wait")
        return record

    def _commit(self, session_id: str, record: Record, waiting: Waiting) -> Steps[SessionSummary | None]:
        info = yield from Describe(session_id)
        snapshot = yield from Read(session_id)
        active = snapshot.records
        if info is None or waiting.covered.is_outdated(info.summarized, info.waiting, info.created):
            return latest_summary(active)  # somebody else was faster
        preamble_end, _ = bounds(map(role_of, active), _EVERYTHING)
        preamble = [each for each in active[:preamble_end] if summary_of(each) is None]
        edit = Edit((*preamble, record, *active[preamble_end:]), covered=waiting.covered)
        yield from Replace(session_id, edit, snapshot.version, operation_id())
        return summary_of(record)


def _read(session_id: str) -> Steps[Waiting]:
    info: SessionInfo | None = yield from Describe(session_id)
    active = (yield from Read(session_id)).records
    summary = present_summary(session_id, active)
    if info is None or not info.waiting:
        return Waiting(summary)
    start = info.archived - info.waiting
    stop = min(info.archived, start + MOST_RECORDS)
    archived = (yield from ReadArchive(session_id, slice(start, stop))).records
    records = _whole_turns(archived, is_cut=stop < info.archived)
    covered = Covered(len(records), turns_of(records), info.summarized, info.created)
    after = yield from Describe(session_id)
    if after is None or covered.is_outdated(after.summarized, after.waiting, after.created):
        raise ConflictError(f"session {session_id!r} was summarised or deleted meanwhile")
    return Waiting(summary, records, start, len(records) < info.waiting, covered)


def _whole_turns(records: Sequence[Record], *, is_cut: bool) -> Sequence[Record]:
    """Return the first turns of those that wait; of a turn that is longer than what was read, all that was read."""
    numbers = number_turns(map(role_of, records))
    last = MOST_TURNS + 1 if not is_cut else min(MOST_TURNS + 1, numbers[-1])
    end = next((index for index, number in enumerate(numbers) if number >= last), len(records))
    return records[: end or len(records)]


def _messages(session_id: str, waiting: Waiting) -> list[Message]:
    """Return the messages that wait, as the model saw them in turns that are over.

    Raises:
        CorruptSessionError: One of them cannot be read.
    """
    snapshot = replace(SessionSnapshot.of(session_id, PLAIN, _EVERYTHING, waiting.records), over=True)
    try:
        return snapshot.shown_messages()
    except CorruptSessionError as error:
        position = waiting.start + error.position
        raise CorruptSessionError(session_id, position, error.problem, archived=True) from error
    except SealError as error:
        position = waiting.start + error.position
        raise SealError(session_id, position, error.key_id, error.problem, archived=True) from error
