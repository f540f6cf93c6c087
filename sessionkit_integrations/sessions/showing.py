"""Records as a prompt shows them: calls with their results; see `open_calls`.

An answer that was made up is never stored. It is a record like any other, which each codec reads in its own way.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.records.fields import is_error
from sessionkit_integrations.records.record import decode, encode, role_of
from sessionkit_integrations.records.tool_calls import names_of_calls, text_or_empty
from sessionkit_integrations.window.open_calls import INTERRUPTED, Said, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.tool_calls import CallName

_CALL = b"_call"
"""A part of the names of all fields that hold calls: `tool_calls`, `invalid_tool_calls` and `function_call`."""
MOST_LATE = 50
"""Late results that are carried to earlier turns, the nearest ones; results of calls that are gone would pile up."""
_INTERRUPTED = INTERRUPTED.encode()
_NEXT_QUESTION = encode({"role": "user", "content": ""}, 0)


class ShownRecord(NamedTuple):
    """A record of a prompt.

    Attributes:
        record: The record.
        position: Its position among those that were given; ``None`` if it is an answer that was made up.
        anchor: Position of the record that it is shown with: of its call, or its own.
    """

    record: Record
    position: int | None
    anchor: int

    @property
    def place(self) -> int:
        """The position of the record, or of its call."""
        return self.anchor if self.position is None else self.position


def concern_calls(records: Sequence[bytes], roles: Sequence[str]) -> bool:
    """Return whether some records may call tools or hold results of calls; nothing is left out that does.

    Args:
        records: The records.
        roles: Their roles.
    """
    if "tool" in roles:
        return True
    # A single byte is found at once, and without one there is no list of calls.
    return b"[" in b"".join(records) and any(
        role == "assistant" and _CALL in record for role, record in zip(roles, records, strict=True)
    )


def show_records(records: Sequence[Record], *, over: bool) -> list[ShownRecord]:
    """Return records as a prompt shows them; see `open_calls.show`.

    Args:
        records: The records, oldest first.
        over: Whether the last turn is over too.
    """
    said = [_said_by(record) for record in records]
    shown = []
    for position, call, stray in show(said, over=over):
        if stray:
            continue
        if position is not None:
            shown.append(ShownRecord(records[position], position, position if call is None else call[0]))
        elif call is not None:
            at, index = call
            shown.append(ShownRecord(_made_up((said[at].calls or ())[index], records[at]), None, at))
    return shown


def show_turn(records: Sequence[Record], late: Sequence[Record] = ()) -> tuple[list[ShownRecord], tuple[Record, ...]]:
    """Return a turn that is over as a prompt shows it, and the results whose call must be in an earlier turn.

    Args:
        records: The records of the turn.
        late: Results that came in later turns and may be of its calls. The next user message stands between them and
            the records: its position is the number of the records, and theirs follow.
    """
    every = (*records, _NEXT_QUESTION, *late) if late else tuple(records)
    if not concern_calls(every, list(map(role_of, every))):
        return [ShownRecord(record, position, position) for position, record in enumerate(records)], ()
    shown = [each for each in show_records(every, over=True) if each.record is not _NEXT_QUESTION]
    positions = {each.position for each in shown} | {len(records)}
    strays = (record for position, record in enumerate(every) if position not in positions)
    return shown, tuple(islice(strays, MOST_LATE))


def is_made_up(record: bytes) -> bool:
    """Return whether a record is an answer that was made up, as a framework gives it back."""
    if _INTERRUPTED not in record:
        return False
    fields = decode(record)
    return fields["role"] == "tool" and fields.get("content") == INTERRUPTED and is_error(fields)


def _said_by(record: bytes) -> Said:
    role = role_of(record)
    if role != "tool" and not (role == "assistant" and _CALL in record):
        return Said(role)
    try:
        fields = decode(record)
    except (ValueError, RecursionError):  # shown where it is, so that its reader is told
        return Said("" if role == "tool" else role)
    if role == "assistant":
        return Said(role, names_of_calls(fields))
    return Said(role, answers=(text_or_empty(fields.get("tool_call_id")), text_or_empty(fields.get("name"))))


def _made_up(call: CallName, calling: Record) -> Record:
    call_id, name = call
    fields = {"role": "tool", "content": INTERRUPTED, "tool_call_id": call_id, "name": name, "is_error": True}
    if not name:
        del fields["name"]
    at = decode(calling).get("at")
    return encode(fields, at if type(at) is int else 0)
