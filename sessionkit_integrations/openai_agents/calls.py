"""Calls of tools and their results: as the Responses API has them, and as a record has them.

Others see the API's own tools as functions, what they are to do as arguments, and results that are not texts as JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.openai_agents import kinds
from sessionkit_integrations.openai_agents.kinds import NO_ID
from sessionkit_integrations.openai_agents.parts import from_screenshot, input_part, screenshot, to_parts
from sessionkit_integrations.records.media import is_text, text_part
from sessionkit_integrations.records.tool_calls import function_call, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.openai_agents.kinds import Item
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part

CALL, CALL_AS_SAID, RESULT = "c", "f", "t"
"""The call of a function, the same with all that the API says of one, and its result."""

_ACTIONS = {
    "d": ("computer_call", "action", "computer"),
    "x": ("computer_call", "actions", "computer"),
    "s": ("shell_call", "action", "shell"),
    "h": ("local_shell_call", "action", "local_shell"),
    "e": ("apply_patch_call", "operation", "apply_patch"),
    "q": ("tool_search_call", "arguments", "tool_search"),
}
"""Calls of the API's own tools: their types, the fields that say what to do, and the names of the tools."""
_KEYS: dict[str, tuple[str, ...]] = {
    "computer_call": ("id", "call_id", "pending_safety_checks", "status", "type"),
    "shell_call": ("id", "action", "call_id", "status", "type"),
    "local_shell_call": ("id", "action", "call_id", "status", "type"),
    "apply_patch_call": ("id", "call_id", "operation", "status", "type"),
    "tool_search_call": ("id", "arguments", "call_id", "execution", "status", "type"),
}
"""The keys of those calls in the order in which the API gives them."""
_DEFAULTS = {"id": NO_ID, "status": "completed", "execution": "client"}
_CUSTOM, _REQUEST = "g", "w"
CALLS = frozenset({CALL, CALL_AS_SAID, _CUSTOM, _REQUEST, *_ACTIONS})

_RESULTS = {
    kinds.FUNCTION_OUTPUT: RESULT,
    kinds.CUSTOM_OUTPUT: "u",
    kinds.COMPUTER_OUTPUT: "D",
    kinds.APPROVAL_RESPONSE: "W",
    "shell_call_output": "S",
    "local_shell_call_output": "H",
    "apply_patch_call_output": "E",
    "tool_search_output": "Q",
}
_KINDS_OF_RESULTS = {letter: kind for kind, letter in _RESULTS.items()}
RESULTS = frozenset(_KINDS_OF_RESULTS)
_AS_JSON = {"shell_call_output": "output", "tool_search_output": "tools"}
"""Results that are no texts, with the field that others see as JSON."""
_APPROVED, _REJECTED = "Approved.", "Rejected."


def to_call(item: Item) -> tuple[str, Fields] | None:
    """Return the letter of a call and the tool call of a record; ``None`` if nobody else could answer it."""
    kind = kinds.kind_of(item)
    call_id = item.get("id" if kind == kinds.APPROVAL_REQUEST else "call_id")
    if not isinstance(call_id, str):
        return None
    for letter, (action_kind, field, tool) in _ACTIONS.items():
        if kind == action_kind and field in item:
            return letter, function_call(call_id, tool, _to_json(_object_of(item[field], field)))
    text = item.get("input" if kind == kinds.CUSTOM_CALL else "arguments")
    name = item.get("name")
    if not isinstance(name, str) or not isinstance(text, str):
        return None
    if kind == kinds.CUSTOM_CALL:
        return _CUSTOM, {"id": call_id, "type": "custom", "custom": {"name": name, "input": text}}
    if kind == kinds.FUNCTION_CALL:
        return CALL_AS_SAID if "id" in item and "status" in item else CALL, function_call(call_id, name, text)
    return (_REQUEST, function_call(call_id, name, text)) if kind == kinds.APPROVAL_REQUEST else None


def make_call(letter: str, call: Fields) -> Item:
    """Return the natural call for a tool call of a record.

    Raises:
        UnreadableRecordError: It is not a tool call.
    """
    call_id, name, text = texts_of(call)
    if letter == _CUSTOM:
        return {"call_id": call_id, "input": text, "name": name, "type": kinds.CUSTOM_CALL}
    if letter == _REQUEST:
        return {"id": call_id, "arguments": text, "name": name, "type": kinds.APPROVAL_REQUEST}
    if letter in _ACTIONS:
        kind, field, _ = _ACTIONS[letter]
        values: Item = {**_DEFAULTS, "pending_safety_checks": [], "call_id": call_id, "type": kind}
        natural = {key: values.get(key) for key in _KEYS[kind]}
        natural[field] = _action_of(text, field)
        return natural
    if "custom" in call:  # of another framework, whose results do not say what they answer
        text = json.dumps({"input": text}, ensure_ascii=False)
    said = {"id": NO_ID, "status": "completed"} if letter == CALL_AS_SAID else {}
    return {"arguments": text, "call_id": call_id or "", "name": name, "type": kinds.FUNCTION_CALL, **said}


def to_result(item: Item) -> tuple[str, list[Part]]:
    """Return the letter of a result, and the content parts of a record that show it."""
    kind = kinds.kind_of(item)
    return _RESULTS[kind], _result_parts(kind, item)


def make_result(letter: str, parts: Sequence[Part], call_id: str) -> Item:
    """Return the natural result of a call, of the content parts of a tool message."""
    kind = _KINDS_OF_RESULTS[letter]
    text = "".join(str(part["text"]) for part in parts if is_text(part))
    if kind == kinds.APPROVAL_RESPONSE:
        return {"type": kind, "approve": text == _APPROVED, "approval_request_id": call_id}
    if kind in _AS_JSON:
        field = _AS_JSON[kind]
        return {"type": kind, "call_id": call_id, field: _from_json(text)}
    if kind == kinds.COMPUTER_OUTPUT:
        return {"call_id": call_id, "output": screenshot(parts[0]) if parts else {}, "type": kind}
    is_one_text = not parts or (len(parts) == 1 and is_text(parts[0]))
    return {"call_id": call_id, "output": text if is_one_text else [input_part(part) for part in parts], "type": kind}


def id_of_call(result: Item) -> str | None:
    """Return the id of the call that a result answers, or ``None`` if it says none."""
    names = ("approval_request_id",) if kinds.kind_of(result) == kinds.APPROVAL_RESPONSE else ("call_id", "id")
    return next((result[name] for name in names if isinstance(result.get(name), str)), None)


def is_failure(item: Item) -> bool:
    """Return whether an item is a result that tells of a failure."""
    return kinds.role_of(item) == "tool" and item.get("status") == "failed"


def _object_of(action: Any, field: str) -> Fields:
    """Return what a call does as the object that arguments are."""
    return action if isinstance(action, dict) else {field: action}


def _action_of(text: str, field: str) -> Any:
    """Return what a call does, given the text that `_object_of` was written as."""
    action = _from_json(text)
    is_other = isinstance(action, dict) and action.keys() == {field} and not isinstance(action[field], dict)
    return action[field] if is_other else action


def _result_parts(kind: str, item: Item) -> list[Part]:
    if kind == kinds.APPROVAL_RESPONSE:
        return [text_part(_APPROVED if item.get("approve") is True else _REJECTED)]
    output = item.get(_AS_JSON.get(kind, "output"))
    if kind == kinds.COMPUTER_OUTPUT:
        return from_screenshot(output)
    if kind in _AS_JSON or not isinstance(output, (str, list)):
        return [] if output is None else [text_part(_to_json(output))]
    return to_parts(output)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
