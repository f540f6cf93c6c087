"""Sessions as LlamaIndex's chat store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.sessions import edits
from sessionkit_integrations.sessions.descriptions import describe, restore
from sessionkit_integrations.sessions.manager import SessionManager  # noqa: TC001 - pydantic needs it
from sessionkit_integrations.sessions.undoing import undo

try:
    from llama_index.core.base.llms.types import ChatMessage  # noqa: TC002 - pydantic needs it
    from llama_index.core.bridge.pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer
    from llama_index.core.storage.chat_store.base import BaseChatStore
    from llama_index.core.storage.chat_store.loading import RECOGNIZED_CHAT_STORES
except ImportError as error:
    raise MissingDependencyError("SessionKitChatStore", "llama-index") from error

if TYPE_CHECKING:
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.sessions.chats import Chats


def _restored(value: object) -> object:
    return restore(value) if isinstance(value, dict) else value


class OnSessions(BaseModel):
    """Base of both chat stores: the sessions they are on."""

    model_config = ConfigDict(arbitrary_types_allowed=True, validate_assignment=True)

    sessions: Annotated[SessionManager, BeforeValidator(_restored), PlainSerializer(describe)]

    @property
    def _chats(self) -> Chats[ChatMessage]:
        return self.sessions.using(LlamaIndexCodec())

    def _replace_all(self, records: list[Record]) -> edits.EditFunction[ChatMessage, None]:
        return edits.replace_all(records)


class SessionKitChatStore(OnSessions, BaseChatStore):
    """Sessions as a LlamaIndex chat store, for `ChatMemoryBuffer` and chat engines.

    A key is a session id. Messages are those in the session's window, and indexes count within it.

    Args:
        sessions: The sessions.

    Raises:
        InvalidSessionIdError, InvalidMessageError, StoreError: From its methods, as from `SessionManager`'s.

    Examples:
        >>> store = SessionKitChatStore(sessions=SessionManager(memory_window=10))
        >>> memory = ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="user123")
    """

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex knows the class."""
        return "SessionKitChatStore"

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replace the messages of a session. What its archive holds stays, and is not archived once more."""
        self._chats.edit(key, self._replace_all(self._chats.encode(messages)))

    async def aset_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """See `set_messages`."""
        await self._chats.aedit(key, self._replace_all(await self._chats.aencode(messages)))

    def get_messages(self, key: str) -> list[ChatMessage]:
        """Return the messages in a session's window, oldest first."""
        return self._chats.read(key)

    async def aget_messages(self, key: str) -> list[ChatMessage]:
        """See `get_messages`."""
        return await self._chats.aread(key)

    def add_message(self, key: str, message: ChatMessage, idx: int | None = None) -> None:
        """Add a message at the end of a session, or insert it before the one at ``idx``, as `list.insert` does."""
        if idx is None:
            self._chats.append(key, [message])
        else:
            self._chats.edit(key, edits.insert(idx, self._chats.encode([message])))

    async def async_add_message(self, key: str, message: ChatMessage, idx: int | None = None) -> None:
        """See `add_message`."""
        if idx is None:
            await self._chats.aappend(key, [message])
        else:
            await self._chats.aedit(key, edits.insert(idx, await self._chats.aencode([message])))

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Delete a session with its archive. Return the messages of its window, or ``None`` if there were none."""
        return self._chats.edit(key, edits.clear_all) or None

    async def adelete_messages(self, key: str) -> list[ChatMessage] | None:
        """See `delete_messages`."""
        return await self._chats.aedit(key, edits.clear_all) or None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete the message at ``idx`` (from the end if negative). Return it, or ``None`` if there is none."""
        return self._chats.edit(key, edits.remove(idx))

    async def adelete_message(self, key: str, idx: int) -> ChatMessage | None:
        """See `delete_message`."""
        return await self._chats.aedit(key, edits.remove(idx))

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Delete the newest message. Return it, or ``None`` if there is none."""
        return self.delete_message(key, -1)

    async def adelete_last_message(self, key: str) -> ChatMessage | None:
        """See `delete_last_message`."""
        return await self.adelete_message(key, -1)

    def undo(self, key: str, turns: int = 1) -> list[ChatMessage]:
        """Take the last turns off a session, and return their messages, oldest first; see `SessionManager.undo`."""
        return self._chats.edit(key, undo(turns))

    async def aundo(self, key: str, turns: int = 1) -> list[ChatMessage]:
        """See `undo`."""
        return await self._chats.aedit(key, undo(turns))

    def get_keys(self) -> list[str]:
        """Return the ids of all sessions."""
        return list(self.sessions.list_sessions())

    async def aget_keys(self) -> list[str]:
        """See `get_keys`."""
        return [session_id async for session_id in self.sessions.alist_sessions()]


RECOGNIZED_CHAT_STORES[SessionKitChatStore.class_name()] = SessionKitChatStore  # type: ignore[assignment]  # of any kind
