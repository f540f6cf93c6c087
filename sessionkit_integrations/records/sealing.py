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

import re
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sessionkit_integrations.records import zstd
from sessionkit_integrations.records.encryption import Encrypt
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.records.sealed import Opened, Unopened, key_id_of
from sessionkit_integrations.records.sealed_parts import FIELD, Parts, is_stored, parts_of, stored_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.encryption import SessionCipher

__all__ = ["Compress", "Encrypt", "Sealer"]

_ZSTD, _AES = "zstd", "aes-gcm"
_BY = re.compile(rf"(?:({_ZSTD})|({_ZSTD}\+)?{_AES}:([0-9a-f]{{8}}))")


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


class _Way(NamedTuple):
    """The way in which records of a session are opened that were sealed in the same one."""

    cipher: SessionCipher | None
    is_packed: bool


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
        self.compress = compress[0] if compress else None
        self.encrypt = encrypt[0] if encrypt else None
        self.prefix = prefix
        self.max_bytes = max_bytes

    def of(self, session_id: str) -> SessionSealer:
        """Return what seals and opens the records of a session."""
        return SessionSealer(self, session_id)


class SessionSealer:
    """Seals the records of a session, and opens them.

    Args:
        sealer: That of all sessions.
        session_id: The session.
    """

    def __init__(self, sealer: Sealer, session_id: str) -> None:
        self._sealer = sealer
        self._session_id = session_id
        self._place = (sealer, session_id)
        self._ways: dict[bytes, _Way] = {}

    def seal(self, record: bytes) -> Record:
        """Return a record as its store is to hold it.

        One that was opened and did not change is what it was, also if a newer key would be used now.
        """
        if type(record) is Opened and record.place == self._place:
            return record.stored
        if type(record) is Unopened:
            return Record(bytes(record))
        parts = None if is_stored(record) else parts_of(record)
        if parts is None:
            return Record(bytes(record))
        compress, encrypt = self._sealer.compress, self._sealer.encrypt
        body, by = parts.body, ""
        if compress is not None and len(record) >= compress.min_bytes:
            frame = zstd.compress(body)
            if len(frame) < len(body):
                body, by = frame, _ZSTD
        if encrypt is not None:
            by = f"{by}+" * bool(by) + f"{_AES}:{encrypt.key_id}"
            cipher = encrypt.cipher(encrypt.key_id, self._sealer.prefix, self._session_id)
            body = cipher.encrypt(body, parts.bound(by.encode()))
        if not by:
            return Record(bytes(record))
        sealed = b'"sealed":"%s","by":"%s"' % (b2a_base64(body, newline=False), by.encode())
        stored = Record(parts.with_body(sealed))
        return stored if encrypt is not None or len(stored) < len(record) else Record(bytes(record))

    def open(self, stored: Record) -> Record:
        """Return a record as it was before it was sealed, an `Unopened` if that cannot be."""
        if stored.find(FIELD) < 0:
            return stored
        found = stored_parts(stored)
        if found is None:
            return stored
        parts, by = found
        try:
            opened = Opened(parts.with_body(self._body(parts, by)))
        except _NotOpenedError as error:
            unopened = Unopened(stored)
            unopened.problem, unopened.key_id, unopened.is_locked = error.problem, error.key_id, error.is_locked
            return Record(unopened)
        opened.stored, opened.place = stored, self._place
        return Record(opened)

    def _body(self, parts: Parts, by: bytes) -> bytes:
        """Return what is sealed of a record."""
        way = self._ways.get(by)  # as of most of a session's records
        if way is None:
            way = self._ways[by] = self._way(by.decode(errors="replace"))
        try:
            body = a2b_base64(parts.body)
        except ValueError:
            raise _NotOpenedError("is sealed, and is not base64") from None
        if way.cipher is not None:
            decrypted = way.cipher.decrypt(body, parts.bound(by))
            if decrypted is None:
                raise _NotOpenedError("is encrypted, and was changed since or written for another place")
            body = decrypted
        if not way.is_packed:
            return body
        try:
            return zstd.decompress(body, self._sealer.max_bytes)
        except zstd.InvalidFrameError as error:
            raise _NotOpenedError(f"is compressed, and {error}") from error

    def _way(self, by: str) -> _Way:
        """Return the way in which records are opened that were sealed by a scheme."""
        found = _BY.fullmatch(by)
        if found is None:
            problem = f"is sealed by {by!r}, which this release does not know"
            raise _NotOpenedError(problem, key_id_of(by), is_locked=True)
        is_packed, key_id = found[3] is None or found[2] is not None, found[3]
        if key_id is None:
            return _Way(None, is_packed)
        encrypt = self._sealer.encrypt
        if encrypt is None or key_id not in encrypt.key_ids:
            has = "no key is" if encrypt is None else f"the keys {', '.join(encrypt.key_ids)} are"
            problem = f"is encrypted with the key {key_id}, and {has} given: give that one to Encrypt, as an older key"
            raise _NotOpenedError(problem, key_id, is_locked=True)
        return _Way(encrypt.cipher(key_id, self._sealer.prefix, self._session_id), is_packed)
