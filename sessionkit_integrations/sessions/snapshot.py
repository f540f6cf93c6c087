"""A session as a store held it at one moment: its records, and the messages that they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessionkit_integrations.errors import CorruptSessionError, SealError
from sessionkit_integrations.records.codec import decode_all
from sessionkit_integrations.records.record import roles_of, tokens_of
from sessionkit_integrations.sessions.showing import ShownRecord, concern_calls, show_records
from sessionkit_integrations.sessions.steps import NOTHING
from sessionkit_integrations.stores.values import Snapshot
from sessionkit_integrations.window.turns import bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sessionkit_integrations.records.codec import Reader
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.values import SessionInfo
    from sessionkit_integrations.window.turns import Place, Window

M = TypeVar("M")
N = TypeVar("N")


def newest(limit: int | None, before: int | None = None) -> slice:
    """Return a page of an archive, counted from its newest record.

    Args:
        limit: Most records on the page; all that are left if ``None``.
        before: Number of newer records, which earlier pages hold.

    Raises:
        TypeError, ValueError: One of them is not an integer of at least 0.
    """
    for name, value in (("limit", limit), ("before", before)):
        if value is not None and type(value) is not int:
            raise TypeError(f"{name} must be an integer, got {type(value).__name__}")
        if value is not None and value < 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    before = before or 0
    if limit == 0:
        return NOTHING
    return slice(None if limit is None else -before - limit, -before or None)


@dataclass  # not frozen: each read makes one, and that would take three times as long
class SessionSnapshot(Generic[M]):
    """Records of a session as they were at one moment; they become messages when these are asked for.

    `messages` are those that are stored. A prompt, and indexes of messages, have those that are `shown`: in turns that
    are over each call is followed by its result.

    Attributes:
        session_id: The session.
        reader: Reads a record as a message.
        window: The window that was applied.
        active: The active records as they are stored, oldest first.
        roles: Their roles.
        preamble_end: Position among them at which the preamble ends.
        window_start: Position among them at which the turns begin that are in the window.
        archived: The part of the archive that was read, oldest first.
        archive_start: Position of the first of them in the archive.
        over: Whether the last turn is over too, as a new one is about to be opened.
        info: Figures of the session at that moment, where somebody asked for them as well.
    """

    session_id: str
    reader: Reader[M]
    window: Window
    active: tuple[Record, ...]
    roles: list[str]
    preamble_end: int
    window_start: int
    archived: tuple[Record, ...] = ()
    archive_start: int = 0
    over: bool = False
    info: SessionInfo | None = None

    @classmethod
    def of(
        cls,
        session_id: str,
        reader: Reader[M],
        window: Window,
        active: Sequence[Record],
        *,
        tokens_of: Callable[[Record], int] = tokens_of,
    ) -> SessionSnapshot[M]:
        """Return a session with some active records and nothing in its archive.

        Args:
            session_id: The session.
            reader: Reads a record as a message.
            window: The window to apply.
            active: The active records.
            tokens_of: Returns the tokens of a record.
        """
        tokens = None if window.tokens is None else list(map(tokens_of, active))
        roles = roles_of(active)
        preamble_end, window_start = bounds(roles, window, tokens)
        return cls(session_id, reader, window, tuple(active), roles, preamble_end, window_start)

    def __bool__(self) -> bool:
        return bool(self.active or self.archived)

    @property
    def kept(self) -> list[Record]:
        """Records that are stored in the preamble and the window."""
        return [*self.active[: self.preamble_end], *self.active[self.window_start :]]

    @property
    def outside(self) -> tuple[Record, ...]:
        """Active records that the window leaves out."""
        return self.active[self.preamble_end : self.window_start]

    @property
    def archive_end(self) -> int:
        """Position in the archive after the last record that was read."""
        return self.archive_start + len(self.archived)

    @property
    def version(self) -> str:
        """Version of the active records, which `Store.replace` expects."""
        return Snapshot(self.active).version

    def messages(self, *places: Place) -> list[M]:
        """Return the messages in some places, in the order of the places.

        Raises:
            CorruptSessionError: A record there cannot be read.
        """
        messages: list[M] = []
        for place in places:
            records = self._records(place)
            if records:
                first, archived = self.first(place), place == "archived"
                messages += decode_all(self.reader, records, self.session_id, first=first, archived=archived)
        return messages

    @property
    def shown(self) -> list[ShownRecord]:
        """The `kept` records as a prompt shows them, with positions among those that are kept."""
        return self._show(self.kept)

    def shown_messages(self) -> list[M]:
        """Return the messages of the `shown` records: those that the model sees.

        Raises:
            CorruptSessionError: One of them cannot be read.
        """
        if self.preamble_end == self.window_start and not self._concern_calls:
            return decode_all(self.reader, self.active, self.session_id)  # as nearly always
        return self.read(self.shown)

    def read(self, shown: Iterable[ShownRecord]) -> list[M]:
        """Return the messages of some of the `shown` records.

        Raises:
            CorruptSessionError: One of them cannot be read.
        """
        return self._decode((each.record, self._position(each.place)) for each in shown)

    def messages_between(self, start: int, stop: int) -> list[M]:
        """Return the messages of some turns, outside the window or in it, as prompts showed them before they left.

        Args:
            start: The position of their first record among the active ones.
            stop: The position after their last one.

        Raises:
            CorruptSessionError: One of them cannot be read.
        """
        between = (each for each in self._show(self.active) if start <= each.anchor < stop)
        return self._decode((each.record, each.place) for each in between)

    def first(self, place: Place) -> int:
        """Return the position of the first record in a place, among the active records or in the archive."""
        if place == "window":
            return self.window_start
        if place == "preamble":
            return 0
        return self.preamble_end if place == "outside" else self.archive_start

    def faults(self) -> list[CorruptSessionError | SealError]:
        """Return an error for each record that cannot be read, the active records first."""
        active = (self._fault(record, position) for position, record in enumerate(self.active))
        archived = (
            self._fault(record, position, archived=True)
            for position, record in enumerate(self.archived, self.archive_start)
        )
        return [fault for fault in (*active, *archived) if fault is not None]

    def read_with(self, reader: Reader[N]) -> SessionSnapshot[N]:
        """Return the same records, read as other messages."""
        same: Any = self
        return replace(same, reader=reader)

    @property
    def _concern_calls(self) -> bool:
        return concern_calls(self.active, self.roles)

    def _show(self, records: Sequence[Record]) -> list[ShownRecord]:
        if self._concern_calls:
            return show_records(records, over=self.over)
        return [ShownRecord(record, position, position) for position, record in enumerate(records)]

    def _position(self, index: int) -> int:
        """Return the position among the active records of one of those that are kept."""
        return index if index < self.preamble_end else index - self.preamble_end + self.window_start

    def _decode(self, records: Iterable[tuple[Record, int]]) -> list[M]:
        return [
            message
            for record, position in records
            for message in decode_all(self.reader, [record], self.session_id, first=position)
        ]

    def _records(self, place: Place) -> tuple[Record, ...]:
        if place == "window":
            return self.active[self.window_start :]
        if place == "preamble":
            return self.active[: self.preamble_end]
        return self.outside if place == "outside" else self.archived

    def _fault(
        self, record: Record, position: int, *, archived: bool = False
    ) -> CorruptSessionError | SealError | None:
        try:
            decode_all(self.reader, [record], self.session_id, first=position, archived=archived)
        except (CorruptSessionError, SealError) as error:
            return error
        return None
