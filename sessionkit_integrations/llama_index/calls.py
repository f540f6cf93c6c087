"""The tool calls of LlamaIndex's messages as those of records, and back.

LlamaIndex has them as blocks, or in additional keyword arguments in the shape that a provider gave them, or both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from llama_index.core.base.llms.types import ToolCallBlock

from sessionkit_integrations.adapting.arguments import keep_texts, kept_texts, read_arguments, write_checked_arguments
from sessionkit_integrations.adapting.with_pydantic import unvalidated_constructor
from sessionkit_integrations.records.tool_calls import are_function_calls, function_call, texts_of
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect, expect_optional

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


def encode_calls(blocks: Sequence[ToolCallBlock], kwargs: Mapping[str, Any]) -> EncodedCalls:
    """Return the tool calls of a record.

    Args:
        blocks: The blocks that call.
        kwargs: The message's additional keyword arguments, as JSON.

    Raises:
        InvalidMessageError: JSON cannot hold the arguments.
    """
    calls = [_encode_call(block) for block in blocks]
    extra: Fields = {}
    given: Any = kwargs.get(KWARG)
    is_given = are_function_calls(given) and (not calls or _mean_the_same(calls, given))
    if is_given:
        # They keep the very text that the model wrote its arguments in.
        calls = [{name: call[name] for name in _FIELDS} for call in given]
        extra["tool_calls_in_kwargs"] = [
            {name: value for name, value in call.items() if name not in _FIELDS} for call in given
        ]
    texts = [index for index, block in enumerate(blocks) if isinstance(block.tool_kwargs, str)]
    texts = [index for index in texts if not isinstance(_decode_arguments(texts_of(calls[index])[2]), str)]
    if texts:
        extra["text_arguments"] = texts
    without_id = [index for index, call in enumerate(calls) if call["id"] is None]
    if without_id:
        extra["without_id"] = without_id
    return EncodedCalls([call if call["id"] is not None else {**call, "id": ""} for call in calls], extra, is_given)


def decode_calls(calls: object, extra: Mapping[str, Any]) -> list[ToolCallBlock]:
    """Return the blocks that call; see `encode_calls`.

    Args:
        calls: The tool calls of a record.
        extra: What OpenAI's shape does not tell of them.

    Raises:
        UnreadableRecordError: They are not tool calls.
    """
    without_id = expect(extra.get("without_id", []), list, "calls without an id")
    texts = expect(extra.get("text_arguments", []), list, "calls with a text")
    blocks = []
    for index, call in enumerate(expect(calls, list, "tool calls")):
        call_id, name, text = texts_of(call)
        if index in without_id:
            call_id = None
        arguments = text if index in texts or "custom" in call else _decode_arguments(text)
        fields = {"block_type": "tool_call", "tool_call_id": call_id, "tool_name": name, "tool_kwargs": arguments}
        block = _make_block(fields)
        keep_texts(block, [text])
        blocks.append(block)
    return blocks


def given_calls(calls: Any, extra: Mapping[str, Any]) -> list[Fields] | None:
    """Return the additional keyword argument ``tool_calls``, or ``None`` where the calls do not stand for one.

    Args:
        calls: The tool calls of a record.
        extra: What OpenAI's shape does not tell of them.

    Raises:
        UnreadableRecordError: They are not tool calls.
    """
    rest = expect_optional(extra.get("tool_calls_in_kwargs"), list, "more fields of calls")
    if rest is None:
        return None
    if len(rest) != len(expect(calls, list, "tool calls")):
        raise UnreadableRecordError("there must be more fields for each call, or for none")
    return [
        {**expect(call, dict, "tool call"), **expect(more, dict, "more fields of a call")}
        for call, more in zip(calls, rest, strict=True)
    ]


def _encode_call(block: ToolCallBlock) -> Fields:
    arguments = block.tool_kwargs
    if not isinstance(arguments, str):
        arguments = write_checked_arguments(arguments, "blocks.tool_kwargs", kept_texts(block))
    return function_call(block.tool_call_id, block.tool_name, arguments)


def _decode_arguments(text: str) -> dict[str, Any] | str:
    """Return the arguments of a tool call as a dict, or as they are where they are not a JSON object."""
    arguments = read_arguments(text)
    return text if arguments is None else arguments


def _mean_the_same(calls: Sequence[Fields], others: Sequence[Fields]) -> bool:
    return list(map(_meaning, calls)) == list(map(_meaning, others))


def _meaning(call: Fields) -> tuple[Any, ...]:
    call_id, name, text = texts_of(call)
    return call_id, name, json.dumps(_decode_arguments(text), sort_keys=True)
