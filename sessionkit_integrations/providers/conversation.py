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

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence

Fields = dict[str, Any]
Turn = tuple[str, list[Part]]
"""A role and everything it says before the other role speaks."""

NOT_RECORDED = "No result was recorded for this call."
_GENERATED = "sessionkit_"
_NO_RESULT: Fields = {"role": "tool", "content": NOT_RECORDED, "is_error": True}


def new_call_id() -> str:
    """Return an id for a call without one, as short and plain as every provider asks for."""
    return f"{_GENERATED}{uuid4().hex[:24]}"


def is_generated_id(call_id: str) -> bool:
    """Return whether the id of a call was generated here, and not by a provider."""
    return call_id.startswith(_GENERATED)


def well_formed(messages: Sequence[Mapping[str, Any]], valid_id: re.Pattern[str]) -> list[Fields]:
    """Return the messages of a session so that every tool call is followed by its result.

    - The results of an assistant message's calls follow it directly, in the order of the calls, each named like its
      call. They are looked for up to the next user or assistant message; system messages in between come after them.
    - A call without a result, in a turn that was cut off or is not over yet, gets an error that says so.
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
    taken: set[str] = set()
    answered: list[Fields] = []
    messages = [_encodable(normalize(message)) for message in messages]
    at = 0
    while at < len(messages):
        message = messages[at]
        at += 1
        if message["role"] == "assistant" and message.get("tool_calls"):
            end = at
            while end < len(messages) and messages[end]["role"] in ("tool", "system"):
                end += 1
            answered += _answer_calls(message, messages[at:end], taken, valid_id)
            at = end
        else:
            answered.append(_stray(message) if message["role"] == "tool" else dict(message))
    return answered


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


def _answer_calls(
    message: Mapping[str, Any], after: Sequence[Mapping[str, Any]], taken: set[str], valid_id: re.Pattern[str]
) -> Iterator[Fields]:
    calls: list[Fields] = message["tool_calls"]
    results = [each for each in after if each["role"] == "tool"]
    answers = _answers(calls, results)
    ids = [_unique(call["id"], taken, valid_id) for call in calls]
    yield {**message, "tool_calls": [{**call, "id": call_id} for call, call_id in zip(calls, ids, strict=True)]}
    for call, call_id, answer in zip(calls, ids, answers, strict=True):
        yield {**(_NO_RESULT if answer is None else results[answer]), "tool_call_id": call_id, "name": tool_name(call)}
    yield from (_stray(result) for place, result in enumerate(results) if place not in answers)
    yield from (dict(each) for each in after if each["role"] == "system")


def _answers(calls: Sequence[Fields], results: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """Return the place of each call's result, found by id or, where one of them has none, by name and order."""
    answers: list[int | None] = [None] * len(calls)

    def match(fits: Callable[[Fields, Mapping[str, Any]], bool]) -> None:
        for place, result in enumerate(results):
            if place not in answers:
                open_calls = (at for at, call in enumerate(calls) if answers[at] is None and fits(call, result))
                at = next(open_calls, None)
                if at is not None:
                    answers[at] = place

    match(lambda call, result: bool(call["id"]) and call["id"] == result.get("tool_call_id"))
    match(
        lambda call, result: (
            not (call["id"] and result.get("tool_call_id"))
            and (result.get("name") or tool_name(call)) == tool_name(call)
        )
    )
    return answers


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
