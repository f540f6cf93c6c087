"""The messages that a run adds to its history, told apart from those that it has read.

A chain returns what is new. The output of an agent, or of another graph, is its whole state instead: the messages that
were read, the run's input and what is new. Graphs give ids to messages without one, in place, and pass the same objects
on. So a message is known by its object or by its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.messages import BaseMessage


def new_messages(messages: Sequence[BaseMessage], read: Iterable[BaseMessage]) -> list[BaseMessage]:
    """Return the messages of a run that are not stored yet, each once.

    Args:
        messages: The input of the run and, after it, its output.
        read: The messages that the run was given of its history.
    """
    known = _Known()
    for message in read:
        known.add(message)
    again = next((at for at, message in enumerate(messages) if at and message is messages[0]), None)
    if again is None and messages and _id_of(messages[0]) is not None:
        again = next((at for at, each in enumerate(messages) if at and _id_of(each) == _id_of(messages[0])), None)
    new: list[BaseMessage] = []
    asked = 0
    while again is not None and again + asked < len(messages) and asked < again:
        if not _is_same(messages[asked], messages[again + asked]):
            break
        asked += 1
    for at, message in enumerate(messages):
        # What a state holds before the run's own input is older than the run.
        is_older = again is not None and asked <= at < again
        if message not in known and not is_older:
            new.append(message)
        known.add(message)
    return new


class _Known:
    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._objects: dict[int, BaseMessage] = {}

    def add(self, message: BaseMessage) -> None:
        self._objects[id(message)] = message
        message_id = _id_of(message)
        if message_id is not None:
            self._ids.add(message_id)

    def __contains__(self, message: BaseMessage) -> bool:
        return id(message) in self._objects or _id_of(message) in self._ids


def _id_of(message: BaseMessage) -> str | None:
    message_id = getattr(message, "id", None)
    return message_id if isinstance(message_id, str) and message_id else None


def _is_same(one: BaseMessage, other: BaseMessage) -> bool:
    return one is other or (_id_of(one) is not None and _id_of(one) == _id_of(other))
