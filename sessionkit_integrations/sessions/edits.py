"""Changes by index, as pure functions on the records in the window, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.sessions.chats import EditPlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.records.record import Record

    Edit = Callable[[list[Record]], EditPlan[list[Record]]]


def insert(index: int, added: list[Record]) -> Edit:
    """Insert records before the one at ``index``, as `list.insert` does."""

    def change(records: list[Record]) -> EditPlan[list[Record]]:
        # The slice, unlike an index, takes whatever is out of range to the nearest end.
        return EditPlan([], active=[*records[:index], *added, *records[index:]])

    return change


def remove(index: int) -> Edit:
    """Remove the record at ``index`` (from the end if negative); its result is that record, if there is one."""

    def change(records: list[Record]) -> EditPlan[list[Record]]:
        if not -len(records) <= index < len(records):
            return EditPlan([])
        position = index % len(records)
        return EditPlan([records[position]], active=[*records[:position], *records[position + 1 :]])

    return change


def remove_oldest(count: int, *, to_archive: bool) -> Edit:
    """Remove the oldest records, into the archive or for good; its result are those records."""

    def change(records: list[Record]) -> EditPlan[list[Record]]:
        oldest = records[: max(count, 0)]
        if not oldest:
            return EditPlan([])
        return EditPlan(oldest, active=records[len(oldest) :], archive=oldest if to_archive else None)

    return change


def replace_all(added: list[Record]) -> Edit:
    """Put records in the place of all; its result are the records that were there."""

    def change(records: list[Record]) -> EditPlan[list[Record]]:
        return EditPlan(records, active=added) if records or added else EditPlan([])

    return change


def change_archive(added: list[Record], *, clear: bool) -> Edit:
    """Add records to the archive, emptying it first if ``clear``."""

    def change(_records: list[Record]) -> EditPlan[list[Record]]:
        return EditPlan([], archive=added, clear_archive=clear)

    return change


def clear_all(records: list[Record]) -> EditPlan[list[Record]]:
    """Remove all records and empty the archive; its result are the records that were in the window."""
    return EditPlan(records, active=[], clear_archive=True)
