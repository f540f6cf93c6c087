"""Edits of sessions, as pure functions.

An edit function is given a snapshot of a session and returns an `EditPlan`. It may be called more than once, as another
writer may be faster, so it changes nothing that it is given. Indexes and counts are about the messages that the
model sees; an answer that was made up is not stored, so that there is nothing to remove. Messages that it returns to
its caller are read before anything is written: a record that cannot be read stops the edit, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessionkit_integrations.errors import CorruptSessionError
from sessionkit_integrations.records.record import decode, role_of, tokens_of
from sessionkit_integrations.records.summaries import is_echo, summary_of
from sessionkit_integrations.sessions.showing import is_made_up
from sessionkit_integrations.sessions.snapshot import SessionSnapshot
from sessionkit_integrations.stores.values import Edit
from sessionkit_integrations.window.turns import evict, longest_turn, number_turns, turn_too_long

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.sessions.showing import ShownRecord
    from sessionkit_integrations.stores.values import Summarized
    from sessionkit_integrations.window.turns import Window

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
        evicted: Records that leave the window by the plan itself. They are archived before ``archive``, where what
            leaves the window is.
        summarized: What summaries had come to, in the plan of a whole session that comes from elsewhere.
        usage: The tokens that providers reported for such a session, by model.
    """

    result: T_co
    active: Sequence[Record] | None = None
    archive: Sequence[Record] = ()
    clear_archive: bool = False
    evicted: Sequence[Record] = ()
    summarized: Summarized | None = None
    usage: tuple[Usage, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """True if there is nothing to write."""
        return self.active is None and not self.archive and not self.clear_archive


EditFunction = Callable[[SessionSnapshot[M]], EditPlan[T]]


def within(
    window: Window,
    snapshot: SessionSnapshot[M],
    plan: EditPlan[Any],
    tokens_of: Callable[[Record], int],
    *,
    wait: bool,
) -> Edit:
    """Return the edit that a plan makes, with the window applied to its outcome.

    Args:
        window: The window.
        snapshot: The session that the plan is for.
        plan: The plan.
        tokens_of: Returns the tokens of a record.
        wait: Whether what leaves waits for a summary.

    Raises:
        InvalidMessageError: A turn would be longer than the window allows, and than any is already.
    """
    archive = tuple(plan.archive)
    if plan.active is None:
        return Edit(None, archive, plan.clear_archive, wait=wait)
    longest = longest_turn(map(role_of, plan.active))
    # What is too long already may stay so, as when a message is taken out of it.
    if longest > max(window.max_turn_messages, longest_turn(map(role_of, snapshot.active))):
        raise turn_too_long(window)
    kept, evicted = evict(plan.active, window, role_of, tokens_of)
    departed = () if plan.clear_archive else (*snapshot.outside, *plan.evicted, *evicted)
    return Edit(tuple(kept), archive, plan.clear_archive, departed, wait=wait)


def insert(index: int, added: list[Record]) -> EditFunction[M, None]:
    """Insert records before the one at ``index``, as `list.insert` does."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[None]:
        kept = session.kept
        # A slice, unlike an index, takes whatever is out of range to the nearest end.
        place = _first_stored(session.shown[index:], len(kept))
        return EditPlan(None, active=[*kept[:place], *added, *kept[place:]])

    return edit


def remove(index: int) -> EditFunction[M, M | None]:
    """Remove the message at ``index`` (from the end if negative) and return it; ``None`` if there is none to remove."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[M | None]:
        shown, kept = session.shown, session.kept
        found = shown[index] if -len(shown) <= index < len(shown) else None
        if found is None or found.position is None:
            return EditPlan(None)
        active = [*kept[: found.position], *kept[found.position + 1 :]]
        return EditPlan(session.read([found])[0], active=active)

    return edit


def remove_oldest(count: int) -> EditFunction[M, list[M]]:
    """Remove the oldest messages, and return them."""

    def edit(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
        return _take_out(session, 0, count)[0]

    return edit


def archive_oldest(count: int, pinned: int | None = None) -> EditFunction[M, list[M]]:
    """Move the oldest messages into the archive, and return them. The preamble stays where it is.

    Args:
        count: The number of messages, counted from the oldest.
        pinned: The number of messages of the preamble that are counted; all of them if ``None``.
    """

    def edit(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
        start = session.preamble_end
        counted = start if pinned is None else min(pinned, start)
        plan, leaving = _take_out(session, start, start + count - counted)
        return replace(plan, archive=leaving)

    return edit


def replace_all(added: list[Record]) -> EditFunction[M, None]:
    """Replace all records that are not archived.

    Args:
        added: The new records. Those that do not fit into the window leave it.
            What has left before, as `count_departed` tells, does not leave once more.
    """

    def edit(session: SessionSnapshot[M]) -> EditPlan[None]:
        given = given_back(session, added)
        if not session.kept and not given:
            return EditPlan(None)
        kept, evicted = evict(given, session.window, role_of, tokens_of)
        leaving = evicted[count_departed(session, given) :] if evicted else ()
        return EditPlan(None, active=kept, evicted=leaving)

    return edit


def count_departed(session: SessionSnapshot[M], given: Sequence[Record]) -> int:
    """Return the number of turns' records at the start of a history that have left the window before.

    An engine that is given its history sets all of it again in each turn. What comes in it before the turns that are
    in the window now is not said again: it has left. The window is found in the history by its turns, of which the
    current one is compared up to its question only, as the caller may tell the answer in other words.

    Args:
        session: The session.
        given: The history, without answers that were made up.
    """
    window = [_content_of(each.record) for each in session.shown[session.preamble_end :] if each.position is not None]
    length = max((index for index, (role, _) in enumerate(window, 1) if role == "user"), default=0)
    turns = [_content_of(record) for record in given]
    turns = turns[number_turns(role for role, _ in turns).count(0) :]
    starts = range(len(turns) - length, -1, -1) if length else ()
    return next((start for start in starts if turns[start : start + length] == window[:length]), 0)


def given_back(session: SessionSnapshot[M], records: Iterable[Record]) -> list[Record]:
    """Return what is to be stored of a history that was read and is now set.

    Answers that were made up when it was read are left out. The session's summary takes the place of what was read of
    it, or of an earlier one, as another may have been made meanwhile.
    """
    stored = [record for record in records if not is_made_up(record)]
    found = next((record for record in session.active[: session.preamble_end] if summary_of(record)), None)
    if found is None:
        return stored
    end = number_turns(map(role_of, stored)).count(0)
    rest = [record for record in stored[:end] if not is_echo(record, found)]
    return stored if len(rest) == end else [*rest, found, *stored[end:]]


def _content_of(record: Record) -> tuple[str, object]:
    """Return the role of a record, and what it says: all but its time and what was counted."""
    try:
        fields = decode(record)
    except (ValueError, RecursionError):
        return role_of(record), record
    return fields["role"], {name: value for name, value in fields.items() if name not in {"at", "tokens", "usage"}}


def change_archive(added: list[Record], *, clear: bool) -> EditFunction[M, None]:
    """Add records to the archive, after emptying it if ``clear``."""

    def edit(_session: SessionSnapshot[M]) -> EditPlan[None]:
        return EditPlan(None, archive=added, clear_archive=clear)

    return edit


def clear_all(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
    """Remove all records, empty the archive, and return the messages that the model saw."""
    return EditPlan(session.shown_messages(), active=[], clear_archive=True)


def set_system_message(message: M, record: Record) -> EditFunction[M, None]:
    """Replace the first message of the preamble, or begin one; the rest of the preamble stays.

    Args:
        message: The system message.
        record: The record that holds it.
    """

    def edit(session: SessionSnapshot[M]) -> EditPlan[None]:
        if not session.preamble_end or summary_of(session.active[0]) is not None:
            return EditPlan(None, active=[record, *session.kept])
        with suppress(CorruptSessionError):  # replaced, whatever it was
            if session.read(session.shown[:1]) == [message]:
                return EditPlan(None)
        return EditPlan(None, active=[record, *session.kept[1:]])

    return edit


def _take_out(session: SessionSnapshot[M], start: int, stop: int) -> tuple[EditPlan[list[M]], list[Record]]:
    """Return the plan to take out the messages from ``start`` up to ``stop``, and the records that this takes out.

    Results that are not shown leave with what was before them.
    """
    shown, kept = session.shown, session.kept
    taken, rest = shown[start : max(start, stop)], shown[max(start, stop) :]
    if not taken:
        return EditPlan([]), []
    positions = {*range(start, _first_stored(rest, len(kept))), *(each.position for each in taken)}
    active = [record for position, record in enumerate(kept) if position not in positions]
    leaving = [record for position, record in enumerate(kept) if position in positions]
    return EditPlan(session.read(taken), active=active), leaving


def _first_stored(shown: Iterable[ShownRecord], otherwise: int) -> int:
    """Return the position of the first stored one of some shown records; results that moved come later."""
    return min((each.position for each in shown if each.position is not None), default=otherwise)
