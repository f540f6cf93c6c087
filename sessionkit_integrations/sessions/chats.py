"""Chats of messages of one framework: what the manager and the adapters have in common.

Here messages become records, the window is applied to what is read, and edits are made: read, changed by a pure
function, and put back unless another writer was faster.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sessionkit_integrations.errors import ConflictError
from sessionkit_integrations.records.codec import decode_all, encode_all
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.runtime.steps import arun, run
from sessionkit_integrations.stores.base import Edit
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.window.turns import evict, longest_turn, turn_too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sessionkit_integrations.records.codec import Codec
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.base import Snapshot, Store
    from sessionkit_integrations.window.turns import Window

M = TypeVar("M")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

EDIT_ATTEMPTS = 100
"""How often an edit is tried against faster writers before it raises `ConflictError`."""

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.1
"""What an edit waits at most between two attempts, in seconds: twice as long each time, and never what others wait."""


@dataclass(frozen=True)
class EditPlan(Generic[T_co]):
    """What an edit makes of a session.

    Attributes:
        active: The records to keep active, or ``None`` to leave them as they are.
        archive: Records to add to the archive.
        clear_archive: Whether the archive is emptied first.
        result: What the edit returns.
    """

    result: T_co
    active: list[Record] | None = None
    archive: list[Record] | None = None
    clear_archive: bool = False


_PAUSE = "pause"


@dataclass(frozen=True)
class _Step:
    """A call of a method of the store, or a pause of as many seconds."""

    method: str
    args: tuple[Any, ...]


class Chats(Generic[M]):
    """The sessions of a store, read and written as messages of one framework.

    Args:
        store: Where they are.
        window: Returns the window in force.
        codec: How the framework's messages are written and read.
        max_message_bytes: How large a record may be, in bytes.
    """

    def __init__(self, store: Store, window: Callable[[], Window], codec: Codec[M], max_message_bytes: int) -> None:
        self._store = store
        self._window = window
        self._codec = codec
        self._max_message_bytes = max_message_bytes

    def append(self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None) -> None:
        """Add messages to the end of a session, all at once; see `SessionManager.send_messages`."""
        check_session_id(session_id)
        records = self.encode(messages)
        if records:
            self._store.append(session_id, records, self._window(), operation_id(idempotency_key))

    async def aappend(self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None) -> None:
        """See `append`."""
        check_session_id(session_id)
        records = self.encode(messages)
        if records:
            await self._store.aappend(session_id, records, self._window(), operation_id(idempotency_key))

    def read(self, session_id: str) -> list[M]:
        """Return the messages in the window."""
        check_session_id(session_id)
        return self.decode(session_id, self._in_window(self._store.read(session_id)))

    async def aread(self, session_id: str) -> list[M]:
        """See `read`."""
        check_session_id(session_id)
        return self.decode(session_id, self._in_window(await self._store.aread(session_id)))

    def read_archive(self, session_id: str) -> list[M]:
        """Return the messages in the archive."""
        check_session_id(session_id)
        return self.decode(session_id, self._store.read(session_id, archived=True).records)

    async def aread_archive(self, session_id: str) -> list[M]:
        """See `read_archive`."""
        check_session_id(session_id)
        return self.decode(session_id, (await self._store.aread(session_id, archived=True)).records)

    def delete(self, session_id: str) -> None:
        """Delete all that is kept of a session."""
        check_session_id(session_id)
        self._store.delete(session_id)

    async def adelete(self, session_id: str) -> None:
        """See `delete`."""
        check_session_id(session_id)
        await self._store.adelete(session_id)

    def edit(self, session_id: str, change: Callable[[list[Record]], EditPlan[T]]) -> T:
        """EditPlan a session as a whole.

        Args:
            session_id: The session.
            change: Given the records in the window, returns what becomes of the session. It may be called more
                than once, and must not change what it is given.

        Raises:
            ConflictError: Other writers were faster, time after time.
        """
        return run(self._edit(session_id, change), self._perform)

    async def aedit(self, session_id: str, change: Callable[[list[Record]], EditPlan[T]]) -> T:
        """See `edit`."""
        return await arun(self._edit(session_id, change), self._aperform)

    def encode(self, messages: Sequence[M]) -> list[Record]:
        """Return the records that hold messages, such as an edit puts into a session."""
        return encode_all(self._codec, messages, self._max_message_bytes)

    def decode(self, session_id: str, records: Sequence[Record]) -> list[M]:
        """Return the messages that records of a session hold, such as an edit takes out of it."""
        return decode_all(self._codec, records, session_id)

    def _edit(self, session_id: str, change: Callable[[list[Record]], EditPlan[T]]) -> Generator[_Step, Any, T]:
        check_session_id(session_id)
        attempt = 0
        while True:
            attempt += 1
            snapshot: Snapshot = yield _Step("read", (session_id,))
            window = self._window()  # the same for all of an attempt: another thread may change it
            kept, outside = evict(snapshot.records, window, role_of)
            wanted = change(kept)
            if wanted.active is None and not wanted.archive and not wanted.clear_archive:
                return wanted.result
            edit = self._to_edit(snapshot, outside, wanted, window)
            # An edit of the archive alone is the same whatever the active records are.
            expected = None if edit.active is None else snapshot.version
            try:
                yield _Step("replace", (session_id, edit, expected, operation_id()))
            except ConflictError:
                if attempt == EDIT_ATTEMPTS:
                    raise
                longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
                yield _Step(_PAUSE, (random.uniform(0, longest),))  # noqa: S311 - no secret
            else:
                return wanted.result

    def _to_edit(self, snapshot: Snapshot, outside: list[Record], wanted: EditPlan[Any], window: Window) -> Edit:
        archive = tuple(wanted.archive or ())
        if wanted.active is None:
            return Edit(None, archive, wanted.clear_archive)
        longest = longest_turn(map(role_of, wanted.active))
        # What is too long already may stay so, as when a message is taken out of it.
        if longest > max(window.max_turn_messages, longest_turn(map(role_of, snapshot.records))):
            raise turn_too_long(window)
        kept, evicted = evict(wanted.active, window, role_of)
        if self._store.archive and not wanted.clear_archive:
            archive = (*outside, *archive, *evicted)
        return Edit(tuple(kept), archive, wanted.clear_archive)

    def _perform(self, step: _Step) -> Any:
        if step.method == _PAUSE:
            return time.sleep(*step.args)
        return getattr(self._store, step.method)(*step.args)

    async def _aperform(self, step: _Step) -> Any:
        if step.method == _PAUSE:
            return await asyncio.sleep(*step.args)
        return await getattr(self._store, f"a{step.method}")(*step.args)

    def _in_window(self, snapshot: Snapshot) -> list[Record]:
        return evict(snapshot.records, self._window(), role_of)[0]
