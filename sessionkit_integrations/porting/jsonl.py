"""Sessions as JSON Lines: a header, then one line for each session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import SessionKitError
from sessionkit_integrations.porting.stored import StoredSession, dump, fields_of, record_of
from sessionkit_integrations.stores.totals import totals_from, totals_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.usage import Usage

FORMAT = "sessionkit"
VERSION = 1
_COUNTS = ("waiting", "summarized")
"""Counts of records in the line of a session, where they are not 0."""
_MOST = 10**9
"""More records than any session has, and few enough for every store."""


class FormatError(SessionKitError, ValueError):
    """A file is of another format, or of a later version of ours."""


def header() -> bytes:
    """Return the header, the first line of a file."""
    return dump({"format": FORMAT, "version": VERSION})


def is_header(line: Mapping[str, Any]) -> bool:
    """Return whether a line is a header."""
    return "format" in line


def check_header(line: Mapping[str, Any]) -> None:
    """Raise `FormatError` if a header names a format that this version cannot read."""
    if line["format"] != FORMAT:
        raise FormatError(f"the file has the format {line['format']!r}, not {FORMAT!r}")
    if line.get("version") != VERSION:
        raise FormatError(
            f"the file has version {line.get('version')!r} of its format, and this release reads version {VERSION}:"
            " upgrade sessionkit-integrations"
        )


def is_session(line: Mapping[str, Any]) -> bool:
    """Return whether a line holds a session."""
    return "id" in line and "active" in line


def to_line(session: StoredSession, key_prefix: str) -> bytes:
    """Return the line of a session, each of whose records can be read or is sealed.

    Args:
        session: The session.
        key_prefix: The prefix of its store, to which encrypted records are bound.
    """
    lists = {"active": session.active, "archived": session.archived}
    line: dict[str, Any] = {"id": session.id}
    line |= {name: [fields_of(record) for record in records] for name, records in lists.items()}
    line |= {name: count for name in _COUNTS if (count := getattr(session, name))}
    if session.usage:
        line["usage"] = totals_text(session.usage)
    if session.is_encrypted:
        line["encrypted_for"] = [key_prefix, session.id]
    return dump(line)


def check_place(line: Mapping[str, Any], session: StoredSession, key_prefix: str) -> None:
    """Check that a session was not encrypted for another place than the one that it is to be written to.

    Args:
        line: The line that holds it.
        session: The session.
        key_prefix: The prefix of the store to write to.

    Raises:
        ValueError: It was.
    """
    if not session.is_encrypted:
        return
    match line.get("encrypted_for"):
        case [str(prefix), str(session_id)]:
            if (prefix, session_id) != (key_prefix, session.id):
                store = f"the key prefix {prefix!r}" if prefix else "a store without a key prefix"
                raise ValueError(
                    f"no key would open it here, as it is encrypted for session {session_id!r} of {store}:"
                    " export it without --sealed"
                )
        case _:
            raise ValueError("it is encrypted, and encrypted_for does not name its key prefix and session")


def from_line(line: Mapping[str, Any]) -> StoredSession:
    """Return the session that a line holds.

    Raises:
        ValueError, RecursionError: It holds none.
    """
    waiting, summarized = (_count(line, name) for name in _COUNTS)
    session = StoredSession(line["id"], _records(line, "active"), _records(line, "archived"), waiting, summarized)
    if session.seals:
        session = replace(session, usage=_usage(line))
    if not session:
        raise ValueError("the session has no records")
    if session.waiting > len(session.archived):
        raise ValueError("more records wait for a summary than are archived")
    return session


def _count(line: Mapping[str, Any], name: str) -> int:
    count = line.get(name, 0)
    if type(count) is not int or not 0 <= count <= _MOST:
        raise ValueError(f"{name} must be a number of records")
    return count


def _usage(line: Mapping[str, Any]) -> tuple[Usage, ...]:
    text = line.get("usage", "")
    usage = totals_from(text) if isinstance(text, str) else ()
    if totals_text(usage) != text:
        raise ValueError("usage must be the totals of an export")
    return usage


def _records(line: Mapping[str, Any], name: str) -> tuple[Record, ...]:
    records = line.get(name, [])
    if not isinstance(records, list):
        raise ValueError(f"{name} must be a list of records")  # noqa: TRY004 - the line is at fault
    made = []
    for position, fields in enumerate(records):
        if not isinstance(fields, dict):
            raise ValueError(f"{name}[{position}] must be a JSON object")  # noqa: TRY004 - the line is at fault
        try:
            made.append(record_of(fields))
        except ValueError as error:
            raise ValueError(f"{name}[{position}]: {error}") from error
    return tuple(made)
