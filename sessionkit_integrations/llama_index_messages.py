"""LlamaIndex's messages as records, and back.

A record holds the message in OpenAI's shape, and under ``llama_index`` only what a message says beyond that:
blocks that OpenAI's shape has no equal for, with their places among the others, and additional keyword arguments.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError, MissingDependencyError
from sessionkit_integrations.messages import check_json

try:
    from llama_index.core.base.llms.types import (
        ChatMessage,
        ContentBlock,
        DocumentBlock,
        ImageBlock,
        MessageRole,
        TextBlock,
        ToolCallBlock,
    )
    from pydantic import TypeAdapter
    from pydantic_core import to_jsonable_python
except ImportError as error:
    raise MissingDependencyError("SessionKitChatStore", "llama-index") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records import Fields

TAG = "llama_index"

_ROLES = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
_SHARED_KWARGS = ("tool_call_id", "name")
"""Additional keyword arguments that OpenAI's shape has a field for."""
_ANY_BLOCK: TypeAdapter[Any] = TypeAdapter(ContentBlock)


class LlamaIndexCodec:
    """How LlamaIndex's messages are written and read; see `Codec`."""

    def encode(self, messages: Sequence[ChatMessage]) -> Iterable[Fields]:
        """See `Codec.encode`."""
        for message in messages:
            if not isinstance(message, ChatMessage):
                raise InvalidMessageError("message", f"is a ChatMessage, not {type(message).__name__}")
            try:
                fields = _encode(message)
            except RecursionError as error:
                raise InvalidMessageError("message", "is nested too deeply") from error
            yield fields

    def decode(self, fields: Fields) -> ChatMessage:
        """See `Codec.decode`."""
        extra = fields.get(TAG) or {}
        kwargs = extra.get("additional_kwargs", {})
        for name in _SHARED_KWARGS:
            if name in fields:
                kwargs[name] = fields[name]
        calls = fields.get("tool_calls") or []
        if extra.get("tool_calls_in_kwargs"):
            kwargs["tool_calls"], calls = calls, []
        blocks = _join(
            [] if extra.get("no_text") else _decode_content(fields.get("content")),
            [_decode_call(call, index in extra.get("text_arguments", ())) for index, call in enumerate(calls)],
            extra,
        )
        message = ChatMessage(role=extra.get("role", fields["role"]), blocks=blocks)
        # Only now: of ``images`` that it is made with, a message makes blocks, which are among its blocks already.
        message.additional_kwargs = kwargs
        return message


def _encode(message: ChatMessage) -> Fields:
    extra: dict[str, Any] = {}
    role = _ROLES[message.role]
    if role != message.role.value:
        extra["role"] = message.role.value
    texts, calls = _divide(message, extra)
    fields: Fields = {"role": role, "content": _encode_content(texts)}
    if calls:
        fields["tool_calls"] = calls
    _encode_kwargs(message, fields, extra)
    if fields["content"] is None and "tool_calls" not in fields:
        fields["content"] = ""
        extra["no_text"] = True
    if extra:
        fields[TAG] = extra
    return fields


def _divide(message: ChatMessage, extra: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return a message's texts and tool calls; what else its blocks say goes into ``extra``."""
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    places: list[int] = []
    others: list[tuple[int, dict[str, Any]]] = []
    for index, block in enumerate(message.blocks):
        if isinstance(block, TextBlock):
            texts.append(block.text)
        elif isinstance(block, ToolCallBlock):
            places.append(index)
            calls.append(_encode_call(block))
            if isinstance(block.tool_kwargs, str) and _arguments(block.tool_kwargs) != block.tool_kwargs:
                extra.setdefault("text_arguments", []).append(len(calls) - 1)
        else:
            others.append((index, _encode_block(block)))
    count = len(message.blocks)
    if places != list(range(count - len(calls), count)):
        extra["tool_calls_at"] = places
    if others:
        extra["blocks"] = [list(other) for other in others]
    return texts, calls


def _join(texts: list[Any], calls: list[Any], extra: dict[str, Any]) -> list[Any]:
    """Return blocks in their order; see `_divide`."""
    others = extra.get("blocks", ())
    count = len(texts) + len(calls) + len(others)
    places = extra.get("tool_calls_at", range(count - len(calls), count))
    placed = {index: _decode_block(block) for index, block in others} | dict(zip(places, calls, strict=True))
    rest = iter(texts)
    return [placed[index] if index in placed else next(rest) for index in range(count)]


def _encode_content(texts: list[str]) -> str | list[dict[str, Any]] | None:
    if not texts:
        return None
    return texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]


def _decode_content(content: str | list[Any] | None) -> list[Any]:
    if content is None:
        return []
    if isinstance(content, str):
        return [TextBlock(text=content)]
    return [block for part in content if (block := _decode_part(part)) is not None]


def _decode_part(part: dict[str, Any]) -> TextBlock | ImageBlock | None:
    if part["type"] == "text":
        return TextBlock(text=part["text"])
    if part["type"] == "image_url":
        image = part["image_url"]
        if isinstance(image, str):
            return ImageBlock(url=image)
        return ImageBlock(url=image["url"], detail=image.get("detail"))
    return None


def _encode_block(block: Any) -> dict[str, Any]:
    dumped = block.model_dump(exclude_none=True)
    try:
        try:
            encoded: dict[str, Any] = to_jsonable_python(dumped)
        except UnicodeDecodeError:
            # The raw bytes of an open file: made of bytes, the same block holds them in base64.
            encoded = to_jsonable_python(type(block).model_validate(dumped).model_dump(exclude_none=True))
    except ValueError as error:
        raise InvalidMessageError(f"blocks.{block.block_type}", f"holds what JSON cannot ({error})") from error
    return encoded


def _decode_block(fields: dict[str, Any]) -> Any:
    path = fields.pop("path", None)
    block = _ANY_BLOCK.validate_python(fields)
    if path is not None:
        # Not validated: the file may be gone by now, and with it would be all of the session.
        block.path = path if isinstance(block, DocumentBlock) else Path(path)
    return block


def _encode_call(block: ToolCallBlock) -> dict[str, Any]:
    arguments = block.tool_kwargs
    if not isinstance(arguments, str):
        check_json(arguments, "blocks.tool_kwargs")
        arguments = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return {
        "id": block.tool_call_id,
        "type": "function",
        "function": {"name": block.tool_name, "arguments": arguments},
    }


def _decode_call(call: dict[str, Any], is_text: bool) -> ToolCallBlock:  # noqa: FBT001 - private, one caller
    if "function" not in call:
        # OpenAI's custom tools take a text instead of arguments.
        custom = call["custom"]
        return ToolCallBlock(tool_call_id=call.get("id"), tool_name=custom["name"], tool_kwargs=custom["input"])
    function = call["function"]
    arguments = function["arguments"]
    return ToolCallBlock(
        tool_call_id=call.get("id"),
        tool_name=function["name"] or "",  # LangChain's invalid calls need have none
        tool_kwargs=arguments if is_text else _arguments(arguments),
    )


def _arguments(text: str) -> dict[str, Any] | str:
    """Return the arguments of a tool call as a dict, or as they are where they are no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _encode_kwargs(message: ChatMessage, fields: Fields, extra: dict[str, Any]) -> None:
    if not message.additional_kwargs:
        return
    kwargs = dict(message.additional_kwargs)
    try:
        check_json(kwargs, "additional_kwargs")
    except InvalidMessageError:
        # LlamaIndex itself knows how to dump some of what JSON cannot hold, such as pydantic objects.
        kwargs = _dump_kwargs(message)
    for name in _SHARED_KWARGS:
        if isinstance(kwargs.get(name), str):
            fields[name] = kwargs.pop(name)
    if "tool_calls" not in fields and _are_calls(kwargs.get("tool_calls")):
        fields["tool_calls"] = kwargs.pop("tool_calls")
        extra["tool_calls_in_kwargs"] = True
    if kwargs:
        extra["additional_kwargs"] = kwargs


def _dump_kwargs(message: ChatMessage) -> dict[str, Any]:
    try:
        dumped = message.model_dump(include={"additional_kwargs"})
        kwargs: dict[str, Any] = to_jsonable_python(dumped["additional_kwargs"])
    except ValueError as error:
        raise InvalidMessageError("additional_kwargs", f"holds what JSON cannot ({error})") from error
    return kwargs


def _are_calls(value: Any) -> bool:
    """Whether a value is a list of tool calls in OpenAI's shape, as LlamaIndex's OpenAI integration keeps them."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(call, dict) and _is_function(call.get("function")) for call in value)
    )


def _is_function(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("arguments"), str)
