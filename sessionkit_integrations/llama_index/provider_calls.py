"""Tool calls in the shapes of providers, as LlamaIndex's integrations keep them in additional keyword arguments.

Such calls are calls in a record as well, for every reader. The record names their shape, and how they differ from what
a call makes in that shape by nature; see `adapting.differences`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sessionkit_integrations.adapting.arguments import read_arguments, write_arguments
from sessionkit_integrations.adapting.differences import apply, compare
from sessionkit_integrations.records.tool_calls import function_call, texts_of
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect

Call = dict[str, Any]


class _Shape(NamedTuple):
    """The names under which a call holds its parts.

    Attributes:
        call_id: The name of its id, which it may lack.
        arguments: The name of its arguments: a dict, or a text.
        tool: The name of the dict that holds the tool's name and the arguments; empty if the call itself does.
        kind: Its ``type``, if it has one by nature.
        as_text: Whether the arguments are a text by nature.
        marked: Whether it has an id by that name, which tells the shape.
    """

    call_id: str
    arguments: str
    tool: str = ""
    kind: str = ""
    as_text: bool = False
    marked: bool = False


_SHAPES = {
    "bedrock": _Shape("toolUseId", "input", marked=True),
    "responses": _Shape("call_id", "arguments", kind="function_call", as_text=True, marked=True),  # of OpenAI
    "anthropic": _Shape("id", "input", kind="tool_use"),
    "google": _Shape("id", "args"),
    "cohere": _Shape("id", "parameters"),
    "function": _Shape("id", "arguments", tool="function"),  # of Mistral, and of Ollama, which has no ids
}


def shape_of(given: object) -> str | None:
    """Return the shape of a list of calls, or ``None`` if it has none of those that are known here."""
    if not isinstance(given, list) or not given:
        return None
    return next((name for name, shape in _SHAPES.items() if all(_fits(call, shape) for call in given)), None)


def to_calls(given: list[Call], shape_name: str) -> list[Call]:
    """Return calls in OpenAI's shape; an id that there is not is ``None``."""
    shape = _SHAPES[shape_name]
    calls = []
    for call in given:
        tool = call[shape.tool] if shape.tool else call
        arguments = tool[shape.arguments]
        text = arguments if isinstance(arguments, str) else write_arguments(arguments or {})
        calls.append(function_call(call.get(shape.call_id), tool["name"], text))
    return calls


def compare_calls(given: list[Call], calls: list[Call], shape_name: str) -> list[Any]:
    """Return how calls that were given differ from what the record's calls make in their shape."""
    return [
        each
        for index, (call, made) in enumerate(zip(given, calls, strict=True))
        for each in compare(index, _natural(made, _SHAPES[shape_name]), call)
    ]


def from_calls(calls: list[Any], shape_name: object, changes: object) -> list[Call]:
    """Return the calls that were given; see `compare_calls`.

    Raises:
        UnreadableRecordError: There is no such shape, or the changes do not go with it.
    """
    shape = _SHAPES.get(shape_name) if isinstance(shape_name, str) else None
    if shape is None:
        raise UnreadableRecordError(f"tool calls have no shape {shape_name!r}")
    made = [_natural(call, shape) for call in calls]
    for each in expect(changes, list, "changes of tool calls"):
        change = expect(each, list, "change of a tool call")
        index = expect(change[0] if change else None, int, "index of a tool call")
        if not 0 <= index < len(made):
            raise UnreadableRecordError(f"there is no tool call {index}")
        made[index] = apply(made[index], change)
    return made


def _fits(call: object, shape: _Shape) -> bool:
    if not isinstance(call, dict) or (shape.marked and not isinstance(call.get(shape.call_id), str)):
        return False
    tool = call.get(shape.tool) if shape.tool else call
    return (
        isinstance(tool, dict)
        and isinstance(tool.get("name"), str)
        and shape.arguments in tool
        and (tool[shape.arguments] is None or isinstance(tool[shape.arguments], (dict, str)))
        and (call.get(shape.call_id) is None or isinstance(call[shape.call_id], str))
    )


def _natural(call: Call, shape: _Shape) -> Call:
    call_id, name, text = texts_of(call)
    arguments = None if shape.as_text else read_arguments(text)
    tool = {"name": name, shape.arguments: text if arguments is None else arguments}
    made = {shape.tool: tool} if shape.tool else tool
    return {
        **({"type": shape.kind} if shape.kind else {}),
        **({shape.call_id: call_id} if call_id is not None else {}),
        **made,
    }
