"""The shapes of items, each with the letter that stands for it in a record's ``order``, and what they are made of.

Stored records hold these letters, so that none may change its meaning. What a shape makes of the parts, the reasoning
and the calls of a record is the *natural* form of an item; `changes` tell how the item differs from it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.openai_agents import kinds
from sessionkit_integrations.openai_agents.parts import (
    from_screenshot,
    input_part,
    output_part,
    screenshot,
    to_parts,
)
from sessionkit_integrations.records.fields import reasoning_text, text_of_detail
from sessionkit_integrations.records.media import Media, is_text, text_part, to_media, to_part
from sessionkit_integrations.records.parts import left_out
from sessionkit_integrations.records.tool_calls import function_call, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.openai_agents.kinds import Item
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Part

NO_ID = "__fake_id__"
"""The id that the SDK gives to items which no API has given one, and takes away before it sends them."""

EASY, EASY_ROLE_FIRST, EASY_LIST, EASY_LIST_ROLE_FIRST, SAID = "a", "b", "l", "k", "m"
"""Messages: a text, with the role after or before it; parts, with the role after or before them; a model's own."""
THOUGHT, THOUGHT_MORE, FOREIGN_THOUGHT = "r", "&", "p"
"""Reasoning with one part, each further part of it, and reasoning of another API."""
CALL = "c"
IMAGE, NOTE, OWN = "i", "n", "o"
"""A generated image; an item that others see a note of; one that they see nothing of."""
RESULT = "t"

MESSAGES = frozenset({EASY, EASY_ROLE_FIRST, EASY_LIST, EASY_LIST_ROLE_FIRST, SAID})
SHOWN = frozenset({IMAGE, NOTE})
"""Shapes that are made of one content part."""

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
CALLS = frozenset({CALL, _CUSTOM, _REQUEST, *_ACTIONS})

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
_QUIET = frozenset(
    {
        *(kinds.REASONING, "compaction", "compaction_trigger", "item_reference", "mcp_list_tools"),
        *("additional_tools", "configuration_update"),
    }
)
"""Types of items that say nothing, of which others see a note only where there is nothing else."""


class Piece(NamedTuple):
    """An item as a record holds it.

    Attributes:
        letter: Its shape, and `THOUGHT_MORE` for each further part of its reasoning.
        parts: Its content parts.
        details: Its reasoning, as entries of ``reasoning_details``.
        call: Its tool call.
    """

    letter: str
    parts: Sequence[Part] = ()
    details: Sequence[Fields] = ()
    call: Fields | None = None


def to_piece(item: Item, *, quietly: bool = True) -> Piece:
    """Return an item as a record holds it.

    Args:
        item: The item.
        quietly: False to show a note of an item that says nothing.
    """
    kind = kinds.kind_of(item)
    if kind == kinds.MESSAGE:
        return _message(item)
    if kind in _RESULTS:
        return Piece(_RESULTS[kind], _result_parts(kind, item))
    details = _details(item) if kind == kinds.REASONING else []
    if details:
        return Piece(THOUGHT + THOUGHT_MORE * (len(details) - 1), details=details)
    found = _call(kind, item)
    if found is not None:
        return Piece(found[0], call=found[1])
    image = _image(item) if kind == kinds.IMAGE else None
    if image is None and kind in _QUIET and quietly:
        return Piece(OWN)
    note = text_part(left_out({"type": kind, "name": item.get("name")}))
    return Piece(NOTE, [note]) if image is None else Piece(IMAGE, [image])


def make_message(letter: str, parts: Sequence[Part], role: str) -> Item:
    """Return the natural message of some content parts."""
    if letter == SAID:
        content = [output_part(part) for part in parts]
        return {"id": NO_ID, "content": content, "role": role, "status": "completed", "type": kinds.MESSAGE}
    if letter in {EASY, EASY_ROLE_FIRST} and (not parts or (len(parts) == 1 and is_text(parts[0]))):
        text: Any = parts[0]["text"] if parts else ""
    else:
        text = [input_part(part) for part in parts]
    if letter in {EASY, EASY_LIST}:
        return {"content": text, "role": role}
    return {"role": role, "content": text}


def make_thought(letter: str, details: Sequence[Fields]) -> Item:
    """Return the natural reasoning of some entries of ``reasoning_details``.

    Reasoning of another API is what the SDK makes of it: OpenAI's models are never sent any, Anthropic's get what
    they have signed.
    """
    if letter == FOREIGN_THOUGHT:
        texts = [(detail, text) for detail in details if (text := text_of_detail(detail)) is not None]
        signed = [
            {"type": "thinking", "thinking": text, "signature": detail["signature"]}
            for detail, text in texts
            if isinstance(detail.get("signature"), str)
        ]
        source = {"thinking_blocks": signed} if signed else {"source": "sessionkit"}
        return {**_thought([text for _, text in texts]), "provider_data": source}
    summary = [detail for detail in details if "summary" in detail]
    content = [detail for detail in details if "summary" not in detail]
    item = _thought([detail["summary"] for detail in summary])
    if content:
        item["content"] = [{"text": text_of_detail(detail), "type": "reasoning_text"} for detail in content]
    return item


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
    return {"arguments": text, "call_id": call_id, "name": name, "type": kinds.FUNCTION_CALL}


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


def make_shown(letter: str, part: Part) -> Item:
    """Return the natural item for a generated image, or nothing of an item that others see a note of."""
    if letter == NOTE:
        return {}
    media = to_media(part)
    result = None if media is None else media.data
    return {"id": NO_ID, "result": result, "status": "completed", "type": kinds.IMAGE}


def id_of_call(result: Item) -> str | None:
    """Return the id of the call that a result answers, or ``None`` if it says none."""
    names = ("approval_request_id",) if kinds.kind_of(result) == kinds.APPROVAL_RESPONSE else ("call_id", "id")
    return next((result[name] for name in names if isinstance(result.get(name), str)), None)


def is_failure(item: Item) -> bool:
    """Return whether an item is a result that tells of a failure."""
    return kinds.role_of(item) == "tool" and item.get("status") == "failed"


def _message(item: Item) -> Piece:
    content, keys = item.get("content"), list(item)
    role_first = "role" in keys and "content" in keys and keys.index("role") < keys.index("content")
    if isinstance(content, str):
        return Piece(EASY_ROLE_FIRST if role_first else EASY, to_parts(content))
    if kinds.role_of(item) == "assistant":
        return Piece(SAID, to_parts(content))
    return Piece(EASY_LIST_ROLE_FIRST if role_first else EASY_LIST, to_parts(content))


def _thought(summary: Sequence[Any]) -> Item:
    texts = [{"text": text, "type": "summary_text"} for text in summary]
    return {"id": NO_ID, "summary": texts, "type": kinds.REASONING}


def _details(item: Item) -> list[Fields]:
    summary = [{"type": "reasoning.summary", "summary": text} for text in _texts(item.get("summary"))]
    return summary + [reasoning_text(text) for text in _texts(item.get("content"))]


def _texts(parts: Any) -> list[str]:
    """Return the texts of some parts of reasoning; none if any of them has none."""
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts] if isinstance(parts, list) else []
    return [text for text in texts if isinstance(text, str)] if all(isinstance(text, str) for text in texts) else []


def _call(kind: str, item: Item) -> tuple[str, Fields] | None:
    """Return the letter of a call and the tool call of a record; ``None`` if it is none that others could answer."""
    call_id = item.get("id" if kind == kinds.APPROVAL_REQUEST else "call_id")
    if not isinstance(call_id, str):
        return None
    for letter, (action_kind, field, tool) in _ACTIONS.items():
        if kind == action_kind and field in item and item.get("execution") != "server":
            return letter, function_call(call_id, tool, _to_json(_object_of(item[field], field)))
    text = item.get("input" if kind == kinds.CUSTOM_CALL else "arguments")
    name = item.get("name")
    if not isinstance(name, str) or not isinstance(text, str):
        return None
    if kind == kinds.CUSTOM_CALL:
        return _CUSTOM, {"id": call_id, "type": "custom", "custom": {"name": name, "input": text}}
    letter = {kinds.FUNCTION_CALL: CALL, kinds.APPROVAL_REQUEST: _REQUEST}.get(kind, "")
    return (letter, function_call(call_id, name, text)) if letter else None


def _object_of(action: Any, field: str) -> Fields:
    """Return what a call does as the object that arguments are."""
    return action if isinstance(action, dict) else {field: action}


def _action_of(text: str, field: str) -> Any:
    """Return what a call does, given the text that `_object_of` was written as."""
    action = _from_json(text)
    is_other = isinstance(action, dict) and action.keys() == {field} and not isinstance(action[field], dict)
    return action[field] if is_other else action


def _image(item: Item) -> Part | None:
    result, suffix = item.get("result"), item.get("output_format")
    if not isinstance(result, str) or not result:
        return None
    return to_part(Media("image", data=result, mime_type=f"image/{suffix}" if isinstance(suffix, str) else None))


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
