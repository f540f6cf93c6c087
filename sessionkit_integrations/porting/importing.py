"""Lines of a file as sessions of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.porting import fine_tuning, jsonl
from sessionkit_integrations.porting.stored import UNREADABLE, Outcome, StoredSession, explanation, write_session
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.record import parse_json
from sessionkit_integrations.sessions.manager import SessionManager

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be read as a session; nothing of it was written."""

    line: int
    problem: str


@dataclass
class Imported:
    """The outcome of an import.

    Attributes:
        written: Sessions that were new.
        overwritten: Sessions that replaced one with other messages.
        unchanged: Sessions that were there already.
        messages: Messages that were written, archived ones included.
        refused: The sessions that are there with other messages, and were left as they are.
        reasons: The reason of each refusal, by session.
        bad_lines: The lines that hold no session.
    """

    written: int = 0
    overwritten: int = 0
    unchanged: int = 0
    messages: int = 0
    refused: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    bad_lines: list[BadLine] = field(default_factory=list)

    def count(self, session: StoredSession, outcome: Outcome) -> None:
        """Count a session."""
        if outcome.is_refusal:
            self.refused.append(session.id)
            self.reasons[session.id] = outcome.value
            return
        name = outcome.value
        setattr(self, name, getattr(self, name) + 1)
        if outcome is not Outcome.UNCHANGED:
            self.messages += len(session)


def import_lines(
    sessions: SessionManager,
    lines: Iterable[bytes],
    done: Imported,
    *,
    prefix: str = fine_tuning.PREFIX,
    overwrite: bool = False,
) -> Iterator[int]:
    """Write the sessions that the lines of a file hold, each at once, and yield the bytes of each line.

    An import that was interrupted can be repeated: sessions that are there already are left as they are. A session
    with sealed records is written as it is, and needs no key; it is refused where its keys would not open it.

    Args:
        sessions: The sessions of the store to write to.
        lines: Lines of `export_sessions`, or of fine-tuning data.
        done: Is counted up meanwhile.
        prefix: Beginning of the ids of sessions that have none in the file.
        overwrite: Whether to replace sessions that are there with other messages.

    Raises:
        FormatError: A header says that the file is of a later version, or of another format.
    """
    known_format = False
    as_they_are = SessionManager(store=sessions.store)
    for number, line in enumerate(lines, 1):
        text = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).strip()
        if text:
            try:
                value: Any = parse_json(text)
                is_header = isinstance(value, dict) and jsonl.is_header(value)
                session = None if is_header else _session(value, prefix, known_format=known_format)
                if session is not None:
                    jsonl.check_place(value, session, sessions.store.key_prefix)
            except UNREADABLE as error:
                done.bad_lines.append(BadLine(number, explanation(error)))
            else:
                if session is None:
                    jsonl.check_header(value)
                    known_format = True
                else:
                    target = as_they_are if session.seals else sessions
                    done.count(session, write_session(target, session, overwrite=overwrite))
        yield len(line)


def _session(value: Any, prefix: str, *, known_format: bool) -> StoredSession:
    if not isinstance(value, dict):
        raise ValueError("the line must be a JSON object")  # noqa: TRY004 - the line is at fault
    if fine_tuning.is_example(value):
        session = fine_tuning.from_example(value, prefix)
    elif not jsonl.is_session(value):
        raise ValueError("the line is neither a session nor an example of fine-tuning data")
    elif not known_format:
        raise ValueError("the line is a session without the header of its format, which is the first line of an export")
    else:
        session = jsonl.from_line(value)
    check_session_id(session.id)
    return session
