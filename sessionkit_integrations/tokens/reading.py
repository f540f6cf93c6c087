"""Pieces of a message that a model reads, and so pays for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.fields import reasoning_of, text_of_detail
from sessionkit_integrations.records.media import Media
from sessionkit_integrations.records.parts import contents_of, read_content

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionkit_integrations.records.media import Part

MESSAGE_TOKENS = 4
"""Tokens of a message beside its text: three and the role, as OpenAI's own formula has it."""
CALL_TOKENS = 3
"""Tokens of a tool call beside its name and its arguments."""
NAME_TOKENS = 1
"""Tokens of the name of a speaker beside its text."""
MEDIA_TOKENS = 765
"""Tokens of an image, a sound, a video or a file: those that GPT-4o takes for an image of 1024 by 1024 pixels."""
_FEW = 2
"""Fields of a message of text alone: role and content."""
_UNREAD = frozenset({"type", "id", "call_id", "tool_use_id", "index", "signature", "encrypted_content", "data"})
"""Fields of parts whose values no model reads as text."""


def count_message(message: Mapping[str, Any], count_text: Callable[[str], int]) -> int:
    """Return the tokens of a message.

    Args:
        message: The message in OpenAI's shape.
        count_text: The tokens of a text.
    """
    content = message.get("content")
    if isinstance(content, str) and content:
        tokens = MESSAGE_TOKENS + count_text(content)
    else:
        tokens = MESSAGE_TOKENS + _count_content(message, count_text)
    if len(message) > _FEW:
        tokens += _count_rest(message, count_text)
    return tokens


def _count_content(message: Mapping[str, Any], count_text: Callable[[str], int]) -> int:
    content = message.get("content")
    if not isinstance(content, list):
        content = [piece.part for piece in read_content(message)]  # what stands in the place of content
    tokens = 0
    has_calls = bool(message.get("tool_calls"))
    for part in content:
        if isinstance(part, dict):
            tokens += _count_part(part, count_text, has_calls=has_calls)
        else:
            tokens += _count_value(part, count_text)
    return tokens


def _count_part(part: Part, count_text: Callable[[str], int], *, has_calls: bool) -> int:
    kind = part.get("type")
    if has_calls and isinstance(kind, str) and kind in _CALLS:
        return 0
    try:
        contents = contents_of(part)
    except RecursionError:
        contents = []
    if contents:
        return sum(MEDIA_TOKENS if isinstance(each, Media) else count_text(each) for each in contents)
    return _count_value(part, count_text)


_CALLS = frozenset({"tool_use", "tool_call", "function_call"})


def _count_rest(message: Mapping[str, Any], count_text: Callable[[str], int]) -> int:
    tokens = 0
    name = message.get("name")
    if isinstance(name, str):
        tokens += NAME_TOKENS + count_text(name)
    refusal = message.get("refusal")
    if isinstance(refusal, str):
        tokens += count_text(refusal)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        tokens += CALL_TOKENS + _count_call(call, count_text)
    for detail in reasoning_of(message):
        tokens += count_text(text_of_detail(detail) or "")
    return tokens


def _count_call(call: object, count_text: Callable[[str], int]) -> int:
    tool = (call.get("function") or call.get("custom") or call) if isinstance(call, dict) else call
    if isinstance(tool, dict):
        return sum(_count_value(value, count_text) for name, value in tool.items() if name not in _UNREAD)
    return _count_value(tool, count_text)


def _count_value(value: object, count_text: Callable[[str], int]) -> int:
    """Return the tokens of any value as JSON, without its braces, quotation marks and commas."""
    tokens = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            tokens += count_text(each)
        elif isinstance(each, dict):
            for name, inner in each.items():
                if name not in _UNREAD:
                    waiting += (name, inner)
        elif isinstance(each, (list, tuple)):
            waiting += each
        elif isinstance(each, float):
            tokens += count_text(repr(each))
        else:
            tokens += 1
    return tokens
