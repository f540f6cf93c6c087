"""The sessions of a store, as plain messages for any chat API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.records.record import decode, role_of
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES, checked_max_bytes
from sessionkit_integrations.runtime.context import Closeable
from sessionkit_integrations.runtime.redaction import hidden
from sessionkit_integrations.sessions.chats import Chats, EditPlan
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.memory import InMemoryStore
from sessionkit_integrations.stores.urls import store_from_url
from sessionkit_integrations.view.session import SessionView
from sessionkit_integrations.window.turns import Window, number_turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from typing_extensions import Self

    from sessionkit_integrations.records.codec import Codec
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.record import Record

    Content = str | list[dict[str, Any]]


class SessionManager(Closeable):
    """Chat sessions that remember their last turns.

    A turn is a user message and all that follows it up to the next user message. A leading run of system
    messages, the preamble, is always kept and not counted.

    Every method that does I/O has an ``a`` twin for asyncio. One manager serves any number of sessions, threads
    and tasks.

    Args:
        memory_window: How many turns of each session to keep.
        store: Where to keep them; in the memory of this process if ``None``.
        max_message_bytes: How large a message may be, in bytes of JSON. A larger one is refused.
        max_turn_messages: How many messages a turn, or the preamble, may grow to. More are refused, as when an agent
            loops. What the window says (1,000 by default) if ``None``.

    Raises:
        TypeError, ValueError: ``memory_window`` is not a number of turns of at least 1, ``store`` no store, or a
            limit not an integer of at least 1.

    Example:
        >>> sessions = SessionManager(memory_window=10)
        >>> sessions.add_user_message("user123", "Hello!")
        >>> sessions.get_session("user123")
        [{'role': 'user', 'content': 'Hello!'}]
    """

    def __init__(
        self,
        memory_window: int | Window = 10,
        store: Store | None = None,
        *,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_turn_messages: int | None = None,
    ) -> None:
        if store is not None and not isinstance(store, Store):
            given = store.__name__ if isinstance(store, type) else type(store).__name__
            raise TypeError(f"store is an instance of a Store, not {given}; from_url takes the URL of one")
        self.store: Store = InMemoryStore() if store is None else store
        self._max_message_bytes = checked_max_bytes(max_message_bytes)
        self._window = Window.of(memory_window)
        if max_turn_messages is not None:
            self._window = replace(self._window, max_turn_messages=max_turn_messages)
        self._plain = self.using(PlainCodec())

    @classmethod
    def from_url(cls, url: str, memory_window: int | Window = 10, **limits: Any) -> Self:
        """Return a manager with the store that a URL names.

        Args:
            url: ``memory://``, ``sqlite:///path``, ``redis://``, ``rediss://``, ``unix://``, ``redis+cluster://``,
                ``rediss+cluster://`` or ``upstash://host`` (its token is taken from the environment), with the
                store's own options as its query: ``?ttl=3600&archive=true&key_prefix=app:``.
            memory_window: How many turns of each session to keep.
            limits: ``max_message_bytes`` and ``max_turn_messages``, as the constructor takes them.

        Raises:
            ValueError: The URL names no store, or a wrong option.
            MissingDependencyError: The store's driver is not installed.
        """
        url = hidden(url)
        return cls(memory_window, store_from_url(url), **limits)

    def __repr__(self) -> str:
        # Also of one whose constructor raised: error trackers show it.
        window, store = vars(self).get("_window"), vars(self).get("store")
        return f"SessionManager(memory_window={window and window.turns}, store={store!r})"

    @property
    def memory_window(self) -> int:
        """How many turns of each session are kept; assign a number or a `Window` to change it.

        A smaller window holds from the next read on. What leaves it is evicted by the next write. A number leaves
        ``max_turn_messages`` as it is.
        """
        return self._window.turns

    @memory_window.setter
    def memory_window(self, value: int | Window) -> None:
        self._window = value if isinstance(value, Window) else replace(self._window, turns=value)

    def __deepcopy__(self, _memo: object) -> Self:
        # Frameworks copy what their objects hold; a copy of a chat store is on the same sessions.
        return self

    def using(self, codec: Codec[Any]) -> Chats[Any]:
        """Return this manager's sessions as messages of another framework: what adapters are built on.

        Args:
            codec: How the framework's messages are written and read.
        """
        return Chats(self.store, lambda: self._window, codec, self._max_message_bytes)

    def send_message(self, session_id: str, message: Message, *, idempotency_key: str | None = None) -> None:
        """Add a message to a session.

        Args:
            session_id: The session: a user's id, a conversation's id. It begins with its first message.
            message: A dict in the shape of OpenAI's chat API.
            idempotency_key: Makes a repetition by the caller safe: of the calls for one session with the same key,
                only the first writes, as long as it is among the session's last 32 writes.

        Raises:
            InvalidMessageError: The message cannot be stored; nothing was written.
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed.
        """
        self.send_messages(session_id, [message], idempotency_key=idempotency_key)

    async def asend_message(self, session_id: str, message: Message, *, idempotency_key: str | None = None) -> None:
        """See `send_message`."""
        await self.asend_messages(session_id, [message], idempotency_key=idempotency_key)

    def send_messages(
        self, session_id: str, messages: Sequence[Message], *, idempotency_key: str | None = None
    ) -> None:
        """Add messages to a session in one round trip: either all of them, next to each other, or none.

        Args:
            session_id: The session.
            messages: Dicts in the shape of OpenAI's chat API; none is fine.
            idempotency_key: See `send_message`.

        Raises:
            InvalidMessageError: One of the messages cannot be stored; nothing was written.
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed.
        """
        self._plain.append(session_id, messages, idempotency_key)

    async def asend_messages(
        self, session_id: str, messages: Sequence[Message], *, idempotency_key: str | None = None
    ) -> None:
        """See `send_messages`."""
        await self._plain.aappend(session_id, messages, idempotency_key)

    def get_session(self, session_id: str) -> list[Message]:
        """Return the messages in a session's window, oldest first: the preamble and the last turns.

        They are the caller's own: changing them changes no store. A session nobody wrote to is empty.

        Raises:
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            CorruptSessionError: A stored record cannot be read.
            StoreError: The store failed.
        """
        return self._plain.read(session_id)

    async def aget_session(self, session_id: str) -> list[Message]:
        """See `get_session`."""
        return await self._plain.aread(session_id)

    def get_archive(self, session_id: str) -> list[Message]:
        """Return the archive of a session, oldest first; stores made with ``archive=True`` keep one."""
        return self._plain.read_archive(session_id)

    async def aget_archive(self, session_id: str) -> list[Message]:
        """See `get_archive`."""
        return await self._plain.aread_archive(session_id)

    def view(self, session_id: str) -> SessionView:
        """Return a session to look at: what the model sees of it, what is archived, and when each message was written.

        Notebooks and rich show it as a chat. The archive is read after the active messages, so that one evicted
        in between is in both.

        Raises:
            As `get_session`.
        """
        check_session_id(session_id)
        active, archived = self.store.read(session_id), self.store.read(session_id, archived=True)
        return SessionView.of(session_id, active.records, archived.records, self._window)

    async def aview(self, session_id: str) -> SessionView:
        """See `view`."""
        check_session_id(session_id)
        active, archived = await self.store.aread(session_id), await self.store.aread(session_id, archived=True)
        return SessionView.of(session_id, active.records, archived.records, self._window)

    def reset_session(self, session_id: str) -> None:
        """Delete all that is kept of a session, its archive too.

        Raises:
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed.
        """
        self._plain.delete(session_id)

    async def areset_session(self, session_id: str) -> None:
        """See `reset_session`."""
        await self._plain.adelete(session_id)

    def add_user_message(self, session_id: str, content: Content) -> None:
        """Add a user message, which opens a turn; see `send_message`."""
        self._plain.append(session_id, [_message("user", content)])

    async def aadd_user_message(self, session_id: str, content: Content) -> None:
        """See `add_user_message`."""
        await self._plain.aappend(session_id, [_message("user", content)])

    def add_assistant_message(self, session_id: str, content: Content) -> None:
        """Add an assistant message to the current turn; see `send_message`."""
        self._plain.append(session_id, [_message("assistant", content)])

    async def aadd_assistant_message(self, session_id: str, content: Content) -> None:
        """See `add_assistant_message`."""
        await self._plain.aappend(session_id, [_message("assistant", content)])

    def add_system_message(self, session_id: str, content: Content) -> None:
        """Add a system message; see `send_message`.

        Before the first turn it becomes part of the preamble; later, of the current turn, with which it is evicted.
        """
        self._plain.append(session_id, [_message("system", content)])

    async def aadd_system_message(self, session_id: str, content: Content) -> None:
        """See `add_system_message`."""
        await self._plain.aappend(session_id, [_message("system", content)])

    def set_system_message(self, session_id: str, content: Content) -> None:
        """Put one system message in the place of the session's preamble, whatever that was.

        Raises:
            ConflictError: Other writers were faster, time after time; nothing was written.
            As `send_message`.
        """
        self._plain.edit(session_id, self._new_preamble(content))

    async def aset_system_message(self, session_id: str, content: Content) -> None:
        """See `set_system_message`."""
        await self._plain.aedit(session_id, self._new_preamble(content))

    def list_sessions(self) -> Iterator[str]:
        """Iterate over the ids of all sessions, each once, in no particular order.

        Raises:
            StoreError: The store failed.
        """
        return self.store.sessions()

    def alist_sessions(self) -> AsyncIterator[str]:
        """See `list_sessions`."""
        return self.store.asessions()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    async def aclose(self) -> None:
        """See `close`."""
        await self.store.aclose()

    def _new_preamble(self, content: Content) -> Any:
        message = _message("system", content)
        preamble = self._plain.encode([message])

        def change(records: list[Record]) -> EditPlan[None]:
            length = number_turns(map(role_of, records)).count(0)
            if length == 1 and PlainCodec().decode(decode(records[0])) == message:
                return EditPlan(None)  # it is there already
            return EditPlan(None, active=[*preamble, *records[length:]])

        return change


def _message(role: Literal["user", "assistant", "system"], content: Content) -> Message:
    return {"role": role, "content": content}
