"""A session as a store holds it, read as a whole and written as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import ConflictError, CorruptSessionError
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.record import Record, decode
from sessionkit_integrations.stores.base import Edit, Snapshot
from sessionkit_integrations.stores.operation_ids import operation_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.stores.base import Store

UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What is raised for records that make no message."""

ATTEMPTS = 20
"""How often a session is read or written anew because another writer was faster."""

_COMPACT = (",", ":")


class Outcome(Enum):
    """What became of a session that was to be written, or what would become of it."""

    WRITTEN = "written"
    OVERWRITTEN = "overwritten"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class StoredSession:
    """All that is kept of a session.

    Attributes:
        id: Its id.
        active: The records in the window, oldest first.
        archived: The records that left it, oldest first.
    """

    id: str
    active: tuple[Record, ...]
    archived: tuple[Record, ...] = ()

    def __len__(self) -> int:
        return len(self.active) + len(self.archived)

    def __bool__(self) -> bool:
        return bool(self.active or self.archived)

    def says_the_same(self, other: StoredSession) -> bool:
        """Return whether another session has the same records, however their JSON is written."""
        mine, theirs = (
            [[_normalized(record) for record in records] for records in (each.active, each.archived)]
            for each in (self, other)
        )
        return mine == theirs


def dump(value: Any) -> bytes:
    """Return JSON as records have it, on one line of UTF-8."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=_COMPACT).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can say
        return json.dumps(value, separators=_COMPACT).encode()


def record_of(fields: Mapping[str, Any]) -> Record:
    """Return the record with some fields: the same bytes again where one of ours had them.

    Raises:
        ValueError: They make no message.
    """
    record = Record(dump({"role": fields.get("role"), **fields}))
    fields_of(record)
    return record


def at_time(record: Record, at: int | None) -> Record:
    """Return a record with another time of writing, in Unix milliseconds, or with none where nobody knows it."""
    fields = decode(record)
    fields.pop("at", None)
    return Record(dump(fields if at is None else {**fields, "at": at}))


def fields_of(record: bytes) -> Fields:
    """Return the fields of a record that makes a message, the role first, which scripts look for there.

    Raises:
        AttributeError, LookupError, TypeError, ValueError, RecursionError: It makes none; see `UNREADABLE`.
    """
    fields = decode(record)
    PlainCodec().decode(dict(fields))
    return {"role": fields["role"], **fields}


def read_session(store: Store, session_id: str) -> StoredSession:
    """Return all that a store keeps of a session, as it was at one moment.

    Raises:
        ConflictError: It never stood still.
    """
    for _ in range(ATTEMPTS):
        active = store.read(session_id)
        archived = store.read(session_id, archived=True)
        # What left the window between the two reads would be in both.
        if not archived.records or store.read(session_id).version == active.version:
            return StoredSession(session_id, active.records, archived.records)
    raise ConflictError(f"session {session_id!r} is written to all the time; read it again later")


def checked(session: StoredSession, *, skip_corrupt: bool) -> StoredSession:
    """Return a session if all its records can be read, or else, with ``skip_corrupt``, those of them that can.

    Raises:
        CorruptSessionError: A record cannot be read.
    """
    active = _readable(session.id, session.active, "cannot be read", skip_corrupt=skip_corrupt)
    archived = _readable(session.id, session.archived, "of the archive, cannot be read", skip_corrupt=skip_corrupt)
    return StoredSession(session.id, active, archived)


def write_session(store: Store, session: StoredSession, *, overwrite: bool = False, dry_run: bool = False) -> Outcome:
    """Put a session into a store: all of it or nothing, and once, however often it is tried.

    A session that is there already with other records is left alone.

    Args:
        store: Where to.
        session: The session, with at least one record.
        overwrite: Whether it takes the place of one with other records.
        dry_run: Whether only to say what would happen.

    Raises:
        InvalidSessionIdError: No store takes its id.
        ConflictError: Other writers were faster, time after time.
    """
    check_session_id(session.id)
    for _ in range(ATTEMPTS):
        present = read_session(store, session.id)
        if present.says_the_same(session):
            return Outcome.UNCHANGED
        if present and not overwrite:
            return Outcome.REFUSED
        outcome = Outcome.OVERWRITTEN if present else Outcome.WRITTEN
        if dry_run:
            return outcome
        edit = Edit(session.active, session.archived, clear_archive=bool(present.archived))
        try:
            store.replace(session.id, edit, Snapshot(present.active).version, operation_id())
        except ConflictError:
            continue
        return outcome
    raise ConflictError(f"session {session.id!r} is written to all the time; try again later")


def _normalized(record: bytes) -> bytes:
    try:
        return record_of(fields_of(record))
    except UNREADABLE:
        return record


def _readable(session_id: str, records: tuple[Record, ...], problem: str, *, skip_corrupt: bool) -> tuple[Record, ...]:
    kept = []
    for position, record in enumerate(records):
        try:
            fields_of(record)
        except UNREADABLE as error:
            if not skip_corrupt:
                raise CorruptSessionError(session_id, position, f"{problem} as a message ({error})") from error
        else:
            kept.append(record)
    return tuple(kept)
