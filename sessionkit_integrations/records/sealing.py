"""Sealing: records are compressed and encrypted before a store gets them, and opened after it gave them back.

What is sealed of a record is everything but its role, its time, its tokens and the counts of a summary:

    {"role":"user","sealed":"<base64>","by":"zstd+aes-gcm:5f0c9d1e","tokens":12,"at":1763800000123}

| `by` | `sealed` is the base64 of |
| --- | --- |
| `zstd` | a zstd frame without its magic number, whose header names its dictionary |
| `aes-gcm:<key id>` | a nonce of 12 bytes, and what AES-256-GCM makes of the text, its tag at the end |
| `aes-gcm-secret:<key id>` | the id of the session's secret, 4 bytes, and then the same |
| one of these after `zstd+` | the same, of a zstd frame |

Base64 has no padding. Earlier records have padding, and their frames have the magic number; they are read as well.

The text is that of the record's JSON object without its first and last fields and its braces. Each session has a key
of its own, by HKDF-SHA256 of the key that was given, with the session's secret as salt if it has one. A record is bound
to its place and to what can be read of it: prefix, session id, `by`, role, tokens, time, and counts of a summary.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from sessionkit_integrations.errors import SealError
from sessionkit_integrations.records import zstd
from sessionkit_integrations.records.encryption import MOST_SESSIONS, Encrypt
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.records.sealed import FIELD, NotOpenedError, Opened, Unopened, key_id_of
from sessionkit_integrations.records.sealed_parts import BOUND, RECORD, STORED, parts_of, stored_parts
from sessionkit_integrations.records.ways import Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessionkit_integrations.records.ciphers import SessionCipher
    from sessionkit_integrations.records.secrets import Secret, Secrets

__all__ = ["Compress", "Encrypt", "Sealer"]

_ZSTD = b"zstd"
_SECRET = b"aes-gcm-secret:"
_BY = re.compile(r"(?:(zstd)|(zstd\+)?aes-gcm(-secret)?:([0-9a-f]{8}))")


class Compress:
    """Compresses records with zstd, those that get smaller by it.

    Args:
        min_bytes: Bytes of a record below which it is left as it is.

    Raises:
        MissingDependencyError: zstd is not installed: the extra ``compression`` has it.
        TypeError, ValueError: ``min_bytes`` is not an integer of at least 0.

    Examples:
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
        self._sessions: dict[str, SessionSealer] = {}

    @property
    def secrets(self) -> Secrets | None:
        """Returns secrets of sessions; ``None`` if they have none."""
        return None if self.encrypt is None else self.encrypt.secrets

    @cached_property
    def opens(self) -> tuple[str, ...]:
        """The ways in which records may be sealed that it opens without a secret, as they say it."""
        key_ids = () if self.encrypt is None else self.encrypt.key_ids
        encrypted = [f"aes-gcm:{key_id}" for key_id in key_ids]
        return ("zstd", *_packed_or_not(encrypted)) if zstd.is_installed() else tuple(encrypted)

    def of(self, session_id: str, secret: Secret | None = None) -> SessionSealer:
        """Return what seals and opens the records of a session.

        Args:
            session_id: The session.
            secret: Its secret; ``None`` if it has none, or nothing needs it.
        """
        if secret is not None:  # which may be forgotten at any time
            return SessionSealer(self, session_id, secret)
        found = self._sessions.get(session_id)
        if found is None:
            if len(self._sessions) >= MOST_SESSIONS:
                self._sessions.clear()
            found = self._sessions[session_id] = SessionSealer(self, session_id, None)
        return found


class SessionSealer:
    """Seals the records of a session, and opens them.

    Args:
        sealer: The sealer of all sessions.
        session_id: The session.
        secret: Its secret, if it has one.

    Attributes:
        encrypts: Whether it encrypts what it seals.
    """

    def __init__(self, sealer: Sealer, session_id: str, secret: Secret | None) -> None:
        self._sealer = sealer
        self._session_id = session_id
        self._secret = secret
        self._place = (sealer, session_id)
        self.encrypts = sealer.encrypt is not None
        self._ways: dict[bytes, Way] = {}
        self._latest: Way | None = None
        self._writes_with: SessionCipher | None = None

    @property
    def opens(self) -> tuple[str, ...]:
        """The ways in which records may be sealed that it opens, in the form of `sealed.is_locked`."""
        encrypt, ways = self._sealer.encrypt, self._sealer.opens
        if encrypt is None or encrypt.secrets is None or self._secret is None:
            return ways
        ciphers = {each: self._cipher(each, needs_secret=True) for each in encrypt.key_ids[1:]}
        ciphers[encrypt.key_id] = self._writes_with or self._writer(encrypt)
        secret = [f"aes-gcm-secret:{key_id}={cipher.beginning}" for key_id, cipher in ciphers.items()]
        return (*ways, *(_packed_or_not(secret) if "zstd" in ways else secret))

    def seal(self, record: bytes) -> Record:
        """Return a record as its store is to hold it.

        One that was opened and did not change is what it was, also if a newer key would be used now.

        Raises:
            SealError: The session's secret is needed, and was forgotten, or the record comes from another session and
                cannot be opened: nothing would ever open it in this one.
        """
        if type(record) is Opened and record.place == self._place:
            return record.stored
        if type(record) is Unopened:
            if record.is_locked and record.place != self._place:
                raise SealError(self._session_id, -1, record.key_id, record.problem)
            return Record(bytes(record))
        parts = parts_of(record) if FIELD not in record or stored_parts(record) is None else None
        if parts is None:
            return Record(bytes(record))
        role, body, summary, tokens, at = parts
        compress, encrypt = self._sealer.compress, self._sealer.encrypt
        by = b""
        if compress is not None and len(record) >= compress.min_bytes:
            frame = zstd.compress(body)
            if len(frame) < len(body):
                body, by = frame, _ZSTD
        if encrypt is not None:
            cipher = self._writes_with or self._writer(encrypt)
            by = by + b"+" + encrypt.by if by else encrypt.by
            body = cipher.encrypt(body, BOUND % (by, role, summary, tokens, at))
        if not by:
            return Record(bytes(record))
        sealed = b2a_base64(body, newline=False).rstrip(b"=")
        stored = Record(STORED % (role, sealed, by, summary, tokens, at))
        return stored if encrypt is not None or len(stored) < len(record) else Record(bytes(record))

    def open(self, stored: Record) -> Record:
        """Return a record as it was before it was sealed, an `Unopened` if that cannot be."""
        record = None if self._latest is None else self._latest.open_usual(stored)
        if record is None:
            parts = stored_parts(stored)
            if parts is None:
                return stored
            role, sealed, by, summary, tokens, at = parts
            try:
                way = self._latest = self._ways.get(by) or self._way(by)
                body = way.open(sealed, BOUND % (by, role, summary, tokens, at))
            except NotOpenedError as error:
                return error.unopened(stored, self._place)
            except zstd.InvalidFrameError as error:
                return NotOpenedError(f"is compressed, and {error}").unopened(stored, self._place)
            except ValueError:
                return NotOpenedError("is sealed, and is not base64").unopened(stored, self._place)
            record = RECORD % (role, body, summary, tokens, at)
        opened = Opened(record)
        opened.stored, opened.place = stored, self._place
        return opened  # type: ignore[return-value]  # a Record as well, without a call to say so

    def _writer(self, encrypt: Encrypt) -> SessionCipher:
        """Return the cipher to write with.

        Raises:
            SealError: The session's secret is needed, and was forgotten.
        """
        if encrypt.secrets is not None and self._secret is None:
            problem = "cannot be encrypted, as secrets= has no secret of its session"
            advice = "make one first, unless it was forgotten"
            raise SealError(self._session_id, -1, encrypt.key_id, f"{problem}: {advice}")
        secret = None if encrypt.secrets is None else self._secret
        self._writes_with = encrypt.cipher(encrypt.key_id, self._sealer.prefix, self._session_id, secret)
        return self._writes_with

    def _way(self, by: bytes) -> Way:
        """Return the way in which records are opened that were sealed by a scheme, as most of a session were."""
        scheme = by.decode(errors="replace")
        found = _BY.fullmatch(scheme)
        if found is None:
            problem = f"is sealed by {scheme!r}, which this release does not know"
            raise NotOpenedError(problem, key_id_of(scheme), is_locked=True)
        is_packed = found[1] is not None or found[2] is not None
        cipher = None if found[1] is not None else self._cipher(found[4], needs_secret=found[3] is not None)
        self._ways[by] = Way(by, cipher, self._sealer.max_bytes, is_packed=is_packed)
        return self._ways[by]

    def _cipher(self, key_id: str, *, needs_secret: bool) -> SessionCipher:
        """Return the cipher of what was encrypted with a key, and maybe with the session's secret."""
        encrypt = self._sealer.encrypt
        if encrypt is None or key_id not in encrypt.key_ids:
            given = _said(() if encrypt is None else encrypt.key_ids)
            problem = (
                f"is encrypted with the key {key_id}, and {given} given: give that one to Encrypt, as an older key,"
                " or to the sessionkit command in SESSIONKIT_KEYS"
            )
            raise NotOpenedError(problem, key_id, is_locked=True)
        if needs_secret and self._secret is None:
            has = "Encrypt has no secrets=" if encrypt.secrets is None else "secrets= has none: it was forgotten"
            problem = f"is encrypted with the key {key_id} and a secret of its session, and {has}"
            raise NotOpenedError(problem, key_id, is_locked=True)
        secret = self._secret if needs_secret else None
        return encrypt.cipher(key_id, self._sealer.prefix, self._session_id, secret)


def may_need_secret(records: Iterable[bytes]) -> bool:
    """Return whether records may need the secret of their session; one that speaks of it may, too."""
    return any(record.find(_SECRET) >= 0 for record in records)


def _packed_or_not(ways: Iterable[str]) -> Iterator[str]:
    """Yield ways in which records may be encrypted, each for plain records and for compressed ones."""
    for way in ways:
        yield from (way, f"zstd+{way}")


def _said(key_ids: Sequence[str]) -> str:
    """Return which keys are given, as errors say it."""
    if not key_ids:
        return "no key is"
    return f"only the key {key_ids[0]} is" if len(key_ids) == 1 else f"only the keys {', '.join(key_ids)} are"
