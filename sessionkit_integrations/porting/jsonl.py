"""Sessions as JSON Lines: a header, then one line for each session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import SessionKitError
from sessionkit_integrations.porting.stored import StoredSession, dump, fields_of, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkit_integrations.records.record import Record

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
    """Return whether a line is that of a session."""
    return "id" in line and "active" in line


def to_line(session: StoredSession) -> bytes:
    """Return the line of a session, all of whose records can be read."""
    lists = {"active": session.active, "archived": session.archived}
    counts = {name: count for name in _COUNTS if (count := getattr(session, name))}
    return dump({"id": session.id, **{name: [fields_of(record) for record in lists[name]] for name in lists}, **counts})


def from_line(line: Mapping[str, Any]) -> StoredSession:
    """Return the session that a line holds.

    Raises:
        ValueError, RecursionError: It holds none.
    """
    counts = {name: _count(line, name) for name in _COUNTS}
    session = StoredSession(line["id"], _records(line, "active"), _records(line, "archived"), **counts)
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
