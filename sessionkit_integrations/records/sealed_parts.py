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

ROLES = (b"user", b"assistant", b"tool", b"system")
BACKSLASH = ord("\\")  # a number is found ten times as fast as bytes

_STARTS = {b'{"role":"%s"' % role: role for role in ROLES}
_TOKENS, _AT = b',"tokens":', b',"at":'
_STORED = re.compile(
    rb'\{"role":"(user|assistant|tool|system)","sealed":"([^"]*)","by":"([^"]*)"'
    rb'(,"summary":\{[^{}]*\})?(,"tokens":\d{1,9})?(,"at":\d{1,15})?\}'
).fullmatch
_SUMMARY = b'"summary":{'
_MOST = {"tokens": 10**9, "at": 10**15}
_COUNTS = frozenset({"turns", "messages", "until", "heading", "archived"})


Parts: TypeAlias = "tuple[bytes, bytes, bytes, bytes, bytes]"
"""A record in parts: its role, what is sealed of it, counts of a summary, tokens, time; each as in the record."""

StoredParts: TypeAlias = "tuple[bytes, bytes, bytes, bytes, bytes, bytes]"
"""A sealed record in parts: its role, what is sealed of it in base64, how it was sealed, and the rest as in `Parts`."""

RECORD = b'{"role":"%s",%s%s%s%s}'
"""The form of a record of some parts."""

STORED = b'{"role":"%s","sealed":"%s","by":"%s"%s%s%s}'
"""The form of a sealed record of some parts."""

BOUND = b"%s\n%s\n%s\n%s\n%s"
"""The form of what a record is bound to, besides its place: how it is sealed, and its parts but for what is sealed."""


def body_of(record: bytes) -> bytes:
    """Return what is sealed of a record."""
    parts = parts_of(record)
    return b"" if parts is None else parts[1]


def parts_of(record: bytes) -> Parts | None:
    """Return the parts of a record that is not sealed; ``None`` if it cannot be read, or says nothing."""
    start, _, rest = record.partition(b",")
    role = _STARTS.get(start)
    if role is None or not rest.endswith(b"}") or (role == b"system" and _SUMMARY in record):
        try:
            return _parts_of_fields(decode(record))
        except (ValueError, RecursionError):
            return None
    body, at = _cut(rest[:-1], _AT, 15)
    body, tokens = _cut(body, _TOKENS, 9) if at else (body, b"")
    return role, body, b"", tokens, at


def _cut(text: bytes, name: bytes, digits: int) -> tuple[bytes, bytes]:
    """Return a text up to a number at its end, and the number with its name; all of it and nothing if it has none."""
    before, found, number = text.rpartition(name)
    if found and number.isdigit() and len(number) <= digits:
        return before, found + number
    return text, b""


def _parts_of_fields(fields: Fields) -> Parts | None:
    role, at = fields.pop("role").encode(), _number(fields, "at")
    tokens = _number(fields, "tokens") if at else b""
    said = fields.get("summary")
    summary = b""
    if role == b"system" and _is_counts(said):
        summary = b',"summary":' + _json(said)
        del fields["summary"]
    return (role, _json(fields)[1:-1], summary, tokens, at) if fields else None


def stored_parts(stored: bytes) -> StoredParts | None:
    """Return the parts of a sealed record; ``None`` if it is another."""
    found = _STORED(stored)
    if found is not None and BACKSLASH not in stored:
        return found.groups(b"")  # type: ignore[return-value]  # of six groups
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
    return role, sealed, fields[BY].encode(errors="replace"), summary, tokens, at


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
