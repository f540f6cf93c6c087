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
from sessionkit_integrations.sessions.snapshot import SessionSnapshot

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
        """Whether there is nothing to write."""
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


def remove_oldest(count: int, *, to_archive: bool) -> EditFunction[M, list[M]]:
    """Remove the oldest messages, into the archive or for good, and return them."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
        records = session.kept
        oldest = records[: max(count, 0)]
        if not oldest:
            return EditPlan([])
        messages = [session.message(index) for index in range(len(oldest))]
        return EditPlan(messages, active=records[len(oldest) :], archive=oldest if to_archive else ())

    return edit


def replace_all(added: list[Record]) -> EditFunction[M, None]:
    """Replace all records that are not archived."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[None]:
        return EditPlan(None, active=added) if session.kept or added else EditPlan(None)

    return edit


def change_archive(added: list[Record], *, clear: bool) -> EditFunction[M, None]:
    """Add records to the archive, after emptying it if ``clear``."""

    def edit(_session: SessionSnapshot[M]) -> EditPlan[None]:
        return EditPlan(None, archive=added, clear_archive=clear)

    return edit


def clear_all(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
    """Remove all records, empty the archive, and return the messages that the model saw."""
    return EditPlan(session.messages("preamble", "window"), active=[], clear_archive=True)


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
