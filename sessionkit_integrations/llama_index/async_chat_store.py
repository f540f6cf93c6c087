"""Sessions as LlamaIndex's asynchronous chat store."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.llama_index.chat_stores import OnSessions
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.sessions import edits
from sessionkit_integrations.sessions.steps import EVERYTHING
from sessionkit_integrations.sessions.undoing import undo

try:
    from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
except ImportError as error:
    raise MissingDependencyError("SessionKitAsyncChatStore", "llama-index") from error

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

    from sessionkit_integrations.sessions.chats import Chats

_unflushed: ContextVar[tuple[str, int] | None] = ContextVar("unflushed", default=None)
"""The session that was read last, and the messages of its preamble that the next flush counts.

`Memory` reads its queue once, then flushes it in one or more steps, and tells each time only how many of the oldest
messages are to go. The preamble, which stays, counts in the first step and not in the others.
"""


class SessionKitAsyncChatStore(OnSessions, AsyncDBChatStore):
    """Sessions as LlamaIndex's asynchronous chat store, for `Memory.from_defaults(chat_store=…)`.

    A key is a session id. ACTIVE messages are those in the session's window, ARCHIVED ones those in its archive: the
    ones that `archive_oldest_messages` puts there, and those that the window evicts if the store of the sessions was
    made with ``archive=True``.

    `SessionKitMemory` is a `Memory` made for sessions. A plain `Memory` on this store loses something: it does not hear
    of what the window evicts, so neither do its memory blocks, unless ``evict`` is false and its own limit of tokens
    is the only one. It takes the preamble for a part of its queue, and so hands it to its blocks at each flush, though
    it stays in the session.

    Args:
        sessions: The sessions.
        evict: False to leave evicting to the `Memory`. The window of the sessions is then not applied here.

    Raises:
        InvalidSessionIdError, InvalidMessageError, StoreError: From its methods, as from `SessionManager`'s.
        ValueError: From its methods, for a status that there is not, and for a negative ``limit`` or ``offset``.

    Examples:
        >>> store = SessionKitAsyncChatStore(sessions=SessionManager(), evict=False)
        >>> memory = Memory.from_defaults(session_id="user123", chat_store=store, token_limit=8000)
    """

    evict: bool = True

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex knows the class."""
        return "SessionKitAsyncChatStore"

    @property
    def _chats(self) -> Chats[ChatMessage]:
        return self.sessions.using(LlamaIndexCodec(), evict=self.evict)

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        """Return messages, oldest first.

        Args:
            key: The session.
            status: The status that they have; ``None`` for the archived and then the active ones.
            limit: The most messages to return; all if ``None``.
            offset: The number of the oldest messages to leave out.
        """
        part = _slice(limit, offset)
        status = _status(status)
        if status is MessageStatus.ARCHIVED:
            return await self._chats.aread_archive(key, part)
        if status is MessageStatus.ACTIVE:
            return (await self._get_active(key))[part]
        if part == EVERYTHING:
            session = await self._chats.asnapshot(key, archived=part)
            return session.messages("archived") + session.shown_messages()
        return await self._get_page(key, part)

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """Return the number of messages that `get_messages` would return."""
        status = _status(status)
        active = 0 if status is MessageStatus.ARCHIVED else len((await self._chats.asnapshot(key)).shown)
        return active if status is MessageStatus.ACTIVE else active + await self._count_archived(key)

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        """Add a message at the end."""
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Add messages at the end, all at once. There may be none."""
        if _status(status) is MessageStatus.ACTIVE:
            await self._chats.aappend(key, messages)
        else:
            await self._chats.aedit(key, edits.change_archive(await self._chats.aencode(messages), clear=False))

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Replace all messages that have the status. The others stay, and none is archived once more."""
        records = await self._chats.aencode(messages)
        if _status(status) is MessageStatus.ACTIVE:
            await self._chats.aedit(key, self._replace_all(records))
        else:
            await self._chats.aedit(key, edits.change_archive(records, clear=True))

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete the active message at ``idx`` (from the end if negative). Return it, or ``None`` if there is none."""
        return await self._chats.aedit(key, edits.remove(idx))

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Delete all messages that have the status, or the session with its archive if it is ``None``."""
        if status is None:
            await self._chats.adelete(key)
        else:
            await self.set_messages(key, [], status)

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Delete the ``n`` oldest active messages, and return them."""
        return await self._chats.aedit(key, edits.remove_oldest(n))

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Move messages into the archive, and return them: of the ``n`` oldest active ones all but the preamble.

        `Memory` calls this more than once with messages that it read once. The preamble counts as one of the oldest
        messages only until it was counted since the same task last read the session.
        """
        read = _unflushed.get()
        pinned = read[1] if read is not None and read[0] == key else None
        archived: list[ChatMessage] = await self._chats.aedit(key, edits.archive_oldest(n, pinned))
        if pinned is not None:
            _unflushed.set((key, max(pinned - n, 0)))
        return archived

    async def undo(self, key: str, turns: int = 1) -> list[ChatMessage]:
        """Take the last turns off a session, and return their messages, oldest first; see `SessionManager.undo`.

        Memory blocks hear nothing of it: they hear of what leaves a window at its other end.
        """
        return await self._chats.aedit(key, undo(turns))

    async def get_keys(self) -> list[str]:
        """Return the ids of all sessions."""
        return [session_id async for session_id in self.sessions.alist_sessions()]

    async def _get_active(self, key: str) -> list[ChatMessage]:
        session = await self._chats.asnapshot(key)
        _unflushed.set((key, session.preamble_end))
        return session.shown_messages()

    async def _get_page(self, key: str, part: slice) -> list[ChatMessage]:
        """Return a part of the archived and then the active messages, without reading more of the archive."""
        session = await self._chats.asnapshot(key, archived=part)
        page = session.messages("archived")
        left_out = 0 if page or not part.start else part.start - await self._count_archived(key)
        active = session.shown_messages()[max(left_out, 0) :]
        return page + active if part.stop is None else (page + active)[: part.stop - (part.start or 0)]

    async def _count_archived(self, key: str) -> int:
        info = await self._chats.adescribe(key)
        return 0 if info is None else info.archived


def _status(status: MessageStatus | None) -> MessageStatus | None:
    """Return a status that may be given as text."""
    return None if status is None else MessageStatus(status)


def _slice(limit: int | None, offset: int | None) -> slice:
    for name, value in (("limit", limit), ("offset", offset)):
        if value is not None and value < 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    start = offset or 0
    return slice(start or None, None if limit is None else start + limit)
