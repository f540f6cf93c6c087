"""The tool calls of LangChain's messages as those of records, and back."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.adapting.arguments import kept_texts, read_arguments, write_arguments
from sessionkit_integrations.records.tool_calls import are_function_calls, function_call, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import AIMessage

    from sessionkit_integrations.records.fields import Fields

_CALL = frozenset({"name", "args", "id", "type"})
_INVALID_CALL = _CALL | {"error"}


def encode_calls(message: AIMessage, kwargs: dict[str, Any], extra: Fields) -> list[Fields]:
    """Return the tool calls of a record.

    Args:
        message: The message that calls.
        kwargs: Its additional keyword arguments; calls that they repeat are taken out.
        extra: Where what OpenAI's shape cannot tell goes.

    Raises:
        InvalidMessageError: JSON cannot hold the arguments.
    """
    invalid = message.invalid_tool_calls
    raw: Any = kwargs.get("tool_calls")
    if not invalid and _are_bare(raw) and decode_calls(raw, {})[0] == message.tool_calls:
        extra["tool_calls_in_kwargs"] = True
        calls: list[Fields] = kwargs.pop("tool_calls")
    else:
        texts = kept_texts(message)
        calls = [
            function_call(call["id"], call["name"], write_arguments(call["args"], f"tool_calls[{index}].args", texts))
            for index, call in enumerate(message.tool_calls)
        ]
    without_id = [index for index, call in enumerate(calls) if call["id"] is None]
    more = [[index, rest] for index, call in enumerate(message.tool_calls) if (rest := _beyond(call, _CALL))]
    if more:
        extra["calls"] = more
    if all(_is_whole(call) for call in invalid):
        readable = [
            len(calls) + index for index, call in enumerate(invalid) if read_arguments(str(call["args"])) is not None
        ]
        if readable:
            extra["invalid"] = readable
        without_id += [len(calls) + index for index, call in enumerate(invalid) if call["id"] is None]
        calls += [function_call(call["id"], str(call["name"]), str(call["args"])) for call in invalid]
        errors = [call.get("error") for call in invalid]
        if any(error is not None for error in errors):
            extra["errors"] = errors
    else:
        extra["invalid_tool_calls"] = list(invalid)
    if without_id:
        extra["without_id"] = without_id
        for index in without_id:
            calls[index]["id"] = ""
    return calls


def decode_calls(calls: Sequence[Any], extra: Fields) -> tuple[list[Any], list[Any]]:
    """Return the tool calls and the invalid tool calls of a message; see `encode_calls`.

    Raises:
        AttributeError, LookupError, TypeError, ValueError: They are no tool calls.
    """
    valid: list[Any] = []
    invalid: list[Any] = []
    without_id = extra.pop("without_id", ()) if extra else ()
    marked = extra.pop("invalid", ()) if extra else ()
    for index, call in enumerate(calls):
        call_id, name, text = texts_of(call)
        if index in without_id:
            call_id = None
        # OpenAI's custom tools take a text instead of arguments.
        arguments: dict[str, Any] | None = read_arguments(text) if "function" in call else {"input": text}
        if arguments is None or index in marked:
            invalid.append({"name": name, "args": text, "id": call_id, "error": None, "type": "invalid_tool_call"})
        else:
            valid.append({"name": name, "args": arguments, "id": call_id, "type": "tool_call"})
    if extra:
        for index, rest in extra.pop("calls", ()):
            valid[index].update(rest)
        for broken, error in zip(invalid, extra.pop("errors", ()), strict=False):
            broken["error"] = error
        invalid = extra.pop("invalid_tool_calls", invalid)
        if not all(
            isinstance(call.get(name), (str, NoneType)) for call in invalid for name in ("name", "args", "id", "error")
        ):
            raise ValueError("it has an invalid tool call with something else in the place of a text")
    return valid, invalid


def thought_signatures(calls: Sequence[Any]) -> dict[str, str]:
    """Return Gemini's signatures of the thoughts behind tool calls, by the ids of the calls.

    Messages in OpenAI's shape have them where Google's OpenAI-compatible API puts them: in ``extra_content``.
    """
    signatures = {}
    for call in calls:
        if "extra_content" in call:
            signature = call["extra_content"].get("google", {}).get("thought_signature")
            if isinstance(signature, str):
                signatures[call["id"]] = signature
    return signatures


def _are_bare(value: Any) -> bool:
    """Whether a value is a list of calls of functions that say no more than a record's."""
    return are_function_calls(value) and all(call.keys() == {"id", "type", "function"} for call in value)


def _is_whole(call: Any) -> bool:
    """Whether OpenAI's shape has a place for all of an invalid call but its error."""
    return isinstance(call["name"], str) and isinstance(call["args"], str) and set(call) <= _INVALID_CALL


def _beyond(call: Any, known: frozenset[str]) -> Fields:
    return {name: value for name, value in call.items() if name not in known}
