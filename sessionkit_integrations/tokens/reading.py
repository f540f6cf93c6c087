"""Pieces of a message that a model reads, and that are paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.fields import reasoning_of, text_of_detail
from sessionkit_integrations.records.media import Media, text_part
from sessionkit_integrations.records.parts import CALLS, contents_of, read_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sessionkit_integrations.records.fields import Fields

    CountText = Callable[[str], int]

MESSAGE_TOKENS = 4
"""Tokens of a message beside its text: three and the role, as OpenAI's own formula has it."""
NAME_TOKENS = 1
"""Tokens of a speaker's name beside its text, by the same formula."""
CALL_TOKENS = 3
"""Tokens of a tool call beside its name and its arguments, which a model reads like a message of its own."""
MEDIA_TOKENS = 765
"""Tokens of an image, a sound, a video or a file: those that GPT-4o takes for an image of 1024 by 1024 pixels."""
_TEXT_ALONE = 2
"""Fields of a message that has but a role and its content."""
_UNREAD = frozenset({"type", "id", "call_id", "tool_use_id", "index", "signature", "encrypted_content", "data"})
"""Fields of parts and calls whose values a model does not read as text."""


def count_message(message: Mapping[str, Any], count_text: CountText) -> int:
    """Return the tokens of a message.

    Args:
        message: The message in OpenAI's shape.
        count_text: The tokens of a text.
    """
    content = message.get("content")
    text = content if isinstance(content, str) else ""
    tokens = MESSAGE_TOKENS + (count_text(text) if text else _count_parts(message, count_text))
    return tokens if len(message) <= _TEXT_ALONE else tokens + _count_rest(message, count_text)


def without_media(message: Mapping[str, Any]) -> tuple[Fields, int]:
    """Return the fields of a message without images and other media, and the number of these."""
    fields = dict(message)
    if not isinstance(fields.get("content"), list):
        return fields, 0
    kept: list[Any] = []
    media = 0
    for part in fields["content"]:
        contents = _contents(part)
        texts = [each for each in contents if isinstance(each, str)]
        media += len(contents) - len(texts)
        kept += [part] if len(texts) == len(contents) else map(text_part, texts)
    return {**fields, "content": kept}, media


def _count_parts(message: Mapping[str, Any], count_text: CountText) -> int:
    """Return the tokens of content that is not a text, or of what stands in its place."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [piece.part for piece in read_content(message)]
    repeated = CALLS if message.get("tool_calls") else frozenset[str]()
    return sum(_count_part(part, count_text) for part in parts if not _is_of(part, repeated))


def _is_of(part: Any, kinds: frozenset[str]) -> bool:
    return isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"] in kinds


def _count_part(part: Any, count_text: CountText) -> int:
    contents = _contents(part)
    if not contents:
        return _count_value(part, count_text)
    return sum(MEDIA_TOKENS if isinstance(each, Media) else count_text(each) for each in contents)


def _contents(part: Any) -> list[str | Media]:
    """Return the texts and media in a content part; none where its shape is not known."""
    try:
        return contents_of(part) if isinstance(part, dict) else []
    except RecursionError:  # parts in parts, as deep as JSON allows
        return []


def _count_rest(message: Mapping[str, Any], count_text: CountText) -> int:
    """Return the tokens of everything but the content."""
    texts = [text_of_detail(detail) or "" for detail in reasoning_of(message)]
    if isinstance(message.get("refusal"), str):
        texts.append(message["refusal"])
    tokens = sum(map(count_text, texts))
    if isinstance(message.get("name"), str):
        tokens += NAME_TOKENS + count_text(message["name"])
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        tokens += CALL_TOKENS + sum(_count_value(value, count_text) for value in _said_in(call))
    return tokens


def _said_in(call: Any) -> Iterator[Any]:
    """Yield the name and the arguments of a tool call, or its input."""
    tool = (call.get("function") or call.get("custom") or call) if isinstance(call, dict) else call
    if isinstance(tool, dict):
        yield from (value for name, value in tool.items() if name not in _UNREAD)
    else:
        yield tool


def _count_value(value: Any, count_text: CountText) -> int:
    """Return the tokens of a value, whatever it is, as JSON without its punctuation."""
    tokens = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            tokens += count_text(each)
        elif isinstance(each, dict):
            waiting += [inner for name, value in each.items() if name not in _UNREAD for inner in (name, value)]
        elif isinstance(each, (list, tuple)):
            waiting += each
        elif isinstance(each, float):
            tokens += count_text(repr(each))
        else:  # true, false, null, and most integers
            tokens += 1
    return tokens
