"""The tool calls of LangChain's messages as tool calls of records, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.adapting.arguments import read_arguments, write_arguments
from sessionkit_integrations.adapting.differences import same_json
from sessionkit_integrations.langchain.fields import check_fields
from sessionkit_integrations.records.tool_calls import are_function_calls, function_call, texts_of
from sessionkit_integrations.records.unreadable import expect, expect_item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sessionkit_integrations.records.fields import Fields

KWARG = "tool_calls"
"""Additional keyword argument in which some integrations keep the calls as their provider gave them."""
SIGNATURES = "__gemini_function_call_thought_signatures__"
"""Additional keyword argument in which LangChain's Gemini integration keeps signatures, by the ids of the calls."""

BARE = frozenset({"id", "type", "function"})
"""Fields of the calls of functions in OpenAI's shape."""
KWARGS_OF_CALLS = (KWARG, SIGNATURES)
"""Additional keyword arguments that a record holds with its tool calls."""
CALL = frozenset({"name", "args", "id", "type"})
"""Fields of the tool calls of LangChain's messages."""

_INVALID_CALL = CALL | {"error"}
_MORE_OF_CALLS = frozenset({"calls", "errors", "invalid_tool_calls"})
"""Names under LangChain's field for what OpenAI's shape does not tell of the calls."""


class EncodedCalls(NamedTuple):
    """The tool calls of a record.

    Attributes:
        calls: The calls in OpenAI's shape.
        extra: What that shape does not tell of them.
        kwargs: Additional keyword arguments that the calls do not tell.
    """

    calls: list[Fields]
    extra: Fields
    kwargs: Fields


class DecodedCalls(NamedTuple):
    """The tool calls of a message.

    Attributes:
        valid: The calls.
        invalid: Those whose arguments are not a JSON object.
        texts: The arguments of all, as they were written.
    """

    valid: list[Any]
    invalid: list[Any]
    texts: list[str]


def encode_calls(valid: Sequence[Any], invalid: Sequence[Any], kwargs: Fields, texts: Iterable[str]) -> EncodedCalls:
    """Return the tool calls of a record.

    Args:
        valid: The message's tool calls, as JSON.
        invalid: Its invalid tool calls.
        kwargs: Its additional keyword arguments, some of which may repeat the calls.
        texts: Texts that arguments may have been read from.
    """
    extra: Fields = {}
    given: Any = kwargs.get(KWARG)
    if not invalid and _are_bare(given) and same_json(decode_calls(given, {}).valid, list(valid)):
        extra["tool_calls_in_kwargs"] = True
        calls: list[Fields] = given
        kwargs = {name: value for name, value in kwargs.items() if name != KWARG}
    else:
        calls = plain_calls(valid, list(texts))
    more = [[index, rest] for index, call in enumerate(valid) if (rest := _fields_beyond(call, CALL))]
    if more:
        extra["calls"] = more
    if all(_has_place(call) for call in invalid):
        readable = [len(calls) + at for at, call in enumerate(invalid) if read_arguments(call["args"]) is not None]
        if readable:
            extra["invalid"] = readable
        calls = [*calls, *(function_call(call["id"], call["name"], call["args"]) for call in invalid)]
        errors = [call["error"] for call in invalid]
        if any(error is not None for error in errors):
            extra["errors"] = errors
    else:
        extra["invalid_tool_calls"] = list(invalid)
    without_id = [index for index, call in enumerate(calls) if call["id"] is None]
    if without_id:
        extra["without_id"] = without_id
    calls = [call if call["id"] is not None else {**call, "id": ""} for call in calls]
    signatures = _signatures_in(kwargs, calls)
    if signatures:
        rest = {call_id: each for call_id, each in kwargs[SIGNATURES].items() if call_id not in signatures}
        kwargs = {**kwargs, SIGNATURES: rest}
        if not rest:
            del kwargs[SIGNATURES]
        calls = [_signed(call, signatures.get(call["id"])) for call in calls]
    return EncodedCalls(calls, extra, kwargs)


def plain_calls(valid: Iterable[Any], texts: Collection[str]) -> list[Fields]:
    """Return the tool calls of a record: what OpenAI's shape tells of them.

    Args:
        valid: The message's tool calls, as JSON.
        texts: Texts that arguments may have been read from.
    """
    return [function_call(call["id"], call["name"], write_arguments(call["args"], texts)) for call in valid]


def decode_calls(calls: object, extra: Mapping[str, Any]) -> DecodedCalls:
    """Return the tool calls of a message; see `encode_calls`.

    Raises:
        UnreadableRecordError: They are not tool calls.
    """
    valid: list[Any] = []
    invalid: list[Any] = []
    texts: list[str] = []
    without_id = expect(extra.get("without_id", []), list, "calls without an id")
    marked = expect(extra.get("invalid", []), list, "invalid calls")
    for index, call in enumerate(expect(calls, list, "tool calls")):
        call_id, name, text = texts_of(call)
        if index in without_id:
            call_id = None
        texts.append(text)
        # OpenAI's custom tools take a text instead of arguments.
        arguments: dict[str, Any] | None = read_arguments(text) if "function" in call else {"input": text}
        if arguments is None or index in marked:
            invalid.append({"name": name, "args": text, "id": call_id, "error": None, "type": "invalid_tool_call"})
        else:
            valid.append({"name": name, "args": arguments, "id": call_id, "type": "tool_call"})
    if _MORE_OF_CALLS.isdisjoint(extra):  # as nearly always
        return DecodedCalls(valid, invalid, texts)
    for each in expect(extra.get("calls", []), list, "more fields of calls"):
        index, rest = expect_pair(each)
        expect_item(valid, index, "tool calls").update(expect(rest, dict, "more fields of a call"))
    for broken, error in zip(invalid, expect(extra.get("errors", []), list, "errors of calls"), strict=False):
        broken["error"] = error
    invalid = expect(extra.get("invalid_tool_calls", invalid), list, "invalid tool calls")
    check_fields({"tool_calls": valid, "invalid_tool_calls": invalid})
    return DecodedCalls(valid, invalid, texts)


def expect_pair(value: object) -> tuple[Any, Any]:
    """Return the two items of a list in a record.

    Raises:
        UnreadableRecordError: It is not such a list.
    """
    pair = expect(value, list, "pair")
    return expect_item(pair, 0, "pair"), expect_item(pair, 1, "pair")


def thought_signatures(calls: object) -> dict[str, str]:
    """Return Gemini's signatures of the thoughts behind tool calls, by the ids of the calls.

    Messages in OpenAI's shape have them where Google's OpenAI-compatible API puts them: in ``extra_content``.
    """
    signatures = {}
    for call in calls if isinstance(calls, list) else ():
        extra = call.get("extra_content") if isinstance(call, dict) else None
        google = extra.get("google") if isinstance(extra, dict) else None
        signature = google.get("thought_signature") if isinstance(google, dict) else None
        if isinstance(signature, str) and isinstance(call.get("id"), str):
            signatures[call["id"]] = signature
    return signatures


def _signatures_in(kwargs: Fields, calls: Sequence[Fields]) -> dict[str, str]:
    """Return the signatures among additional keyword arguments that go with calls of a record."""
    given = kwargs.get(SIGNATURES)
    ids = {call["id"] for call in calls}
    return (
        {call_id: each for call_id, each in given.items() if call_id in ids and isinstance(each, str)}
        if isinstance(given, dict)
        else {}
    )


def _signed(call: Fields, signature: str | None) -> Fields:
    return call if signature is None else {**call, "extra_content": {"google": {"thought_signature": signature}}}


def _are_bare(value: Any) -> bool:
    """Return whether a value is a list of calls of functions that say no more than a record's."""
    return are_function_calls(value) and all(call.keys() == BARE for call in value)


def _has_place(call: Any) -> bool:
    """Return whether OpenAI's shape has a place for all of an invalid call but its error."""
    return isinstance(call["name"], str) and isinstance(call["args"], str) and set(call) <= _INVALID_CALL


def _fields_beyond(call: Any, known: frozenset[str]) -> Fields:
    return {name: value for name, value in call.items() if name not in known}
