"""Sealed records, as readers meet them; `sealing.py` seals and opens them.

A store may hold a record compressed, encrypted, or both:

    {"role":"user","sealed":"KLUv/SAL…","by":"zstd","tokens":12,"at":1763800000123}

Its role, its time and its tokens are where they are in every record, so that scripts read them as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from sessionkit_integrations.errors import CorruptSessionError, SealError
from sessionkit_integrations.records.record import Record, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessionkit_integrations.records.fields import Fields

SEALED, BY = "sealed", "by"
"""The fields of a sealed record that hold its contents, and how they were sealed."""

FIELD = b'"sealed"'
"""Bytes that every sealed record has."""

BEGINNING = 5
"""Characters in base64 that the id of a secret makes up, of which it has one more in part."""

_HEAD = 32
"""Bytes of a record that have its role, and then this field."""

_BY = b'"by":"'


class Opened(bytes):
    """A record that is sealed in its store, as it was before that.

    Attributes:
        stored: The sealed record.
        place: Its session, and that which opened it, for which the sealed record is still right.
    """

    stored: Record
    place: object


class Unopened(bytes):
    """A sealed record that could not be opened.

    Attributes:
        problem: The reason.
        key_id: The key that it needs; ``None`` if the record is damaged, or was not written for its place.
        is_locked: Whether another key, a secret or another package would open it.
        place: That for which it was sealed, as of an `Opened`.
    """

    problem: str
    key_id: str | None
    is_locked: bool
    place: object


class NotOpenedError(Exception):
    """A sealed record cannot be opened.

    Args:
        problem: The reason.
        key_id: The key that it needs; ``None`` if it needs none, or is damaged.
        is_locked: Whether another key, a secret or another package would open it.
    """

    def __init__(self, problem: str, key_id: str | None = None, *, is_locked: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.key_id = key_id
        self.is_locked = is_locked

    def unopened(self, stored: Record, place: object) -> Record:
        """Return the record of a place with the reason, for whoever reads it."""
        unopened = Unopened(stored)
        unopened.place = place
        unopened.problem, unopened.key_id, unopened.is_locked = self.problem, self.key_id, self.is_locked
        return Record(unopened)


def as_stored(record: bytes) -> bytes:
    """Return a record as its store holds it."""
    return record.stored if type(record) is Opened else record


def is_sealed(fields: Fields) -> TypeGuard[dict[str, str]]:
    """Return whether a record with some fields is sealed.

    A message may have fields of these names, but has a content or tool calls as well.
    """
    return (
        type(fields.get(SEALED)) is str
        and type(fields.get(BY)) is str
        and "content" not in fields
        and "tool_calls" not in fields
    )


def sealed_by(record: bytes) -> str:
    """Return how a record is sealed, as it says itself; an empty text for one that is not."""
    if record.find(FIELD) < 0:
        return ""
    try:
        fields = decode(record)
    except (ValueError, RecursionError):
        return ""
    return fields[BY] if is_sealed(fields) else ""


def is_locked(records: Iterable[bytes], opens: Sequence[str]) -> bool:
    """Return whether one of some records is sealed in none of some ways, if it is written as the package writes them.

    Args:
        records: The records.
        opens: The ways, as records say it. One with a secret has an equals sign and the `BEGINNING` of what is sealed
            behind it, which tells the secret from others. ``append.lua`` does the same.
    """
    known = {way.encode() for way in opens}
    for record in records:
        field = record.find(FIELD, 0, _HEAD)
        if field > 0:
            start = record.rfind(_BY) + len(_BY)  # near the end
            way, sealed = record[start : record.find(b'"', start)], field + len(FIELD) + 2
            if way not in known and b"%s=%s" % (way, record[sealed : sealed + BEGINNING]) not in known:
                return True
    return False


def key_id_of(by: str) -> str | None:
    """Return the id of the key with which a record was sealed; ``None`` if it is compressed only."""
    return by.rpartition(":")[2] if ":" in by else None


def needs_secret(by: str) -> bool:
    """Return whether a record that is sealed in some way needs the secret of its session."""
    return "aes-gcm-secret:" in by


def unopened(
    record: bytes, by: str, session_id: str, position: int, *, archived: bool
) -> SealError | CorruptSessionError:
    """Return the error for a sealed record that is to be read."""
    if type(record) is not Unopened:
        key_id = key_id_of(by)
        encrypt = "Encrypt(key, secrets=…)" if needs_secret(by) else "Encrypt(key)"
        needed = "Compress()" if key_id is None else encrypt
        problem = f"is sealed by {by!r}: make the manager with seal={needed}"
        return SealError(session_id, position, key_id, problem, archived=archived)
    if record.is_locked:
        return SealError(session_id, position, record.key_id, record.problem, archived=archived)
    return CorruptSessionError(session_id, position, record.problem, archived=archived)
