"""Reads of records on Redis as commands, with no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.stores.redis import replies
from sessionkit_integrations.stores.redis.commands import Command
from sessionkit_integrations.stores.values import Both, Snapshot

if TYPE_CHECKING:
    from sessionkit_integrations.stores.redis.keys import Keys

_PARTS_OF_BOTH = 3
"""Parts of the reply to `read_both`."""


def read(
    keys: Keys, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
) -> Command[Snapshot]:
    """Return the command for `Store.read`."""
    key = keys.archive(session_id) if archived else keys.active(session_id)
    return Command("LRANGE", (key,), _bounds(start, stop), replies.snapshot)


def read_both(keys: Keys, session_id: str, part: slice) -> Command[Both]:
    """Return the command for `Store.read_both`."""

    def read_reply(reply: object) -> Both:
        length, active, archived = replies.items(reply, _PARTS_OF_BOTH)
        return Both(replies.snapshot(active), replies.snapshot(archived).records, replies.number(length))

    bounds = _bounds(part.start, part.stop)
    return Command("read", keys.all_of(session_id), bounds, read_reply, is_script=True)


def _bounds(start: int | None, stop: int | None) -> tuple[int, int]:
    """Return the first and the last index of a slice, as LRANGE takes them."""
    # It names the last record, and a slice the one after it; before the first there is none.
    return (1, 0) if stop == 0 else (start or 0, -1 if stop is None else stop - 1)
