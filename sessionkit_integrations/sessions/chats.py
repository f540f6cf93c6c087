"""Sessions as chats of one framework's messages: the one door to what a store holds.

Here messages become records and records messages, the window is applied to what is read, and edits are made: a session
is read, changed by a pure function, and written unless another writer was faster. The manager, the adapters, views, the
command line and exports read records nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.sessions.chat_reads import ChatReads
from sessionkit_integrations.sessions.edits import within
from sessionkit_integrations.sessions.snapshot import SessionSnapshot
from sessionkit_integrations.sessions.steps import (
    EVERYTHING,
    Replace,
    arun_on,
    check_write,
    read_stored,
    run_on,
    until_no_conflict,
)
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.values import Edit, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.background import Summaries
    from sessionkit_integrations.sessions.edits import EditFunction, EditPlan
    from sessionkit_integrations.sessions.encoding import Encoding
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.values import AppendOptions
    from sessionkit_integrations.window.turns import Window

M = TypeVar("M")
N = TypeVar("N")
T = TypeVar("T")


class Chats(ChatReads[M]):
    """The sessions of a store, read and written as messages of one framework.

    Args:
        store: The store that holds them.
        window: Returns the window in force.
        encoding: Makes records of the framework's messages.
        summaries: Summarises what leaves the window; ``None`` if nothing does.
    """

    def __init__(
        self, store: Store, window: Callable[[], Window], encoding: Encoding[M], summaries: Summaries | None = None
    ) -> None:
        self._store = store
        self._window = window
        self._encoding = encoding
        self._codec = encoding.codec
        self.tokens_of = encoding.tokens_of
        self._summaries = summaries
        self._wait = summaries is not None

    def append(self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None) -> None:
        """Add messages to the end of a session, all at once; see `SessionManager.send_messages`."""
        check_write(self._store, session_id)
        records = self.encode(messages)
        if records:
            key, options = operation_id(idempotency_key), self._encoding.options(records, wait=self._wait)
            appended = self._store.append(session_id, records, self._window(), key, **options)
            if self._summaries is not None:
                self._summaries.after(session_id, appended.waiting_turns)

    async def aappend(self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None) -> None:
        """See `append`."""
        check_write(self._store, session_id)
        records = await self.aencode(messages)
        if records:
            key, options = operation_id(idempotency_key), self._encoding.options(records, wait=self._wait)
            appended = await self._store.aappend(session_id, records, self._window(), key, **options)
            if self._summaries is not None:
                await self._summaries.aafter(session_id, appended.waiting_turns)

    def prompt(
        self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None, *, over: bool = False
    ) -> list[M]:
        """Add messages to a session, and return what the model then sees; see `SessionManager.prompt`.

        Args:
            session_id: The session.
            messages: The messages, at least one.
            idempotency_key: See `SessionManager.send_message`.
            over: Whether the last turn is over, as for `snapshot`.
        """
        return replace(self.append_and_read(session_id, messages, idempotency_key), over=over).shown_messages()

    async def aprompt(
        self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None, *, over: bool = False
    ) -> list[M]:
        """See `prompt`."""
        return replace(await self.aappend_and_read(session_id, messages, idempotency_key), over=over).shown_messages()

    def append_and_read(
        self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None
    ) -> SessionSnapshot[M]:
        """Add messages to a session, as `prompt` does, and return what is stored then."""
        check_write(self._store, session_id)
        records, window = self.encode(messages), self._window()
        key, options = operation_id(idempotency_key), self._encoding.options(records, wait=self._wait, read=True)
        appended = self._store.append(session_id, records, window, key, **options)
        if appended.refused is not None:
            options = self._insisting(session_id, appended.refused, window, options)
            appended = self._store.append(session_id, records, window, key, **options)
        is_newer = self._summaries is not None and self._summaries.after(session_id, appended.waiting_turns)
        if is_newer or appended.window is None:  # as of a store that returns no records
            return self.snapshot(session_id)
        return self._of(session_id, appended.window, window)

    async def aappend_and_read(
        self, session_id: str, messages: Sequence[M], idempotency_key: str | None = None
    ) -> SessionSnapshot[M]:
        """See `append_and_read`."""
        check_write(self._store, session_id)
        records, window = await self.aencode(messages), self._window()
        key, options = operation_id(idempotency_key), self._encoding.options(records, wait=self._wait, read=True)
        appended = await self._store.aappend(session_id, records, window, key, **options)
        if appended.refused is not None:
            options = self._insisting(session_id, appended.refused, window, options)
            appended = await self._store.aappend(session_id, records, window, key, **options)
        is_newer = self._summaries is not None and await self._summaries.aafter(session_id, appended.waiting_turns)
        if is_newer or appended.window is None:  # as of a store that returns no records
            return await self.asnapshot(session_id)
        return self._of(session_id, appended.window, window)

    def read(self, session_id: str) -> list[M]:
        """Return the messages that the model sees: the preamble and the turns in the window."""
        check_session_id(session_id)
        return self._of(session_id, self._store.read(session_id)).shown_messages()

    async def aread(self, session_id: str) -> list[M]:
        """See `read`."""
        check_session_id(session_id)
        return self._of(session_id, await self._store.aread(session_id)).shown_messages()

    def snapshot(self, session_id: str, *, archived: slice | None = None, over: bool = False) -> SessionSnapshot[M]:
        """Return what is stored of a session, as it was at one moment.

        Args:
            session_id: The session.
            archived: The part of its archive to read, as a slice of all of it; ``None`` for none.
            over: Whether its last turn is over, as you are about to open a new one: the model then sees its calls
                answered as well.

        Raises:
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            ConflictError: The session was written to each time that its archive was read.
            StoreError: The store failed.
        """
        return replace(run_on(self._store, self.take_snapshot(session_id, archived)), over=over)

    async def asnapshot(
        self, session_id: str, *, archived: slice | None = None, over: bool = False
    ) -> SessionSnapshot[M]:
        """See `snapshot`."""
        return replace(await arun_on(self._store, self.take_snapshot(session_id, archived)), over=over)

    def delete(self, session_id: str) -> None:
        """Delete all that is kept of a session."""
        check_write(self._store, session_id)
        self._store.delete(session_id)

    async def adelete(self, session_id: str) -> None:
        """See `delete`."""
        check_write(self._store, session_id)
        await self._store.adelete(session_id)

    def edit(self, session_id: str, function: EditFunction[M, T], known: SessionSnapshot[M] | None = None) -> T:
        """Edit a session, and apply the window to the outcome.

        Args:
            session_id: The session.
            function: Given a snapshot without the archive, plans the edit; see `edits`.
            known: A snapshot to plan with, instead of reading the session, unless others were faster.

        Raises:
            ConflictError: Other writers were faster, time after time; nothing was written.
            CorruptSessionError: A record that the edit returns cannot be read; nothing was written.
        """
        attempt = partial(self._edit_window, session_id, function, [] if known is None else [known])
        result, archives = run_on(self._store, self._edit(session_id, attempt))
        if archives and self._summaries is not None:
            self._summaries.after_edit(session_id)
        return result

    async def aedit(self, session_id: str, function: EditFunction[M, T], known: SessionSnapshot[M] | None = None) -> T:
        """See `edit`."""
        attempt = partial(self._edit_window, session_id, function, [] if known is None else [known])
        result, archives = await arun_on(self._store, self._edit(session_id, attempt))
        if archives and self._summaries is not None:
            await self._summaries.aafter_edit(session_id)
        return result

    def rewrite(self, session_id: str, function: EditFunction[M, T]) -> T:
        """Edit all that is stored of a session, and apply no window: what is planned is what is stored.

        Args:
            session_id: The session.
            function: Given a snapshot with the whole archive, plans the edit.

        Raises:
            SessionKitError: As `edit`.
        """
        return run_on(self._store, self._edit(session_id, lambda: self._edit_everything(session_id, function)))

    async def arewrite(self, session_id: str, function: EditFunction[M, T]) -> T:
        """See `rewrite`."""
        return await arun_on(self._store, self._edit(session_id, lambda: self._edit_everything(session_id, function)))

    def encode(self, messages: Sequence[M], *, at: int | None = None) -> list[Record]:
        """Return the records that hold messages, for an edit that adds them to a session.

        Args:
            messages: The messages.
            at: The time at which they were written, in Unix milliseconds; the present one if ``None``.
        """
        return self._encoding.encode(messages, count=self._window().tokens is not None, at=at)

    async def aencode(self, messages: Sequence[M], *, at: int | None = None) -> list[Record]:
        """See `encode`."""
        return await self._encoding.aencode(messages, count=self._window().tokens is not None, at=at)

    def take_snapshot(self, session_id: str, archived: slice | None) -> Steps[SessionSnapshot[M]]:
        """Return what `snapshot` does, as a part of a longer operation."""
        check_session_id(session_id)
        if archived is None:
            return (yield from self._read(session_id, None, self._window()))
        name = f"read of {session_id!r}"
        return (yield from until_no_conflict(name, lambda: self._read(session_id, archived, self._window())))

    def _insisting(self, session_id: str, there: Snapshot, window: Window, options: AppendOptions) -> AppendOptions:
        """Return the options of an append that is refused no more; raise an error if what is there cannot be read."""
        self._of(session_id, there, window).shown_messages()
        return {**options, "opens": None}

    def _read(self, session_id: str, part: slice | None, window: Window) -> Steps[SessionSnapshot[M]]:
        active, archived, start = yield from read_stored(session_id, part)
        return replace(self._of(session_id, active, window), archived=archived, archive_start=start)

    def _of(self, session_id: str, active: Snapshot, window: Window | None = None) -> SessionSnapshot[M]:
        window = window or self._window()
        return SessionSnapshot.of(session_id, self._codec, window, active.records, tokens_of=self._encoding.tokens_of)

    def _edit(self, session_id: str, attempt: Callable[[], Steps[T]]) -> Steps[T]:
        check_session_id(session_id)
        return until_no_conflict(f"edit of {session_id!r}", attempt)

    def _edit_window(
        self, session_id: str, function: EditFunction[M, T], known: list[SessionSnapshot[M]]
    ) -> Steps[tuple[T, bool]]:
        snapshot = known.pop() if known else (yield from self._read(session_id, None, self._window()))
        plan = function(snapshot)
        edit = within(snapshot.window, snapshot, plan, self._encoding.tokens_of, wait=self._wait)
        yield from self._replace(snapshot, plan, edit)
        return plan.result, bool(edit.evicted or edit.archive)

    def _edit_everything(self, session_id: str, function: EditFunction[M, T]) -> Steps[T]:
        snapshot = yield from self._read(session_id, EVERYTHING, self._window())
        plan = function(snapshot)
        active = None if plan.active is None else tuple(plan.active)
        edit = Edit(active, tuple(plan.archive), plan.clear_archive, summarized=plan.summarized, usage=plan.usage)
        return (yield from self._replace(snapshot, plan, edit))

    def _replace(self, snapshot: SessionSnapshot[M], plan: EditPlan[T], edit: Edit) -> Steps[T]:
        if not plan.changes_nothing:
            # An edit of the archive alone is the same whatever the active records are.
            expected = None if edit.active is None else snapshot.version
            yield from Replace(snapshot.session_id, edit, expected, operation_id())
        return plan.result
