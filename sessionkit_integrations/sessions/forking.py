"""Forks: a new session that begins as another one was when one of its turns ended.

Turns are counted over the archive and the active records. The fork has what came before its end, in the same order.
Where the end is not the source's, the fork's window is filled with the turns before it, which may have left the
source's window since: the model sees what it saw then. A summary comes along if all that it covers is before the fork's
last turn, and what it covers stays archived. Otherwise it is left behind, and the archived turns wait for another one.

Of an archive one page is held at a time, beside the fork's window, and a number for each turn while turns are counted.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import ConflictError, InvalidSessionIdError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.record import role_of, tokens_of
from sessionkit_integrations.records.summaries import summary_of
from sessionkit_integrations.sessions.steps import (
    PAGE,
    Describe,
    Fork,
    ReadArchive,
    until_no_conflict,
)
from sessionkit_integrations.stores.branches import Branch, check_opened
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.values import Summarized
from sessionkit_integrations.window.turns import NO_LIMIT, number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from sessionkit_integrations.stores.values import SessionInfo


@dataclass(frozen=True)
class _Source:
    """A session that is forked, at one moment, with its oldest archived record."""

    session: SessionSnapshot[Any]
    info: SessionInfo
    oldest: tuple[Record, ...]

    @property
    def starts(self) -> list[int]:
        """Positions among the active records at which their turns begin."""
        return _starts(self.session.roles)

    @property
    def summarized(self) -> int:
        """The number of archived records that a summary covers."""
        has_summary = any(map(summary_of, self.session.active[: self.session.preamble_end]))
        return self.info.archived - self.info.waiting if has_summary or self.info.summarized else 0


@dataclass(frozen=True)
class _End:
    """The end of a fork in its source.

    Attributes:
        archived: The number of archived records before it.
        active: The number of active records before it.
        last: Position in the archive at which the last turn before it begins; ``None`` if that is an active one.
        turns: The number of archived turns before it, where the last turn is archived.
        passed: The number of archived turns after it.
    """

    archived: int
    active: int
    last: int | None = None
    turns: int = 0
    passed: int = 0


def fork(chats: Chats[Any], session_id: str, new_session_id: str, turns: int | None) -> Steps[bool]:
    """Fork a session; see `SessionManager.fork`. Returns whether turns of the fork wait for a summary."""
    check_session_id(session_id)
    check_session_id(new_session_id)
    if turns is not None and type(turns) is not int:
        raise TypeError(f"turns must be an integer or None, got {type(turns).__name__}")
    attempt = partial(_fork, chats, session_id, new_session_id, turns)
    waits: bool | None = yield from until_no_conflict(f"fork of {session_id!r}", attempt)
    if waits is None:
        raise ConflictError(f"there is a session {new_session_id!r} already; give the fork another id, or reset it")
    return waits


def _fork(chats: Chats[Any], session_id: str, new_session_id: str, turns: int | None) -> Steps[bool | None]:
    if (yield from Describe(new_session_id)) is not None:
        return None
    source = yield from _read(chats, session_id)
    branch = yield from _branch(source, turns)
    if branch.active or branch.archived:
        yield from Fork(session_id, new_session_id, branch, operation_id())
    return branch.summarized.waiting > 0


def _read(chats: Chats[Any], session_id: str) -> Steps[_Source]:
    session = yield from chats.take_snapshot(session_id, None)
    info = yield from Describe(session_id)
    if info is None:
        raise InvalidSessionIdError(f"there is no session {session_id!r} to fork")
    oldest = (yield from ReadArchive(session_id, slice(1))).records if info.archived else ()
    # A turn that left the window meanwhile would be in both, and one that was summarised as well in neither.
    if (info.archived or info.summarized) and (
        yield from chats.take_snapshot(session_id, None)
    ).active != session.active:
        raise ConflictError(f"session {session_id!r} is written to all the time; fork it again later")
    return _Source(session, info, oldest)


def _branch(source: _Source, turns: int | None) -> Steps[Branch]:
    session, info = source.session, source.info
    end = yield from _find(source, turns)
    is_whole = end.archived == info.archived and end.active == len(session.active)
    leaves_summary = not is_whole and end.last is not None and source.summarized > end.last
    lowest = 0 if leaves_summary else source.summarized
    again = [] if is_whole else (yield from _window(source, end, lowest))
    records = [record for turn in again for record in turn]
    archived = end.archived - len(records)
    check_opened(session.session_id, session.active[: end.active])
    check_opened(session.session_id, records, archived_from=archived)
    preamble = session.active[: session.preamble_end]
    if leaves_summary:
        preamble = tuple(record for record in preamble if summary_of(record) is None)
        summarized = Summarized(0, archived, end.turns - len(again) if archived else 0)
    else:
        waiting = max(archived - (info.archived - info.waiting), 0)
        waiting_turns = max(info.waiting_turns - end.passed - len(again), 0) if waiting else 0
        summarized = Summarized(info.summarized, waiting, waiting_turns)
    active = (*preamble, *records, *session.active[session.preamble_end : end.active])
    return Branch(active, archived, summarized, info, source.oldest)


def _find(source: _Source, turns: int | None) -> Steps[_End]:
    """Find the end of a fork.

    Raises:
        ValueError: The session has no such turn.
    """
    session, archived = source.session, source.info.archived
    ends = [*source.starts[1:], len(session.active)] if source.starts else []
    if turns is None:
        return _End(archived, len(session.active))
    if turns < 0 and -turns <= len(ends):
        return _End(archived, ends[turns])
    left = yield from _archived_starts(session.session_id, archived)
    total = len(left) + len(ends)
    kept = turns if turns >= 0 else total + turns + 1
    if kept > total or (turns < 0 and kept < 1):
        name = repr(session.session_id)
        raise ValueError(f"turns must be from {-total} to {total}, the number of turns in session {name}, got {turns}")
    if kept > len(left):
        return _End(archived, ends[kept - len(left) - 1])
    if kept == 0:
        return _End(0, session.preamble_end, last=0, passed=len(left))
    end = left[kept] if kept < len(left) else archived
    return _End(end, session.preamble_end, left[kept - 1], kept, len(left) - kept)


def _window(source: _Source, end: _End, lowest: int) -> Steps[list[list[Record]]]:
    """Return the archived turns that are in the window of a fork: as many of the last ones as fit beside the others.

    Args:
        source: The session that is forked.
        end: The end of the fork.
        lowest: Position in the archive before which turns stay there.
    """
    session = source.session
    window = session.window
    turns = (window.turns or NO_LIMIT) - sum(start < end.active for start in source.starts)
    tokens = (window.tokens or NO_LIMIT) - sum(map(tokens_of, session.active[: end.active]))
    found: list[list[Record]] = []
    rest: list[Record] = []
    position = end.archived
    while position > lowest and len(found) < turns:
        start = max(position - PAGE, lowest)
        page = yield from _page(session.session_id, start, position)
        position, records = start, [*page, *rest]
        starts = [index for index, record in enumerate(records) if role_of(record) == "user"]
        if not start:
            starts = _starts(list(map(role_of, records)))
        stop = len(records)
        for index in reversed(starts):
            turn = records[index:stop]
            tokens -= sum(map(tokens_of, turn))
            if len(found) >= turns or (tokens < 0 and (found or end.last is None)):
                return found
            found.insert(0, turn)
            stop = index
        rest = records[:stop]
    return found


def _archived_starts(session_id: str, archived: int) -> Steps[array[int]]:
    """Return the positions in an archive at which its turns begin."""
    starts, last = array("Q"), 0
    for start in range(0, archived, PAGE):
        page = yield from _page(session_id, start, min(start + PAGE, archived))
        for position, number in enumerate(number_turns(map(role_of, page), last), start):
            if number > last:
                starts.append(position)
                last = number
    return starts


def _page(session_id: str, start: int, stop: int) -> Steps[Sequence[Record]]:
    """Return a page of an archive.

    Raises:
        ConflictError: Not all of it is there any more.
    """
    records = (yield from ReadArchive(session_id, slice(start, stop))).records
    if len(records) < stop - start:
        raise ConflictError(f"the archive of session {session_id!r} was cleared meanwhile")
    return records


def _starts(roles: list[str]) -> list[int]:
    """Return the positions at which the turns of a conversation begin."""
    numbers = number_turns(roles)
    return [position for position, number in enumerate(numbers) if number > (numbers[position - 1] if position else 0)]
