r"""The record of a summary: a system message at the end of the preamble that stands for archived turns.

    {"role":"system","content":"So far:\n\nAda …","summary":{"turns":12,"messages":40,"until":…,"heading":9,
     "archived":44},"at":…}

`turns` and `messages` count all that the summaries of the session have covered, `until` is the time of the newest
message among them (``None`` if it says none), and `heading` the number of characters before the text itself.
`archived` is the number of archived records up to the last one that it covers, in a store that keeps them: by it the
turns that wait are found again after an earlier release has written to the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionkit_integrations.records.record import decode, role_of
from sessionkit_integrations.records.sealed import sealed_by, unopened
from sessionkit_integrations.records.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sessionkit_integrations.records.fields import Fields

_MARK = b'"summary":{'


@dataclass(frozen=True)
class SessionSummary:
    """A summary of the turns that left a session's window.

    Attributes:
        text: The text.
        turns: Number of the turns that it covers.
        messages: Number of their messages.
        until: Time of the newest one of them, in UTC; ``None`` if it is not known.
        at: Time at which the summary was written, in UTC; ``None`` if it is not known.

    Examples:
        >>> summary = summarized.summarize("user123")
        >>> summary.turns, summary.text
        (1, 'Ada said hello.')
    """

    text: str
    turns: int
    messages: int
    until: datetime | None = None
    at: datetime | None = None


def summary_of(record: bytes) -> SessionSummary | None:
    """Return the summary that a record is, or ``None`` if it is another message."""
    if _MARK not in record or role_of(record) != "system":
        return None
    try:
        fields = decode(record)
    except (ValueError, RecursionError):
        return None
    return summary_in(fields)


def summary_in(fields: Fields) -> SessionSummary | None:
    """Return the summary that a record with some fields is, or ``None`` if it is another message."""
    said, content = fields.get("summary"), fields.get("content")
    if fields.get("role") != "system" or not isinstance(said, dict) or not isinstance(content, str):
        return None
    turns, messages = said.get("turns"), said.get("messages")
    if type(turns) is not int or type(messages) is not int:
        return None
    heading = said.get("heading")
    text = content[heading:] if type(heading) is int else content
    return SessionSummary(text, turns, messages, _time(said, "until"), _time(fields, "at"))


def is_echo(record: bytes, summary: bytes) -> bool:
    """Return whether a system message is what a reader was shown of a summary, or of an earlier one."""
    shown, content = decode(record).get("content"), decode(summary)["content"]
    heading = content[: decode(summary)["summary"].get("heading") or 0]
    return isinstance(shown, str) and (shown == content or (heading != "" and shown.startswith(heading)))


def latest_summary(records: Iterable[bytes]) -> SessionSummary | None:
    """Return the last summary among records, or ``None`` if there is none."""
    found = [summary for summary in map(summary_of, records) if summary is not None]
    return found[-1] if found else None


def present_summary(session_id: str, active: Sequence[bytes]) -> SessionSummary | None:
    """Return the last summary among the active records of a session, or ``None`` if there is none.

    Raises:
        SealError, CorruptSessionError: One of them is sealed, and cannot be opened.
    """
    for position, record in enumerate(active):
        by = sealed_by(record) if _MARK in record else ""
        if by:
            raise unopened(record, by, session_id, position, archived=False)
    return latest_summary(active)


def summary_fields(text: str, heading: str, *, turns: int, messages: int, until: int | None, archived: int) -> Fields:
    """Return the fields of the record that holds a summary.

    Args:
        text: The text.
        heading: A line before it, which tells the model what it is; none if empty.
        turns: Number of the turns that it covers.
        messages: Number of their messages.
        until: Time of the newest one of them, in Unix milliseconds.
        archived: Number of archived records up to the last one that it covers.
    """
    before = f"{heading}\n\n" if heading else ""
    said = {"turns": turns, "messages": messages, "until": until, "heading": len(before), "archived": archived}
    return {"role": "system", "content": f"{before}{text}", "summary": said}


def _time(fields: Fields, name: str) -> datetime | None:
    at = fields.get(name)
    return moment(at) if type(at) is int else None
