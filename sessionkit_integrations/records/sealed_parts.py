"""Records in parts: what stays readable of a sealed one, and what is sealed.

A record's role, its time, its tokens and the counts of a summary are in the same places in a record that is sealed, and
in the same form.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.records.record import decode
from sessionkit_integrations.records.sealed import BY, SEALED, is_sealed

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields

_HEAD = re.compile(rb'\{"role":"(user|assistant|tool|system)",')
_TAIL = re.compile(rb'(,"tokens":\d{1,9})?(,"at":\d{1,15})\}\Z')
_LONGEST_TAIL = 48
_STORED_HEADS = {b'{"role":"%s' % role: role for role in (b"user", b"assistant", b"tool", b"system")}
_STORED_TAIL = re.compile(rb'(,"summary":\{[^{}]*\})?(,"tokens":\d{1,9})?(,"at":\d{1,15})?\}')
FIELD = b'"sealed"'
_QUOTE, _BACKSLASH = b'"\\'  # numbers, which are found ten times as fast as bytes
_SUMMARY = b'"summary":{'
_MOST = {"tokens": 10**9, "at": 10**15}
_COUNTS = frozenset({"turns", "messages", "until", "heading", "archived"})


class Parts(NamedTuple):
    """A record in parts: what can be read of it, each part as it is in the record, and what is sealed."""

    role: bytes
    body: bytes
    summary: bytes
    tokens: bytes
    at: bytes

    def with_body(self, body: bytes) -> bytes:
        """Return the record with another body."""
        return b'{"role":"%s",%s%s%s%s}' % (self.role, body, self.summary, self.tokens, self.at)

    def bound(self, by: bytes) -> bytes:
        """Return what the record is bound to, besides its place, when it is sealed in some way."""
        return b"%s\n%s\n%s\n%s\n%s" % (by, self.role, self.summary, self.tokens, self.at)


def body_of(record: bytes) -> bytes:
    """Return what is sealed of a record."""
    parts = parts_of(record)
    return b"" if parts is None else parts.body


def parts_of(record: bytes) -> Parts | None:
    """Return the parts of a record that is not sealed; ``None`` if it cannot be read, or says nothing."""
    head = _HEAD.match(record)
    if head is None or not record.endswith(b"}") or (head[1] == b"system" and _SUMMARY in record):
        try:
            return _parts_of_fields(decode(record))
        except (ValueError, RecursionError):
            return None
    tail = _TAIL.search(record, max(len(record) - _LONGEST_TAIL, head.end()))
    if tail is None:
        return Parts(head[1], record[head.end() : -1], b"", b"", b"")
    return Parts(head[1], record[head.end() : tail.start()], b"", tail[1] or b"", tail[2])


def _parts_of_fields(fields: Fields) -> Parts | None:
    role, at = fields.pop("role").encode(), _number(fields, "at")
    tokens = _number(fields, "tokens") if at else b""
    said = fields.get("summary")
    summary = b""
    if role == b"system" and _is_counts(said):
        summary = b',"summary":' + _json(said)
        del fields["summary"]
    return Parts(role, _json(fields)[1:-1], summary, tokens, at) if fields else None


def stored_parts(stored: bytes) -> tuple[Parts, bytes] | None:
    """Return the parts of a sealed record, its ``body`` as base64, and how it was sealed; ``None`` if it is another."""
    head, _, rest = stored.partition(b'","sealed":"')
    body, _, rest = rest.partition(b'","by":"')
    by, _, rest = rest.partition(b'"')
    role, tail = _STORED_HEADS.get(head), _STORED_TAIL.fullmatch(rest)
    if role is not None and tail is not None and _QUOTE not in body and _BACKSLASH not in body:
        return Parts(role, body, *tail.groups(b"")), by
    try:
        fields = decode(stored)  # as written by others, with white space or in another order
    except (ValueError, RecursionError):
        return None
    if not is_sealed(fields):
        return None
    sealed = fields.pop(SEALED).encode(errors="replace")
    parts = _parts_of_fields(fields)  # which takes out what can be read
    return None if parts is None else (parts._replace(body=sealed), fields[BY].encode(errors="replace"))


def is_stored(record: bytes) -> bool:
    """Return whether a record is sealed."""
    return record.find(FIELD) >= 0 and stored_parts(record) is not None


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
