"""Conversations as every chat API takes them: each tool call is answered, directly and once.

OpenAI, Anthropic and Google all refuse a prompt in which a call is not followed by its result, or in which a result
has no call before it. Sessions hold such prompts after a crash between the two, or where several writers share one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.providers.contents import parts_of, tool_name
from sessionkit_integrations.providers.normal import normalize
from sessionkit_integrations.records.media import Part, text_part
from sessionkit_integrations.window.open_calls import INTERRUPTED, Said, show

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.window.open_calls import CallPlace, Shown

Fields = dict[str, Any]
Turn = tuple[str, list[Part]]
"""A role and everything it says before the other role speaks."""

_GENERATED = "sessionkit_"
_NO_RESULT: Fields = {"role": "tool", "content": INTERRUPTED, "is_error": True}


def new_call_id() -> str:
    """Return an id for a call without one, as short and plain as every provider asks for."""
    return f"{_GENERATED}{uuid4().hex[:24]}"


def is_generated_id(call_id: str) -> bool:
    """Return whether the id of a call was generated here, and not by a provider."""
    return call_id.startswith(_GENERATED)


def well_formed(messages: Sequence[Mapping[str, Any]], valid_id: re.Pattern[str]) -> list[Fields]:
    """Return the messages of a session so that every tool call is followed by its result.

    - The results of an assistant message's calls follow it directly, as `show` finds them, in the order of the calls
      and each named like its call.
    - A call without a result, in the current turn as well, gets an error that says so.
    - A result without a call becomes a user message that says whose result it is.
    - Ids are unique and valid. Any other id is replaced, by the same one each time.
    - A call, a part or a field that is not one leaves a note, see `normalize`.
    - Half a surrogate pair, which models do write and no request can hold, becomes U+FFFD.

    Args:
        messages: The messages, which are not changed.
        valid_id: Ids of calls that the provider takes.

    Raises:
        InvalidMessageError: One of them is not a message.
    """
    normal = [_encodable(normalize(message)) for message in messages]
    taken: set[str] = set()
    ids: dict[CallPlace, str] = {}
    told: list[Fields] = []
    for position, call, stray in sorted(show([_said_by(message) for message in normal], over=True), key=_place):
        if call is not None:
            result = _NO_RESULT if position is None else normal[position]
            at, index = call
            name = tool_name(normal[at]["tool_calls"][index])
            told.append({**result, "tool_call_id": ids[call], "name": name})
        elif position is not None:
            message = normal[position]
            calls = message.get("tool_calls", [])
            for index, each in enumerate(calls):
                ids[position, index] = _unique(each["id"], taken, valid_id)
            calls = [{**each, "id": ids[position, index]} for index, each in enumerate(calls)]
            told.append(_stray(message) if stray else {**message, **({"tool_calls": calls} if calls else {})})
    return told


def alternating(said: Iterable[Turn], nothing: Part) -> list[Turn]:
    """Return what is said as turns of user and assistant, beginning with the user.

    Messages of one role in a row become one turn. An assistant that says nothing is left out. A user that says nothing,
    or that is missing before an assistant's greeting, says ``nothing``.

    Raises:
        InvalidMessageError: There is no user.
    """
    turns: list[Turn] = []
    for role, parts in said:
        if role == "assistant" and not parts:
            continue
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        else:
            turns.append((role, list(parts)))
    if all(role != "user" for role, _ in turns):
        raise InvalidMessageError("messages", "hold no user message, which this API needs; add one before you ask")
    if turns[0][0] != "user":
        turns.insert(0, ("user", []))
    return [(role, parts or [nothing]) for role, parts in turns]


def _said_by(message: Fields) -> Said:
    calls = tuple((call["id"], tool_name(call)) for call in message.get("tool_calls", ()))
    return Said(message["role"], calls, (message.get("tool_call_id", ""), message.get("name", "")))


def _place(shown: Shown) -> CallPlace:
    """Return the place of a message in a request, in which results are in the order of their calls."""
    return shown.call or (shown.position or 0, -1)


def _encodable(value: Any) -> Any:
    """Return a JSON value in which all texts can be encoded."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, Mapping):
        return {_encodable(name): _encodable(item) for name, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def _unique(call_id: str, taken: set[str], valid_id: re.Pattern[str]) -> str:
    unique = call_id
    numbers = count()
    while unique in taken or not valid_id.fullmatch(unique):
        seed = f"{next(numbers)} {call_id}".encode()
        unique = f"{_GENERATED}{hashlib.sha256(seed).hexdigest()[:24]}"
    taken.add(unique)
    return unique


def _stray(result: Mapping[str, Any]) -> Fields:
    """Return a result whose call is gone as a message of the user."""
    tool = f"the tool {result['name']}" if result.get("name") else "a tool"
    what = "Error" if result.get("is_error") else "Result"
    return {"role": "user", "content": [text_part(f"{what} of {tool}:"), *parts_of(result)]}
