"""Calls and their results as a prompt needs them, as a pure function: rule 8 of the window.

Every chat API refuses a prompt in which a call is not followed by its result, or in which a result has no call before
it. Sessions hold such prompts after a crash between the two, where a result comes late, and where writers share one.

8. In a turn that is over each call is followed by its result. An open call gets an answer that says it was interrupted.
   In the current turn open calls stay open, as they may be running. A result whose call is gone is not shown.

Nothing else changes: all other messages stay in their order, and so do the results of a message's calls.
"""

from __future__ import annotations

import operator
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sessionkit_integrations.records.tool_calls import CallName

INTERRUPTED = "This call was interrupted: it has no result."
"""Content of an answer that is made up."""

CallPlace = tuple[int, int]
"""The position of a message among others, and the index of one of its calls."""


class Said(NamedTuple):
    """Role of a message, and its part in tool calls.

    Attributes:
        role: The role.
        calls: Its calls; ``None`` if it calls in a way that cannot be read.
        answers: The id and the name of the tool that a tool message gives, empty where it gives none.
    """

    role: str
    calls: tuple[CallName, ...] | None = ()
    answers: CallName = ("", "")


class Shown(NamedTuple):
    """A message of a prompt.

    Attributes:
        position: Its position among the messages that were given; ``None`` if it is an answer that was made up.
        call: The call that it answers; the first one of those that cannot be read.
        stray: Whether it is a result whose call is gone, which a reader leaves out.
    """

    position: int | None
    call: CallPlace | None = None
    stray: bool = False


def show(messages: Sequence[Said], *, over: bool) -> list[Shown]:
    """Return a conversation as a prompt shows it.

    Ids repeat in real conversations, so a result is first looked for up to the next user or assistant message: by id
    or, where one of the two has none, by name and order. A result that is left over came late: it moves to the nearest
    call before it that is open and has its id or, where neither has one, its name.

    Results after a message that calls in a way that cannot be read are taken for its own. In a conversation without
    a user message no result can be late, so none is a stray unless the conversation is over.

    Args:
        messages: The messages, oldest first.
        over: Whether the last turn is over too.
    """
    answers = _match_near(messages)
    _match_late(messages, answers)
    results: dict[int, list[int]] = {}
    for position in sorted(answers):
        results.setdefault(answers[position][0], []).append(position)
    answered = set(answers.values())
    users = [position for position, message in enumerate(messages) if message.role == "user"]
    last_turn = len(messages) if over else users[-1] if users else 0
    shown: list[Shown] = []
    for position, message in enumerate(messages):
        if position not in answers:
            shown.append(Shown(position, stray=message.role == "tool" and (over or bool(users))))
            shown += [Shown(result, answers[result]) for result in results.get(position, ())]
        if position < last_turn:
            shown += [Shown(None, call) for call in _calls(messages, position) if call not in answered]
    return shown


def _match_near(messages: Sequence[Said]) -> dict[int, CallPlace]:
    """Return the calls that results answer, by the results' positions, of those that follow their call."""
    answers: dict[int, CallPlace] = {}
    for position, message in enumerate(messages):
        if message.calls == ():
            continue
        after = takewhile(lambda at: not _speaks(messages[at]), range(position + 1, len(messages)))
        results = [at for at in after if messages[at].role == "tool"]
        if message.calls is None:
            answers.update((result, (position, 0)) for result in results)
            continue
        calls = list(_calls(messages, position))
        for fits in _CLOSEST_FIRST:
            _pair(messages, results, calls, fits, answers)
    return answers


def _match_late(messages: Sequence[Said], answers: dict[int, CallPlace]) -> None:
    """Add the calls that late results answer."""
    answered = set(answers.values())
    open_calls: list[CallPlace] = []  # the nearest first
    for position, message in enumerate(messages):
        if message.role == "tool" and position not in answers:
            for fits in _SURE:
                _pair(messages, [position], open_calls, fits, answers)
        open_calls[:0] = (call for call in _calls(messages, position) if call not in answered)


def _pair(
    messages: Sequence[Said],
    results: Iterable[int],
    calls: list[CallPlace],
    fits: Callable[[CallName, CallName], bool],
    answers: dict[int, CallPlace],
) -> None:
    """Give each result the first of the calls that it fits, and take that one out of them."""
    for result in results:
        if result not in answers:
            names = ((call, (messages[call[0]].calls or ())[call[1]]) for call in calls)
            found = next((call for call, name in names if fits(name, messages[result].answers)), None)
            if found is not None:
                answers[result] = found
                calls.remove(found)


def _has_id(call: CallName, result: CallName) -> bool:
    return bool(call[0]) and call[0] == result[0]


def _has_name(call: CallName, result: CallName) -> bool:
    return not (call[0] and result[0]) and result[1] in ("", call[1])


_SURE = (operator.eq, _has_id)
_CLOSEST_FIRST = (*_SURE, _has_name)
"""Ways in which the id and the name that a result gives fit a call's."""


def _speaks(message: Said) -> bool:
    return message.role in {"user", "assistant"}


def _calls(messages: Sequence[Said], position: int) -> Iterator[CallPlace]:
    return ((position, index) for index in range(len(messages[position].calls or ())))
