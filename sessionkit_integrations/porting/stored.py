"""All records of a session, read at once and written at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.errors import ConflictError, StoreError, StoreUnavailableError
from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.records.record import Record, decode, role_of
from sessionkit_integrations.records.sealed import is_sealed, key_id_of, needs_secret, sealed_by
from sessionkit_integrations.records.summaries import latest_summary
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.sessions.edits import EditPlan
from sessionkit_integrations.sessions.snapshot import SessionSnapshot
from sessionkit_integrations.sessions.steps import EVERYTHING
from sessionkit_integrations.stores.state import turns_of
from sessionkit_integrations.stores.totals import totals_of
from sessionkit_integrations.stores.values import SessionInfo, Summarized
from sessionkit_integrations.window.turns import number_turns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sessionkit_integrations.errors import CorruptSessionError, SealError
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.sessions.manager import SessionManager

M = TypeVar("M")

UNREADABLE = (ValueError, RecursionError)
"""Errors of records, and of lines, that make no message."""

MOST_READS = 100
"""Reads of a session that is written to each time."""

_COMPACT = (",", ":")
_LONGEST = 200
"""Characters of an error's text that are shown."""


class Outcome(Enum):
    """The outcome of writing a session, or of a dry run of that.

    Those after the first three say why it was left as it is.
    """

    WRITTEN = "written"
    OVERWRITTEN = "overwritten"
    UNCHANGED = "unchanged"
    REFUSED = "is there with other messages; see --overwrite"
    UNOPENED = "is there, and no key that was given opens it; see --overwrite"
    LOCKED = "is there, and needs a secret that only your application has; reset it first"

    @property
    def is_refusal(self) -> bool:
        """True if the session was left as it is, with what it holds."""
        return self in {Outcome.REFUSED, Outcome.UNOPENED, Outcome.LOCKED}


@dataclass(frozen=True)
class StoredSession:
    """All that is kept of a session.

    Attributes:
        id: Its id.
        active: Its active records, oldest first.
        archived: Its archived records, oldest first.
        waiting: The number of the archived records that wait for a summary, the newest ones.
        summarized: The number of records that its summary covers.
        usage: The tokens that providers reported, by model, where sealed records hide them; else ``None``.
    """

    id: str
    active: tuple[Record, ...]
    archived: tuple[Record, ...] = ()
    waiting: int = 0
    summarized: int = 0
    usage: tuple[Usage, ...] | None = None

    def __len__(self) -> int:
        return len(self.active) + len(self.archived)

    def __bool__(self) -> bool:
        return bool(self.active or self.archived)

    @property
    def seals(self) -> set[str]:
        """The ways in which its records are sealed, those that are."""
        return {*map(sealed_by, (*self.active, *self.archived))} - {""}

    @property
    def is_encrypted(self) -> bool:
        """True if one of its records needs a key."""
        return any(map(key_id_of, self.seals))

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
    """Return the fields of a record that makes a message, or is sealed, the role first, as scripts look for it there.

    Raises:
        ValueError, RecursionError: It makes none; see `UNREADABLE`.
    """
    fields = decode(record)
    if not is_sealed(fields):
        PLAIN.decode(dict(fields))
    return {"role": fields["role"], **fields}


def read_session(sessions: SessionManager, session_id: str) -> SessionSnapshot[Message]:
    """Return all that is kept of a session, as it was at one moment; it is false if nothing is.

    Whoever may only read cannot ask a server's scripts what waits for a summary: the log then says so.

    Raises:
        ConflictError: The session was written to each time that it was read.
    """
    chats = sessions.using(PLAIN)
    for _ in range(MOST_READS):
        session = chats.snapshot(session_id, archived=EVERYTHING)
        if not session.archived and latest_summary(session.active) is None and not any(map(sealed_by, session.active)):
            return session
        try:
            info = chats.describe(session_id)
        except StoreUnavailableError:
            raise
        except StoreError as error:
            LOGGER.warning("what waits for a summary in session %r is not known: %s", session_id, error)
            return session
        is_same = info is not None and info.archived == len(session.archived)
        if is_same and chats.snapshot(session_id).version == session.version:
            return replace(session, info=info)
    raise ConflictError(f"session {session_id!r} is written to all the time; read it again later")


def stored(session: SessionSnapshot[Any]) -> StoredSession:
    """Return the records of a snapshot."""
    info = session.info or SessionInfo(0, 0, 0)
    waiting = min(info.waiting, len(session.archived))
    made = StoredSession(session.session_id, session.active, session.archived, waiting, info.summarized)
    return replace(made, usage=info.usage) if made.seals else made


def readable(
    session: SessionSnapshot[M], faults: Iterable[CorruptSessionError | SealError], *, whole_turns: bool
) -> SessionSnapshot[M]:
    """Return a session without the records that cannot be read.

    Args:
        session: The session.
        faults: Its `faults`.
        whole_turns: Whether all of a turn is left out with one of its records, so that no tool call is left without
            its result.
    """
    places = {(fault.archived, fault.position) for fault in faults}
    active, archived = (
        without(records, {position for is_archived, position in places if is_archived is kind}, whole_turns=whole_turns)
        for kind, records in ((False, session.active), (True, session.archived))
    )
    info = session.info
    if info is not None:
        first = len(session.archived) - info.waiting
        info = replace(info, waiting=info.waiting - sum(is_archived and at >= first for is_archived, at in places))
    made = SessionSnapshot.of(session.session_id, session.reader, session.window, active)
    return replace(made, archived=archived, info=info)


def without(records: Sequence[Record], positions: Collection[int], *, whole_turns: bool) -> tuple[Record, ...]:
    """Return records without some of them, or without the turns that these are in; the preamble is not a turn."""
    numbers = number_turns(map(role_of, records))
    turns = {numbers[position] for position in positions if numbers[position]} if whole_turns else set()
    return tuple(
        record
        for position, (record, turn) in enumerate(zip(records, numbers, strict=True))
        if position not in positions and turn not in turns
    )


def write_session(
    sessions: SessionManager, session: StoredSession, *, overwrite: bool = False, dry_run: bool = False
) -> Outcome:
    """Put a session into a store: all of it or nothing, and once, however often it is tried.

    A session that is there already with other records is left alone, also one to ``overwrite`` if it has a secret that
    nobody gave: it could not be forgotten any more. What waited for a summary waits where it is written, so that its
    summary goes on.

    Args:
        sessions: The sessions of the store.
        session: The session, with at least one record.
        overwrite: Whether to replace one that has other records.
        dry_run: Whether only to say what would happen.

    Raises:
        InvalidSessionIdError: No store takes its id.
        ConflictError: Other writers were faster, time after time.
    """

    def edit(present: SessionSnapshot[Message]) -> EditPlan[Outcome]:
        if stored(present).says_the_same(session):
            return EditPlan(Outcome.UNCHANGED)
        refusal = _refusal(present, session, overwrite=overwrite) if present else None
        if refusal is not None:
            return EditPlan(refusal)
        outcome = Outcome.OVERWRITTEN if present else Outcome.WRITTEN
        if dry_run:
            return EditPlan(outcome)
        waiting = session.archived[len(session.archived) - session.waiting :]
        summarized = Summarized(session.summarized, len(waiting), turns_of(waiting))
        clear = bool(present.archived)
        usage = totals_of((*session.archived, *session.active)) if session.usage is None else session.usage
        return EditPlan(
            outcome, session.active, session.archived, clear_archive=clear, summarized=summarized, usage=usage
        )

    return sessions.using(PLAIN).rewrite(session.id, edit)


def _refusal(present: SessionSnapshot[Any], session: StoredSession, *, overwrite: bool) -> Outcome | None:
    """Return why a session that is there is left as it is; ``None`` if another one may replace it."""
    seals = {sealed_by(record) for record in (*present.archived, *present.active)}  # which were not opened
    if any(map(needs_secret, seals)) and not session.seals:
        return Outcome.LOCKED
    if overwrite:
        return None
    return Outcome.UNOPENED if any(map(key_id_of, seals)) and not session.seals else Outcome.REFUSED


def explanation(error: Exception) -> str:
    """Return the text of an error, on one line that is not too long."""
    text = " ".join(str(error).split())
    text = text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _normalized(record: bytes) -> bytes:
    try:
        return record_of(fields_of(record))
    except UNREADABLE:
        return record
