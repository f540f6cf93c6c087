"""Texts of a message that a search looks at.

These are its content, refusals, its name, the names and arguments of the tools that it calls, and the results of tools.
Media are left out but for their file names. So is reasoning, which most readers are not shown, and what an agent
recalled and what it asked for: their own turns are found.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.errors import CorruptSessionError, SealError
from sessionkit_integrations.records.codec import NO_TEXT_DECODERS, PLAIN, decode_all
from sessionkit_integrations.records.fields import written_by_framework
from sessionkit_integrations.records.parts import read_content
from sessionkit_integrations.records.recalled import is_recall, without_recalled
from sessionkit_integrations.records.record import parse_json
from sessionkit_integrations.records.sealed import sealed_by
from sessionkit_integrations.records.tool_calls import texts_of
from sessionkit_integrations.records.unreadable import UnreadableRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.record import Record

_ROLE_TEXT_AND_TIME = frozenset({"role", "content", "at"})
_FEWEST_BYTES = 200
"""Characters in which bytes are taken for such, at least."""
_BASE64 = re.compile(rf"(?:data:[^\s,\"']{{0,100}};base64,)?[A-Za-z0-9+/]{{{_FEWEST_BYTES},}}={{0,2}}")
"""Bytes in a text, which nobody looks for."""
_HALF = _FEWEST_BYTES // 2
_ESCAPED = re.compile(r'\s*[{\["][^\\]*\\', re.DOTALL)
"""The beginning of JSON that has an escape, such as ``\\u00fc`` or ``\\n``, which would be part of a word."""


class Searched(NamedTuple):
    """A message as a search looks at it.

    Attributes:
        role: Its role.
        at: The time of writing, in Unix milliseconds, if it says so.
        texts: Its texts.
        tools: The names of the tools that it calls, or whose result it is.
    """

    role: str
    at: int | None
    texts: tuple[str, ...]
    tools: tuple[str, ...]


class SearchReader:
    """Reads records as messages to search."""

    parse_json = staticmethod(parse_json)
    text_decoders = NO_TEXT_DECODERS

    def decode(self, fields: Fields) -> Searched:
        """See `Reader.decode`."""
        at, content = fields.get("at"), fields.get("content")
        if type(content) is str and fields.keys() <= _ROLE_TEXT_AND_TIME:  # as nearly always
            text = _readable(content)
            return Searched(fields["role"], at if type(at) is int else None, (text,) if text else (), ())
        calls = [*_calls(fields)]
        message: Fields = dict(PLAIN.decode(fields))
        texts = [*_contents(message)]
        name = message.get("name")
        tools = [tool for tool, _ in calls]
        if isinstance(name, str):
            texts.append(name)
            tools += [name] * (message["role"] == "tool")
        texts += [text for call in calls for text in (call[:1] if is_recall(*call) else call)]
        readable = (_readable(text) for text in texts)
        return Searched(
            message["role"], at if type(at) is int else None, tuple(text for text in readable if text), tuple(tools)
        )


def searched(record: Record) -> Searched | None:
    """Return a stored record as an index looks at it; ``None`` if it is encrypted, or cannot be read.

    A compressed one is opened, as that needs no key.
    """
    if sealed_by(record):
        # Imported where records are sealed.
        from sessionkit_integrations.records.compressed import opened_without_key  # noqa: PLC0415

        record = opened_without_key(record)
    try:
        (found,) = decode_all(SearchReader(), [record], "")
    except (CorruptSessionError, SealError):
        return None
    return found


def _contents(message: Fields) -> Iterator[str]:
    for _, value in read_content(message):
        text = value if value is None or isinstance(value, str) else value.name
        if text:
            yield text
    if isinstance(message.get("refusal"), str):
        yield message["refusal"]


def _calls(fields: Fields) -> Iterator[tuple[str, str]]:
    """Yield the tool and the arguments of each call, of invalid ones as well."""
    calls: Any = fields.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        try:
            yield texts_of(call)[1:]
        except UnreadableRecordError:  # by another writer; no reader shows it as a call either
            continue
    for own in written_by_framework(fields):
        invalid: Any = own.get("invalid_tool_calls")
        for call in invalid if isinstance(invalid, list) else ():
            if isinstance(call, dict):
                yield str(call.get("name") or ""), str(call.get("args") or "")


def _readable(text: str) -> str:
    """Return a text without the bytes in it, without recalled turns and without the escapes of JSON."""
    if _may_hold_bytes(text):
        text = _BASE64.sub(" ", text)
    text = without_recalled(text, " ")
    if _ESCAPED.match(text):
        try:
            return " ".join(_leaves(parse_json(text)))
        except (ValueError, RecursionError):
            return text
    return text


def _may_hold_bytes(text: str) -> bool:
    """Return whether a part of a text is long enough for bytes; a pattern takes twenty times as long to find none."""
    start, end = 0, len(text) - _FEWEST_BYTES
    while start <= end:
        space = text.rfind(" ", start, start + _FEWEST_BYTES)
        if space < 0:
            return True
        start = space + 1
    return False


def _leaves(value: Any) -> Iterator[str]:
    """Yield the keys and values of JSON in order."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{key}:"
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value if isinstance(value, str) else json.dumps(value)
