"""The tool calls of LlamaIndex's messages as those of records, and back.

LlamaIndex has them as blocks, or in additional keyword arguments in the shape that a provider gave them, or both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ToolCallBlock

from sessionkit_integrations.adapting.arguments import arguments_of, text_of
from sessionkit_integrations.adapting.with_pydantic import maker
from sessionkit_integrations.records.tool_calls import are_function_calls, function_call, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.fields import Fields

_block = maker(ToolCallBlock(tool_name=""))
_FIELDS = ("id", "type", "function")


def encode_calls(blocks: Sequence[ToolCallBlock], kwargs: dict[str, Any], extra: Fields) -> list[Fields]:
    """Return the tool calls of a record.

    Args:
        blocks: The blocks that call.
        kwargs: The message's additional keyword arguments; calls in OpenAI's shape are taken out.
        extra: Where what OpenAI's shape cannot tell goes.

    Raises:
        InvalidMessageError: JSON cannot hold the arguments.
    """
    calls = [_encode_call(block) for block in blocks]
    given: Any = kwargs.get("tool_calls")
    if are_function_calls(given) and (not calls or _mean_the_same(calls, given)):
        # They keep the very text that the model wrote its arguments in.
        calls = [{name: call[name] for name in _FIELDS} for call in given]
        extra["tool_calls_in_kwargs"] = [
            {name: value for name, value in call.items() if name not in _FIELDS} for call in given
        ]
        del kwargs["tool_calls"]
    texts = [index for index, block in enumerate(blocks) if isinstance(block.tool_kwargs, str)]
    texts = [index for index in texts if not isinstance(_arguments(texts_of(calls[index])[2]), str)]
    if texts:
        extra["text_arguments"] = texts
    without_id = [index for index, call in enumerate(calls) if call["id"] is None]
    if without_id:
        extra["without_id"] = without_id
        for index in without_id:
            calls[index]["id"] = ""
    return calls


def decode_calls(calls: Sequence[Any], kwargs: dict[str, Any], extra: Fields) -> list[ToolCallBlock]:
    """Return the blocks that call; see `encode_calls`.

    Args:
        calls: The tool calls of a record.
        kwargs: Additional keyword arguments, which get calls that were among them.
        extra: What OpenAI's shape could not tell.

    Raises:
        AttributeError, LookupError, TypeError, ValueError: They are no tool calls.
    """
    without_id, texts = extra.get("without_id", ()), extra.get("text_arguments", ())
    if "tool_calls_in_kwargs" in extra:
        more = extra["tool_calls_in_kwargs"]
        kwargs["tool_calls"] = [{**call, **rest} for call, rest in zip(calls, more, strict=True)]
    blocks = []
    for index, call in enumerate(calls):
        call_id, name, text = texts_of(call)
        if index in without_id:
            call_id = None
        is_text = index in texts or "custom" in call
        arguments = text if is_text else _arguments(text)
        fields = {"block_type": "tool_call", "tool_call_id": call_id, "tool_name": name, "tool_kwargs": arguments}
        blocks.append(_block(fields))
    return blocks


def _encode_call(block: ToolCallBlock) -> Fields:
    arguments = block.tool_kwargs
    if not isinstance(arguments, str):
        arguments = text_of(arguments, "blocks.tool_kwargs")
    return function_call(block.tool_call_id, block.tool_name, arguments)


def _arguments(text: str) -> dict[str, Any] | str:
    """Return the arguments of a tool call as a dict, or as they are where they are no JSON object."""
    arguments = arguments_of(text)
    return text if arguments is None else arguments


def _mean_the_same(calls: Sequence[Fields], others: Sequence[Fields]) -> bool:
    return list(map(_meaning, calls)) == list(map(_meaning, others))


def _meaning(call: Fields) -> tuple[Any, ...]:
    call_id, name, text = texts_of(call)
    return call_id, name, json.dumps(_arguments(text), sort_keys=True)
