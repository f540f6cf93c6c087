"""Ids of calls that other frameworks wrote, told apart for the OpenAI Agents SDK.

The SDK takes calls with one id for one call, and keeps the latest of them and of their results. Other frameworks and
models name calls by their tool, number them from the start in each turn, or give them no id at all.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Final

from sessionkit_integrations.openai_agents.kinds import CUSTOM_CALL, FUNCTION_CALL, FUNCTION_OUTPUT, Item, kind_of

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_CALLS: Final = frozenset({FUNCTION_CALL, CUSTOM_CALL})
_NAMELESS: Final = "call"


class ForeignItems(list[Item]):
    """Items of a message that say nothing which only the API says, as other frameworks' messages do."""

    __slots__ = ()


def tell_apart(messages: Sequence[list[Item]]) -> None:
    """Give calls of other frameworks that share an id different ones, and their results too.

    Results are matched with the nearest message before them that calls with their id, in the order of its calls.

    Args:
        messages: The items of each message, oldest first, which are changed in place.
    """
    if not any(isinstance(items, ForeignItems) for items in messages):
        return
    taken = {
        item["call_id"]
        for items in messages
        if not isinstance(items, ForeignItems)
        for item in items
        if isinstance(item.get("call_id"), str)
    }
    waiting: dict[str, deque[str]] = {}
    for items in messages:
        called: dict[str, deque[str]] = {}
        for item in items:
            given = item.get("call_id")
            if not isinstance(given, str):
                continue
            if kind_of(item) in _CALLS:
                if isinstance(items, ForeignItems):
                    item["call_id"] = _free(given, taken)
                    taken.add(item["call_id"])
                called.setdefault(given, deque()).append(item["call_id"])
            elif kind_of(item) == FUNCTION_OUTPUT and waiting.get(given):
                item["call_id"] = waiting[given].popleft()
        waiting.update(called)


def _free(call_id: str, taken: Container[str]) -> str:
    """Return an id, or the first of those made of it that is not taken, with letters that all APIs take."""
    named = call_id or _NAMELESS
    others = (f"{named}_{number}" for number in count(2))
    return named if named not in taken else next(each for each in others if each not in taken)
