"""Sessions of a store as lines of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import SealError
from sessionkit_integrations.porting import fine_tuning, jsonl
from sessionkit_integrations.porting.stored import dump, read_session, readable, stored
from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.records.record import time_written
from sessionkit_integrations.records.summaries import summary_of
from sessionkit_integrations.records.times import moment
from sessionkit_integrations.records.tool_calls import texts_of
from sessionkit_integrations.records.unreadable import expect, expect_optional
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.window.turns import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot


@dataclass
class Exported:
    """The outcome of an export.

    Attributes:
        sessions: Sessions that were written.
        messages: Messages in them, archived ones included.
        without_assistant: Sessions that were left out because no assistant speaks in them.
        missing: The sessions that were asked for and are not there.
        corrupt: Records that were left out of each session that had some which cannot be read.
    """

    sessions: int = 0
    messages: int = 0
    without_assistant: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: dict[str, int] = field(default_factory=dict)


def export_sessions(
    sessions: SessionManager,
    session_ids: Iterable[str],
    done: Exported,
    *,
    fine_tuning_data: bool = False,
    skip_corrupt: bool = False,
    sealed: bool = False,
) -> Iterator[bytes]:
    """Yield the lines of a file that holds sessions, without their ends, one session being read at a time.

    Args:
        sessions: The sessions of the store.
        session_ids: The sessions to export, in this order.
        done: Is counted up meanwhile.
        fine_tuning_data: Whether the lines are what OpenAI's fine-tuning takes.
        skip_corrupt: Whether to leave out records that cannot be read; of fine-tuning data, the turns that hold them.
        sealed: Whether sealed records are written as they are, not opened; not with ``fine_tuning_data``.

    Raises:
        CorruptSessionError: A record cannot be read.
        SealError: A record cannot be opened.
    """
    if not fine_tuning_data:
        yield jsonl.header()
    if sealed:
        sessions = SessionManager(store=sessions.store)
    for session_id in session_ids:
        found = read_session(sessions, session_id)
        if not found:
            done.missing.append(session_id)
            continue
        session = found
        faults = (found.read_with(_PromptReader()) if fine_tuning_data else found).faults()
        if sealed:
            faults = [fault for fault in faults if not isinstance(fault, SealError)]
        if faults:
            if not skip_corrupt:
                raise faults[0]
            session = readable(found, faults, whole_turns=fine_tuning_data)
            done.corrupt[session_id] = len(stored(found)) - len(stored(session))
            if not session:
                continue
        line = _example(session) if fine_tuning_data else jsonl.to_line(stored(session), sessions.store.key_prefix)
        if line is None:
            done.without_assistant += 1
            continue
        yield line
        done.sessions += 1
        done.messages += len(stored(session))


def _example(session: SessionSnapshot[Message]) -> bytes | None:
    messages = session.messages(*PLACES)
    preamble = map(summary_of, session.active[: session.preamble_end])
    for position, summary in enumerate(preamble):
        if summary is not None and _is_kept(summary, session.archived):
            del messages[position]  # there is one at most
            break
    example = fine_tuning.to_example(messages)
    return None if example is None else dump(example)


def _is_kept(summary: SessionSummary, archived: Sequence[bytes]) -> bool:
    """Return whether the turns that a summary stands for are in the archive, which a model then learns from itself."""
    oldest = moment(time_written(archived[0])) if archived else None
    if oldest is None or summary.until is None:
        return False
    return len(archived) >= summary.messages and oldest <= summary.until


class _PromptReader:
    """Reads records as messages that can be part of a prompt.

    Other writers check nothing: a tool call may be anything, and only a prompt looks at it.
    """

    parse_json = staticmethod(PLAIN.parse_json)
    text_decoders = PLAIN.text_decoders

    def decode(self, fields: Fields) -> Message:
        message = PLAIN.decode(fields)
        for call in expect(message.get("tool_calls") or [], list, "tool_calls"):
            texts_of(call)
        for name in ("name", "tool_call_id"):
            expect_optional(message.get(name), str, name)
        if isinstance(message["content"], list):
            for part in message["content"]:
                expect(part.get("type"), str, "type of a content part")
        return message
