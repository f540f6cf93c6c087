"""Taking back the end of a conversation, as edits (see `edits`): whole turns, or what followed the last question.

Turns are those that the model saw. A result that came late is shown in the turn of its call, so it leaves with that
turn and stays with it. A result whose call is gone is not shown, and leaves with the turn in which it is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.sessions.edits import EditPlan
from sessionkit_integrations.sessions.snapshot import SessionSnapshot
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.sessions.edits import EditFunction

M = TypeVar("M")


def undo(turns: int) -> EditFunction[M, list[M]]:
    """Take the last turns off the window, and return their stored messages.

    Args:
        turns: The number of turns; all that are in the window if there are fewer.

    Raises:
        TypeError, ValueError: ``turns`` is not an integer of at least 1.
    """
    if type(turns) is not int:
        raise TypeError(f"turns must be an integer, got {type(turns).__name__}")
    if turns < 1:
        raise ValueError(f"turns must be at least 1, got {turns}")

    def edit(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
        numbers = number_turns(map(role_of, session.kept))
        first = max(numbers[-1] - turns, 0) + 1 if numbers else 1
        start = sum(number < first for number in numbers)
        taken = [each for each in session.shown if each.position is not None and each.anchor >= start]
        active = _without_end(session, start)
        return EditPlan([]) if active is None else EditPlan(session.read(taken), active=active)

    return edit


def regenerate(session: SessionSnapshot[M]) -> EditPlan[list[M]]:
    """Take off what follows the last user message, and return what the model then sees.

    Where the window has no user message, nothing is taken off.
    """
    kept = session.kept
    start = max((position for position, record in enumerate(kept, 1) if role_of(record) == "user"), default=len(kept))
    active = _without_end(session, start)
    # What was in the window is in it still: nothing of it leaves because something else did.
    window = session.window.keeping_all()
    left = SessionSnapshot.of(session.session_id, session.reader, window, kept if active is None else active)
    return EditPlan(left.shown_messages(), active=active)


def _without_end(session: SessionSnapshot[M], start: int) -> Sequence[Record] | None:
    """Return what is kept without the end that is shown from a position on; ``None`` if that takes nothing off."""
    kept = session.kept
    stays = {each.position for each in session.shown if each.anchor < start}
    active = [record for position, record in enumerate(kept) if position < start or position in stays]
    return active if len(active) < len(kept) else None
