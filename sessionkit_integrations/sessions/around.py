"""The turns beside a message of a session: those in its archive and those in its window, in one row."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.errors import ConflictError
from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.sessions.steps import PAGE

if TYPE_CHECKING:
    from sessionkit_integrations.records.codec import Reader
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.sessions.chats import Chats

N = TypeVar("N")


@dataclass(frozen=True)
class TurnInRow:
    """A turn of a row.

    Attributes:
        start: Position of its first record.
        stop: Position after its last one.
        left: Whether it left the window.
    """

    start: int
    stop: int
    left: bool


class Row:
    """The records of a session in one row: the archived ones, and then the active ones without the preamble.

    Of the archive only those pages are read that are looked at.

    Args:
        chats: The sessions.
        session_id: The session.

    Raises:
        ConflictError: The session was written to each time that it was read.
        StoreError: The store failed.
    """

    def __init__(self, chats: Chats[Any], session_id: str) -> None:
        self._chats = chats
        self._session_id = session_id
        self._snapshot = chats.snapshot(session_id, archived=newest(1))
        self._archived = self._snapshot.archive_end
        self._page = cache(self._read_page)

    def __len__(self) -> int:
        return self._archived + len(self._snapshot.active) - self._snapshot.preamble_end

    def around(self, position: int, turns: int) -> list[TurnInRow]:
        """Return the turn that has a record, and those before and after it, oldest first.

        Args:
            position: The position of the record.
            turns: Most turns on each side.

        Raises:
            ConflictError: The archive was deleted or edited meanwhile.
        """
        found = deque([self._turn(position)])
        for _ in range(turns):
            if found[0].start > 0:
                found.appendleft(self._turn(found[0].start - 1))
            if found[-1].stop < len(self):
                found.append(self._turn(found[-1].stop))
        return list(found)

    def read(self, turn: TurnInRow, reader: Reader[N]) -> list[N]:
        """Return the messages of a turn, as they are stored.

        Raises:
            CorruptSessionError: A record there cannot be read.
        """
        messages: list[N] = []
        for position in range(turn.start, turn.stop):
            archived = position < self._archived
            first = position if archived else self._among_active(position)
            record = self._record(position)
            messages += self._chats.decode(self._session_id, [record], reader, first=first, archived=archived)
        return messages

    def _turn(self, position: int) -> TurnInRow:
        start, stop = position, position + 1
        while start > 0 and role_of(self._record(start)) != "user":
            start -= 1
        while stop < len(self) and role_of(self._record(stop)) != "user":
            stop += 1
        return TurnInRow(start, stop, self._among_active(start) < self._snapshot.window_start)

    def _record(self, position: int) -> Record:
        if position >= self._archived:
            return self._snapshot.active[self._among_active(position)]
        page = self._page(position // PAGE)
        if position % PAGE >= len(page):
            raise ConflictError(f"session {self._session_id!r} was changed while it was read; read it again")
        return page[position % PAGE]

    def _among_active(self, position: int) -> int:
        """Return a position among the active records; it is before those after the preamble if it is archived."""
        return position - self._archived + self._snapshot.preamble_end

    def _read_page(self, number: int) -> tuple[Record, ...]:
        part = slice(number * PAGE, (number + 1) * PAGE)
        return self._chats.snapshot(self._session_id, archived=part).archived
