"""Records in parts: what stays readable of a sealed one, and what is sealed.

A record's role, its time, its tokens and the counts of a summary are in the same places in a record that is sealed, and
in the same form.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeAlias

from sessionkit_integrations.records.record import decode
from sessionkit_integrations.records.sealed import BY, FIELD, SEALED, is_sealed

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields

_HEAD = re.compile(rb'\{"role":"(user|assistant|tool|system)",')
_TAIL = re.compile(rb'(,"tokens":\d{1,9})?(,"at":\d{1,15})\}\Z')
_TOKENS, _AT = b',"tokens":', b',"at":'
_LONGEST_TAIL = 48
_ROLES = (b"user", b"assistant", b"tool", b"system")
_QUOTES = 12
"""Quotes of a sealed record up to its numbers."""
_STORED_TAIL = re.compile(rb'(,"summary":\{[^{}]*\})?(,"tokens":\d{1,9})?(,"at":\d{1,15})?\}')
_BACKSLASH = ord("\\")  # a number is found ten times as fast as bytes
_SUMMARY = b'"summary":{'
_MOST = {"tokens": 10**9, "at": 10**15}
_COUNTS = frozenset({"turns", "messages", "until", "heading", "archived"})


Parts: TypeAlias = "tuple[bytes, bytes, bytes, bytes, bytes]"
"""A record in parts: its role, what is sealed of it, counts of a summary, tokens, time; each as in the record."""

RECORD = b'{"role":"%s",%s%s%s%s}'
"""The form of a record of some parts."""

BOUND = b"%s\n%s\n%s\n%s\n%s"
"""The form of what a record is bound to, besides its place: how it is sealed, and its parts but for what is sealed."""


def body_of(record: bytes) -> bytes:
    """Return what is sealed of a record."""
    parts = parts_of(record)
    return b"" if parts is None else parts[1]


def parts_of(record: bytes) -> Parts | None:
    """Return the parts of a record that is not sealed; ``None`` if it cannot be read, or says nothing."""
    head = _HEAD.match(record)
    if head is None or not record.endswith(b"}") or (head[1] == b"system" and _SUMMARY in record):
        try:
            return _parts_of_fields(decode(record))
        except (ValueError, RecursionError):
            return None
    tail = _tail(record, head.end())
    if tail is None:
        return head[1], record[head.end() : -1], b"", b"", b""
    return head[1], record[head.end() : tail.start()], b"", tail[1] or b"", tail[2]


def _tail(record: bytes, begin: int) -> re.Match[bytes] | None:
    """Return the tokens and the time at the end of a record, which begin there or later."""
    begin = max(begin, len(record) - _LONGEST_TAIL)
    at = record.rfind(_AT, begin)  # a pattern takes three times as long to find it
    if at < 0:
        return None
    tokens = record.rfind(_TOKENS, begin, at)
    return (_TAIL.match(record, tokens) if tokens >= 0 else None) or _TAIL.match(record, at)


def _parts_of_fields(fields: Fields) -> Parts | None:
    role, at = fields.pop("role").encode(), _number(fields, "at")
    tokens = _number(fields, "tokens") if at else b""
    said = fields.get("summary")
    summary = b""
    if role == b"system" and _is_counts(said):
        summary = b',"summary":' + _json(said)
        del fields["summary"]
    return (role, _json(fields)[1:-1], summary, tokens, at) if fields else None


def stored_parts(stored: bytes) -> tuple[Parts, bytes] | None:
    """Return the parts of a sealed record, the second as base64, and how it was sealed; ``None`` if it is another."""
    cut = stored.split(b'"', _QUOTES)  # a pattern for all of it takes three times as long
    if len(cut) > _QUOTES and cut[5] == b"sealed":
        role, body, by, rest = cut[3], cut[7], cut[11], cut[_QUOTES]
        tail = _STORED_TAIL.fullmatch(rest)
        if (
            tail is not None
            and role in _ROLES
            and _BACKSLASH not in body
            and stored == b'{"role":"%s","sealed":"%s","by":"%s"%s' % (role, body, by, rest)
        ):
            summary, tokens, at = tail.groups(b"")
            return (role, body, summary, tokens, at), by
    if stored.find(FIELD) < 0:
        return None
    try:
        fields = decode(stored)  # as written by others, with white space or in another order
    except (ValueError, RecursionError):
        return None
    if not is_sealed(fields):
        return None
    sealed = fields.pop(SEALED).encode(errors="replace")
    parts = _parts_of_fields(fields)  # which takes out what can be read
    if parts is None:
        return None
    role, _, summary, tokens, at = parts
    return (role, sealed, summary, tokens, at), fields[BY].encode(errors="replace")


def _number(fields: Fields, name: str) -> bytes:
    """Take a number out of the fields of a record, as the end of the record has it; nothing if it is another value."""
    value = fields.get(name)
    if type(value) is not int or not 0 <= value < _MOST[name]:
        return b""
    del fields[name]
    return b',"%s":%d' % (name.encode(), value)


def _is_counts(said: object) -> bool:
    return (
        isinstance(said, dict)
        and said.keys() <= _COUNTS
        and all(value is None or type(value) is int for value in said.values())
    )


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of an emoji, of another writer
        return json.dumps(value, separators=(",", ":")).encode()
