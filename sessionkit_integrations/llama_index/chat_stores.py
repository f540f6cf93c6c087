"""Chats as LlamaIndex's chat stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.sessions import edits
from sessionkit_integrations.sessions.manager import SessionManager  # noqa: TC001 - pydantic needs it

try:
    from llama_index.core.base.llms.types import ChatMessage  # noqa: TC002 - pydantic needs it
    from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, Field, PrivateAttr
    from llama_index.core.storage.chat_store.base import BaseChatStore
    from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
except ImportError as error:
    raise MissingDependencyError("SessionKitChatStore", "llama-index") from error

if TYPE_CHECKING:
    from sessionkit_integrations.sessions.chats import Chats


class _OnSessions(BaseModel):
    """Base of both chat stores: the sessions they are on."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    sessions: SessionManager = Field(exclude=True)
    _chats: Chats[ChatMessage] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Set up what is not a field."""
        super().model_post_init(context)
        self._chats = self.sessions.using(LlamaIndexCodec())


class SessionKitChatStore(_OnSessions, BaseChatStore):
    """Chats as a LlamaIndex chat store, for `ChatMemoryBuffer` and chat engines.

    A key is a session id. Messages are those in the session's window, and indexes count within it.

    Args:
        sessions: Where the sessions are.

    Raises:
        InvalidSessionIdError, InvalidMessageError, StoreError: From its methods, as `SessionManager` has them.
    """

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex knows the class."""
        return "SessionKitChatStore"

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Put messages in the place of a session's; the archive stays as it is."""
        self._chats.edit(key, edits.replace_all(self._chats.encode(messages)))

    async def aset_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """See `set_messages`."""
        await self._chats.aedit(key, edits.replace_all(self._chats.encode(messages)))

    def get_messages(self, key: str) -> list[ChatMessage]:
        """Return the messages in a session's window, oldest first."""
        return self._chats.read(key)

    async def aget_messages(self, key: str) -> list[ChatMessage]:
        """See `get_messages`."""
        return await self._chats.aread(key)

    def add_message(self, key: str, message: ChatMessage, idx: int | None = None) -> None:
        """Add a message at the end of a session, or insert it before the one at ``idx`` (as `list.insert` does)."""
        if idx is None:
            self._chats.append(key, [message])
        else:
            self._chats.edit(key, edits.insert(idx, self._chats.encode([message])))

    async def async_add_message(self, key: str, message: ChatMessage, idx: int | None = None) -> None:
        """See `add_message`."""
        if idx is None:
            await self._chats.aappend(key, [message])
        else:
            await self._chats.aedit(key, edits.insert(idx, self._chats.encode([message])))

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Delete all that is kept of a session; return the messages of its window, ``None`` if there were none."""
        return self._chats.edit(key, edits.clear_all) or None

    async def adelete_messages(self, key: str) -> list[ChatMessage] | None:
        """See `delete_messages`."""
        return await self._chats.aedit(key, edits.clear_all) or None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete the message at ``idx`` (from the end if negative) and return it; ``None`` if there is none."""
        return self._chats.edit(key, edits.remove(idx))

    async def adelete_message(self, key: str, idx: int) -> ChatMessage | None:
        """See `delete_message`."""
        return await self._chats.aedit(key, edits.remove(idx))

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Delete the newest message and return it; ``None`` if there is none."""
        return self.delete_message(key, -1)

    async def adelete_last_message(self, key: str) -> ChatMessage | None:
        """See `delete_last_message`."""
        return await self.adelete_message(key, -1)

    def get_keys(self) -> list[str]:
        """Return the ids of all sessions."""
        return list(self.sessions.list_sessions())

    async def aget_keys(self) -> list[str]:
        """See `get_keys`."""
        return [session_id async for session_id in self.sessions.alist_sessions()]


class SessionKitAsyncChatStore(_OnSessions, AsyncDBChatStore):
    """Chats as LlamaIndex's asynchronous chat store, for `Memory.from_defaults(chat_store=…)`.

    A key is a session id. ACTIVE messages are those in the session's window, ARCHIVED ones those in its archive:
    what `archive_oldest_messages` puts there, and what the window evicts if the store was made with ``archive=True``.

    Args:
        sessions: Where the sessions are.

    Raises:
        InvalidSessionIdError, InvalidMessageError, StoreError: From its methods, as `SessionManager` has them.
    """

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex knows the class."""
        return "SessionKitAsyncChatStore"

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
            status: Which messages; ``None`` for the archived and then the active ones.
            limit: How many at most.
            offset: How many of the oldest to leave out.
        """
        messages: list[ChatMessage] = []
        if status is not MessageStatus.ACTIVE:
            messages += await self._chats.aread_archive(key)
        if status is not MessageStatus.ARCHIVED:
            messages += await self._chats.aread(key)
        start = offset or 0
        return messages[start : None if limit is None else start + limit]

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """Return how many messages `get_messages` would return."""
        return len(await self.get_messages(key, status))

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        """Add a message at the end."""
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Add messages at the end, all at once; none is fine."""
        if status is MessageStatus.ACTIVE:
            await self._chats.aappend(key, messages)
        else:
            await self._chats.aedit(key, edits.change_archive(self._chats.encode(messages), clear=False))

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Put messages in the place of all that have the status; the others stay as they are."""
        records = self._chats.encode(messages)
        if status is MessageStatus.ACTIVE:
            await self._chats.aedit(key, edits.replace_all(records))
        else:
            await self._chats.aedit(key, edits.change_archive(records, clear=True))

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete the active message at ``idx`` (from the end if negative) and return it; ``None`` if there is none."""
        return await self._chats.aedit(key, edits.remove(idx))

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Delete all messages that have the status, or all that is kept of the session."""
        if status is None:
            await self._chats.adelete(key)
        else:
            await self.set_messages(key, [], status)

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Delete the ``n`` oldest active messages and return them."""
        return await self._chats.aedit(key, edits.remove_oldest(n, to_archive=False))

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Move the ``n`` oldest active messages into the archive and return them."""
        return await self._chats.aedit(key, edits.remove_oldest(n, to_archive=True))

    async def get_keys(self) -> list[str]:
        """Return the ids of all sessions."""
        return [session_id async for session_id in self.sessions.alist_sessions()]
