"""Sessions of a store as lines of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import CorruptSessionError
from sessionkit_integrations.porting import fine_tuning, jsonl
from sessionkit_integrations.porting.stored import UNREADABLE, StoredSession, checked, dump, read_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sessionkit_integrations.stores.base import Store


@dataclass
class Exported:
    """What an export came to.

    Attributes:
        sessions: How many sessions were written.
        messages: How many messages they have, archived ones included.
        without_assistant: How many sessions were left out because no assistant speaks in them.
        missing: The sessions that were asked for and are not there.
        corrupt: How many records were left out of each session that had some which cannot be read.
    """

    sessions: int = 0
    messages: int = 0
    without_assistant: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: dict[str, int] = field(default_factory=dict)


def export_sessions(
    store: Store,
    session_ids: Iterable[str],
    done: Exported,
    *,
    fine_tuning_data: bool = False,
    skip_corrupt: bool = False,
) -> Iterator[bytes]:
    """Yield the lines of a file that holds sessions, without their ends, one session being read at a time.

    Args:
        store: Where they are.
        session_ids: Which.
        done: Is counted up meanwhile.
        fine_tuning_data: Whether the lines are what OpenAI's fine-tuning takes.
        skip_corrupt: Whether to leave out records that cannot be read.

    Raises:
        CorruptSessionError: A record cannot be read.
    """
    if not fine_tuning_data:
        yield jsonl.header()
    for session_id in session_ids:
        found = read_session(store, session_id)
        if not found:
            done.missing.append(session_id)
            continue
        session = checked(found, skip_corrupt=skip_corrupt)
        if len(session) < len(found):
            done.corrupt[session_id] = len(found) - len(session)
            if not session:
                continue
        line = _example(session) if fine_tuning_data else jsonl.to_line(session)
        if line is None:
            done.without_assistant += 1
            continue
        yield line
        done.sessions += 1
        done.messages += len(session)


def _example(session: StoredSession) -> bytes | None:
    try:
        example = fine_tuning.to_example(session)
    except UNREADABLE as error:  # such as calls that are none, which only some readers look at
        raise CorruptSessionError(session.id, 0, f"no prompt can be made of it ({error})") from error
    return None if example is None else dump(example)
