"""Sealing: records are compressed and encrypted before a store gets them, and opened after it gave them back.

What is sealed of a record is everything but its role, its time, its tokens and the counts of a summary:

    {"role":"user","sealed":"<base64>","by":"zstd+aes-gcm:5f0c9d1e","tokens":12,"at":1763800000123}

| `by` | `sealed` is the base64 of |
| --- | --- |
| `zstd` | a zstd frame, whose header names its dictionary |
| `aes-gcm:<key id>` | a nonce of 12 bytes, and what AES-256-GCM makes of the text, its tag at the end |
| `zstd+aes-gcm:<key id>` | the same, of a zstd frame |

The text is that of the record's JSON object without its first and last fields and its braces. Each session has a key
of its own, by HKDF-SHA256 of the key that was given. A record is bound to its place and to what can be read of it:
prefix, session id, `by`, role, tokens, time, and counts of a summary.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sessionkit_integrations.records import zstd
from sessionkit_integrations.records.encryption import Encrypt
from sessionkit_integrations.records.record import Record, decode
from sessionkit_integrations.records.sealed import BY, SEALED, Opened, Unopened, is_sealed, key_id_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.fields import Fields

__all__ = ["Compress", "Encrypt", "Sealer"]

_ZSTD, _AES = "zstd", "aes-gcm"
_BY = re.compile(rf"(?:({_ZSTD})|({_ZSTD}\+)?{_AES}:([0-9a-f]{{8}}))")
_HEAD = re.compile(rb'\{"role":"(user|assistant|tool|system)",')
_TAIL = re.compile(rb'(,"tokens":\d{1,9})?(,"at":\d{1,15})\}\Z')
_LONGEST_TAIL = 48
_STORED = re.compile(
    rb'\{"role":"(user|assistant|tool|system)","sealed":"([A-Za-z0-9+/]+={0,2})","by":"([a-z0-9+:-]+)"'
    rb'(,"summary":\{[^{}]*\})?(,"tokens":\d{1,9})?(,"at":\d{1,15})?\}'
)
_FIELD = b'"sealed"'
_SUMMARY = b'"summary":{'
_MOST = {"tokens": 10**9, "at": 10**15}
_COUNTS = frozenset({"turns", "messages", "until", "heading", "archived"})


class Compress:
    """Compresses records with zstd, those that get smaller by it.

    Args:
        min_bytes: Bytes of a record below which it is left as it is.

    Raises:
        MissingDependencyError: zstd is not installed: the extra ``compression`` has it.
        TypeError, ValueError: ``min_bytes`` is not an integer of at least 0.

    Example:
        >>> sessions = SessionManager(store=store, seal=Compress())
    """

    def __init__(self, min_bytes: int = 128) -> None:
        if type(min_bytes) is not int:
            raise TypeError(f"min_bytes must be an integer, got {type(min_bytes).__name__}")
        if min_bytes < 0:
            raise ValueError(f"min_bytes must be at least 0, got {min_bytes}")
        zstd.check_installed()
        self.min_bytes = min_bytes

    def __repr__(self) -> str:
        return f"Compress(min_bytes={self.min_bytes})"


Seal: TypeAlias = "Compress | Encrypt | Sequence[Compress | Encrypt]"


class _Parts(NamedTuple):
    """A record in parts: what can be read of it, each part as it is in the record, and what is sealed."""

    role: bytes
    body: bytes
    summary: bytes
    tokens: bytes
    at: bytes

    def with_body(self, body: bytes) -> bytes:
        """Return the record with another body."""
        return b'{"role":"%s",%s%s%s%s}' % (self.role, body, self.summary, self.tokens, self.at)


class _NotOpenedError(Exception):
    """A sealed record cannot be opened."""

    def __init__(self, problem: str, key_id: str | None = None, *, is_locked: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.key_id = key_id
        self.is_locked = is_locked


class Sealer:
    """Seals the records of a store's sessions, and opens them.

    Args:
        seal: A `Compress`, an `Encrypt`, or a sequence of both, which compresses first.
        prefix: The prefix of the store, to which records are bound.
        max_bytes: Bytes that a record may have once it is opened.

    Raises:
        TypeError: ``seal`` is something else.
    """

    def __init__(self, seal: Seal, prefix: str, max_bytes: int) -> None:
        given = list(seal) if isinstance(seal, (list, tuple)) else [seal]
        compress = [each for each in given if isinstance(each, Compress)]
        encrypt = [each for each in given if isinstance(each, Encrypt)]
        if not given or len(compress) > 1 or len(encrypt) > 1 or len(compress) + len(encrypt) < len(given):
            raise TypeError("seal must be a Compress(), an Encrypt(key), or a list of one of each")
        self._compress = compress[0] if compress else None
        self.encrypt = encrypt[0] if encrypt else None
        self._prefix = prefix
        self._max_bytes = max_bytes

    def seal(self, record: bytes, session_id: str) -> Record:
        """Return a record of a session as its store is to hold it.

        One that was opened and did not change is what it was, also if a newer key would be used now.
        """
        if type(record) is Opened and record.opener is self and record.session_id == session_id:
            return record.stored
        if type(record) is Unopened:
            return Record(bytes(record))
        parts = None if _is_stored(record) else _parts_of(record)
        if parts is None:
            return Record(bytes(record))
        body, by = parts.body, ""
        if self._compress is not None and len(record) >= self._compress.min_bytes:
            frame = zstd.compress(body)
            if len(frame) < len(body):
                body, by = frame, _ZSTD
        if self.encrypt is not None:
            by = f"{by}+" * bool(by) + f"{_AES}:{self.encrypt.key_id}"
            body = self.encrypt.encrypt(body, self._prefix, session_id, _bound(parts, by))
        if not by:
            return Record(bytes(record))
        sealed = b'"sealed":"%s","by":"%s"' % (b2a_base64(body, newline=False), by.encode())
        stored = Record(parts.with_body(sealed))
        return stored if self.encrypt is not None or len(stored) < len(record) else Record(bytes(record))

    def open(self, stored: Record, session_id: str) -> Record:
        """Return a record of a session as it was before it was sealed, an `Unopened` if that cannot be."""
        if stored.find(_FIELD) < 0:
            return stored
        found = _stored_parts(stored)
        if found is None:
            return stored
        parts, by = found
        try:
            opened = Opened(parts.with_body(self._open(parts, by, session_id)))
        except _NotOpenedError as error:
            unopened = Unopened(stored)
            unopened.problem, unopened.key_id, unopened.is_locked = error.problem, error.key_id, error.is_locked
            return Record(unopened)
        opened.stored, opened.session_id, opened.opener = stored, session_id, self
        return Record(opened)

    def _open(self, parts: _Parts, by: str, session_id: str) -> bytes:
        scheme = _scheme(by)
        if scheme is None:
            problem = f"is sealed by {by!r}, which this release does not know"
            raise _NotOpenedError(problem, key_id_of(by), is_locked=True)
        try:
            body = a2b_base64(parts.body)
        except ValueError:
            raise _NotOpenedError("is sealed, and is not base64") from None
        key_id, is_packed = scheme
        if key_id is not None:
            body = self._decrypt(body, session_id, key_id, _bound(parts, by))
        return self._unpack(body) if is_packed else body

    def _decrypt(self, body: bytes, session_id: str, key_id: str, bound: bytes) -> bytes:
        if self.encrypt is None or key_id not in self.encrypt.key_ids:
            has = "no key is" if self.encrypt is None else f"the keys {', '.join(self.encrypt.key_ids)} are"
            problem = f"is encrypted with the key {key_id}, and {has} given: give that one to Encrypt, as an older key"
            raise _NotOpenedError(problem, key_id, is_locked=True)
        opened = self.encrypt.decrypt(key_id, body, self._prefix, session_id, bound)
        if opened is None:
            raise _NotOpenedError("is encrypted, and was changed since or written for another place")
        return opened

    def _unpack(self, frame: bytes) -> bytes:
        try:
            return zstd.decompress(frame, self._max_bytes)
        except zstd.InvalidFrameError as error:
            raise _NotOpenedError(f"is compressed, and {error}") from error


def _bound(parts: _Parts, by: str) -> bytes:
    """Return what a sealed record is bound to besides its place."""
    role, _, summary, tokens, at = parts
    return b"\n".join((by.encode(), role, summary, tokens, at))


@lru_cache(maxsize=64)
def _scheme(by: str) -> tuple[str | None, bool] | None:
    """Return the id of the key with which a record was encrypted, if it was, and whether it was compressed before."""
    found = _BY.fullmatch(by)
    return None if found is None else (found[3], found[3] is None or found[2] is not None)


def body_of(record: bytes) -> bytes:
    """Return what is sealed of a record."""
    parts = _parts_of(record)
    return b"" if parts is None else parts.body


def _parts_of(record: bytes) -> _Parts | None:
    """Return the parts of a record that is not sealed; ``None`` if it cannot be read, or says nothing."""
    head = _HEAD.match(record)
    if head is None or not record.endswith(b"}") or (head[1] == b"system" and _SUMMARY in record):
        try:
            return _parts_of_fields(decode(record))
        except (ValueError, RecursionError):
            return None
    tail = _TAIL.search(record, max(len(record) - _LONGEST_TAIL, head.end()))
    if tail is None:
        return _Parts(head[1], record[head.end() : -1], b"", b"", b"")
    return _Parts(head[1], record[head.end() : tail.start()], b"", tail[1] or b"", tail[2])


def _parts_of_fields(fields: Fields) -> _Parts | None:
    role, at = fields.pop("role").encode(), _number(fields, "at")
    tokens = _number(fields, "tokens") if at else b""
    said = fields.get("summary")
    summary = b""
    if role == b"system" and _is_counts(said):
        summary = b',"summary":' + _json(said)
        del fields["summary"]
    return _Parts(role, _json(fields)[1:-1], summary, tokens, at) if fields else None


def _stored_parts(stored: bytes) -> tuple[_Parts, str] | None:
    """Return the parts of a sealed record, its ``body`` as base64, and how it was sealed; ``None`` if it is another."""
    found = _STORED.fullmatch(stored)
    if found is not None:
        role, body, scheme, summary, tokens, at = found.groups(b"")
        return _Parts(role, body, summary, tokens, at), scheme.decode()
    try:
        fields = decode(stored)  # as written by others, with white space or in another order
    except (ValueError, RecursionError):
        return None
    if not is_sealed(fields):
        return None
    sealed = fields.pop(SEALED).encode(errors="replace")
    rest = _parts_of_fields(fields)  # which takes out what can be read
    return None if rest is None else (rest._replace(body=sealed), fields[BY])


def _is_stored(record: bytes) -> bool:
    return record.find(_FIELD) >= 0 and _stored_parts(record) is not None


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
