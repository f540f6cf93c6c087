"""The tool calls of LlamaIndex's messages as tool calls of records, and back.

LlamaIndex has them as blocks, or in additional keyword arguments in the shape that a provider gave them, or both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from llama_index.core.base.llms.types import ToolCallBlock

from sessionkit_integrations.adapting.arguments import keep_texts, read_arguments, write_arguments
from sessionkit_integrations.adapting.with_pydantic import unvalidated_constructor
from sessionkit_integrations.llama_index.provider_calls import compare_calls, from_calls, shape_of, to_calls
from sessionkit_integrations.records.tool_calls import are_function_calls, function_call, texts_of
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionkit_integrations.records.fields import Fields

KWARG = "tool_calls"
"""Additional keyword argument in which LlamaIndex's integrations keep the calls as their provider gave them."""
_make_block = unvalidated_constructor(ToolCallBlock(tool_name=""))
_FIELDS = ("id", "type", "function")


class EncodedCalls(NamedTuple):
    """The tool calls of a record.

    Attributes:
        calls: The calls in OpenAI's shape.
        extra: What that shape does not tell of them.
        given: Whether they tell all of the additional keyword argument ``tool_calls``, which then need not be stored.
    """

    calls: list[Fields]
    extra: Fields
    given: bool


def encode_calls(blocks: Sequence[tuple[Fields, Sequence[str]]], kwargs: Mapping[str, Any]) -> EncodedCalls:
    """Return the tool calls of a record.

    Args:
        blocks: The fields of the blocks that call, and texts that their arguments may have been read from.
        kwargs: The message's additional keyword arguments, as JSON.

    Raises:
        InvalidMessageError: JSON cannot hold the arguments.
    """
    calls = [_encode_call(fields, texts) for fields, texts in blocks]
    given: Any = kwargs.get(KWARG)
    calls, extra = _with_given(calls, given)
    is_given = bool(extra)
    texts = [index for index, (fields, _) in enumerate(blocks) if isinstance(fields.get("tool_kwargs"), str)]
    texts = [index for index in texts if not isinstance(_decode_arguments(texts_of(calls[index])[2]), str)]
    if texts:
        extra["text_arguments"] = texts
    without_id = [index for index, call in enumerate(calls) if call["id"] is None]
    if without_id:
        extra["without_id"] = without_id
    return EncodedCalls([call if call["id"] is not None else {**call, "id": ""} for call in calls], extra, is_given)


def decode_calls(calls: Sequence[Any], extra: Mapping[str, Any]) -> list[ToolCallBlock]:
    """Return the blocks that call; see `encode_calls`.

    Args:
        calls: The tool calls of a record.
        extra: What OpenAI's shape does not tell of them.

    Raises:
        UnreadableRecordError: They are not tool calls.
    """
    texts = expect(extra.get("text_arguments", []), list, "text_arguments")
    blocks = []
    for index, call in enumerate(_with_ids(calls, extra)):
        call_id, name, text = texts_of(call)
        arguments = text if index in texts or "custom" in call else _decode_arguments(text)
        fields = {"block_type": "tool_call", "tool_call_id": call_id, "tool_name": name, "tool_kwargs": arguments}
        block = _make_block(fields)
        keep_texts(block, [text])
        blocks.append(block)
    return blocks


def given_calls(calls: Sequence[Any], extra: Mapping[str, Any]) -> list[Fields] | None:
    """Return the additional keyword argument ``tool_calls``, or ``None`` where the calls do not stand for one.

    Args:
        calls: The tool calls of a record.
        extra: What OpenAI's shape does not tell of them.

    Raises:
        UnreadableRecordError: They are not tool calls.
    """
    if "tool_calls_as" in extra:
        return from_calls(_with_ids(calls, extra), extra["tool_calls_as"], extra.get("tool_calls_changes", []))
    if "tool_calls_in_kwargs" not in extra:
        return None
    rest = expect(extra["tool_calls_in_kwargs"], list, "tool_calls_in_kwargs")
    if len(rest) != len(calls):
        raise UnreadableRecordError("tool_calls_in_kwargs must have an item for each tool call")
    return [
        {**expect(call, dict, "tool call"), **expect(more, dict, "item of tool_calls_in_kwargs")}
        for call, more in zip(calls, rest, strict=True)
    ]


def _with_given(calls: list[Fields], given: Any) -> tuple[list[Fields], Fields]:
    """Return calls, and what they do not tell of those that were given in additional keyword arguments."""
    if are_function_calls(given):
        if calls and not _mean_the_same(calls, given):
            return calls, {}
        # They keep the very text that the model wrote its arguments in.
        rest = [{name: value for name, value in call.items() if name not in _FIELDS} for call in given]
        return [{name: call[name] for name in _FIELDS} for call in given], {"tool_calls_in_kwargs": rest}
    shape = shape_of(given)
    if shape is None:
        return calls, {}
    made = to_calls(given, shape)
    if calls and not _mean_the_same(calls, made):
        return calls, {}
    calls = calls or made
    changes = compare_calls(given, calls, shape)
    return calls, {"tool_calls_as": shape, **({"tool_calls_changes": changes} if changes else {})}


def _with_ids(calls: Sequence[Any], extra: Mapping[str, Any]) -> list[Any]:
    """Return the calls of a record with the ids that they were written with."""
    without_id = expect(extra.get("without_id", []), list, "without_id")
    return [
        {**expect(call, dict, "tool call"), "id": None} if index in without_id else call
        for index, call in enumerate(calls)
    ]


def _encode_call(fields: Fields, texts: Sequence[str]) -> Fields:
    arguments = fields.get("tool_kwargs", {})
    if not isinstance(arguments, str):
        arguments = write_arguments(arguments, texts)
    return function_call(fields.get("tool_call_id"), fields["tool_name"], arguments)


def _decode_arguments(text: str) -> dict[str, Any] | str:
    """Return the arguments of a tool call as a dict, or as they are where they are not a JSON object."""
    arguments = read_arguments(text)
    return text if arguments is None else arguments


def _mean_the_same(calls: Sequence[Fields], others: Sequence[Fields]) -> bool:
    """Return whether calls of blocks are those that were given, some of which have no ids."""
    return len(calls) == len(others) and all(
        other["id"] in {None, call["id"]} and _meaning(call) == _meaning(other)
        for call, other in zip(calls, others, strict=True)
    )


def _meaning(call: Fields) -> tuple[str, str]:
    _, name, text = texts_of(call)
    return name, json.dumps(_decode_arguments(text), sort_keys=True)
