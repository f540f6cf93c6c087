"""Edits of sessions, as pure functions.

An edit function is given a snapshot of a session and returns an `EditPlan`. It may be called more than once, as another
writer may be faster, so it changes nothing that it is given. Messages that it returns to its caller are read before
anything is written: a record that cannot be read stops the edit, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sessionkit_integrations.errors import CorruptSessionError
from sessionkit_integrations.records.record import decode, role_of, tokens_of
from sessionkit_integrations.sessions.snapshot import SessionSnapshot
from sessionkit_integrations.window.turns import evict, number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record

M = TypeVar("M")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class EditPlan(Generic[T_co]):
    """The outcome of an edit function.

    Attributes:
        result: The value that the edit returns.
        active: The records to keep active; ``None`` leaves them as they are.
        archive: Records to add to the archive.
        clear_archive: Whether the archive is emptied first.
    """

    result: T_co
    active: Sequence[Record] | None = None
    archive: Sequence[Record] = ()
    clear_archive: bool = False

    @property
    def changes_nothing(self) -> bool:
        """True if there is nothing to write."""
        return self.active is None and not self.archive and not self.clear_archive


EditFunction = Callable[[SessionSnapshot[M]], EditPlan[T]]


def insert(index: int, added: list[Record]) -> EditFunction[M, None]:
    """Insert records before the one at ``index``, as `list.insert` does."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[None]:
        # Slices, unlike an index, take whatever is out of range to the nearest end.
        return EditPlan(None, active=[*session.kept[:index], *added, *session.kept[index:]])

    return edit


def remove(index: int) -> EditFunction[M, M | None]:
    """Remove the message at ``index`` (from the end if negative) and return it; ``None`` if there is none."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[M | None]:
        records = session.kept
        if not -len(records) <= index < len(records):
            return EditPlan(None)
        position = index % len(records)
        return EditPlan(session.message(position), active=[*records[:position], *records[position + 1 :]])

    return edit


def remove_oldest(count: int) -> EditFunction[M, list[M]]:
    """Remove the oldest messages, and return them."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
        end = min(max(count, 0), len(session.kept))
        messages = [session.message(index) for index in range(end)]
        return EditPlan(messages, active=session.kept[end:]) if messages else EditPlan([])

    return edit


def archive_oldest(count: int, pinned: int | None = None) -> EditFunction[M, list[M]]:
    """Move the oldest messages into the archive, and return them. Those of the preamble stay where they are.

    Args:
        count: The number of messages, counted from the oldest.
        pinned: The number of messages of the preamble that are counted; all of them if ``None``.
    """

    def edit(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
        start = session.preamble_end
        counted = start if pinned is None else min(pinned, start)
        end = min(start + max(count - counted, 0), len(session.kept))
        messages = [session.message(index) for index in range(start, end)]
        if not messages:
            return EditPlan([])
        records = session.kept
        return EditPlan(messages, active=[*records[:start], *records[end:]], archive=records[start:end])

    return edit


def replace_all(added: list[Record], *, archive: bool) -> EditFunction[M, None]:
    """Replace all records that are not archived.

    Args:
        added: The new records. Those that do not fit into the window leave it.
        archive: Whether what leaves is kept. What has left before, as `count_departed` tells, is not kept once more.
    """

    def edit(session: SessionSnapshot[M]) -> EditPlan[None]:
        if not session.kept and not added:
            return EditPlan(None)
        kept, evicted = evict(added, session.window, role_of, tokens_of)
        if not archive or not evicted:
            return EditPlan(None, active=kept)
        return EditPlan(None, active=kept, archive=evicted[count_departed(session, added) :])

    return edit


def count_departed(session: SessionSnapshot[M], given: Sequence[Record]) -> int:
    """Return the number of turns' records at the start of a history that have left the window before.

    An engine that is given its history sets all of it again in each turn. What comes in it before the turns that are
    in the window now is not said again: it has left. The window is found in the history by its turns, of which the
    current one is compared up to its question only, as the caller may tell the answer in other words.

    Args:
        session: The session.
        given: The history.
    """
    window = [_content_of(record) for record in session.active[session.window_start :]]
    length = max((index for index, (role, _) in enumerate(window, 1) if role == "user"), default=0)
    turns = [_content_of(record) for record in given]
    turns = turns[number_turns(role for role, _ in turns).count(0) :]
    starts = range(len(turns) - length, -1, -1) if length else ()
    return next((start for start in starts if turns[start : start + length] == window[:length]), 0)


def _content_of(record: Record) -> tuple[str, object]:
    """Return the role of a record, and what it says: all but the time of writing."""
    try:
        fields = decode(record)
    except (ValueError, RecursionError):
        return role_of(record), record
    return fields["role"], {name: value for name, value in fields.items() if name != "at"}


def change_archive(added: list[Record], *, clear: bool) -> EditFunction[M, None]:
    """Add records to the archive, after emptying it if ``clear``."""

    def edit(_session: SessionSnapshot[M]) -> EditPlan[None]:
        return EditPlan(None, archive=added, clear_archive=clear)

    return edit


def clear_all(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
    """Remove all records, empty the archive, and return the messages that the model saw."""
    return EditPlan(session.kept_messages(), active=[], clear_archive=True)


def set_system_message(message: M, record: Record) -> EditFunction[M, None]:
    """Replace the first message of the preamble, or begin one; the rest of the preamble stays.

    Args:
        message: The system message.
        record: The record that holds it.
    """

    def edit(session: SessionSnapshot[M]) -> EditPlan[None]:
        if not session.preamble_end:
            return EditPlan(None, active=[record, *session.kept])
        with suppress(CorruptSessionError):  # replaced, whatever it was
            if session.message(0) == message:
                return EditPlan(None)
        return EditPlan(None, active=[record, *session.kept[1:]])

    return edit
