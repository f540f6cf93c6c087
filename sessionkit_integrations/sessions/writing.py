"""Writing to sessions: messages in the shape of OpenAI's chat API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sessionkit_integrations.sessions import edits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.sessions.background import Summaries
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.sessions.quotas import Quota
    from sessionkit_integrations.sessions.turns import Turn
    from sessionkit_integrations.stores.base import Store

    Content = str | list[dict[str, Any]]


class WritesSessions:
    """The methods of `SessionManager` that write."""

    store: Store
    opened_store: Store
    _plain: Chats[Message]
    _summaries: Summaries | None
    _embed: Embed | None
    _quota: Quota | None

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
            QuotaExceededError: The session has used what its quota allows; nothing was written.
            StoreError: The store failed.

        Examples:
            >>> for _attempt in range(2):
            ...     message = {"role": "user", "content": "Will it rain?"}
            ...     sessions.send_message("user123", message, idempotency_key="request-7")
            >>> [message["content"] for message in sessions.get_session("user123")]
            ['Hello!', 'Hi Ada!', 'Will it rain?']
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
            messages: Dicts in the shape of OpenAI's chat API; an empty list writes nothing.
            idempotency_key: See `send_message`.

        Raises:
            InvalidMessageError: One of the messages cannot be stored; nothing was written.
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            QuotaExceededError: As for `send_message`, if there is a user message among them.
            StoreError: The store failed.

        Examples:
            >>> question = {"role": "user", "content": "Will it rain?"}
            >>> answer = {"role": "assistant", "content": "Not today."}
            >>> sessions.send_messages("user456", [question, answer])
            >>> sessions.get_session("user456") == [question, answer]
            True
        """
        self._plain.append(session_id, messages, idempotency_key)

    async def asend_messages(
        self, session_id: str, messages: Sequence[Message], *, idempotency_key: str | None = None
    ) -> None:
        """See `send_messages`."""
        await self._plain.aappend(session_id, messages, idempotency_key)

    def prompt(self, session_id: str, content: Content, *, idempotency_key: str | None = None) -> list[Message]:
        """Add a user message, and return the messages for the model, in one round trip.

        Args:
            session_id: The session.
            content: What the user says: a text, or content parts.
            idempotency_key: See `send_message`. A repetition adds nothing and returns the messages as they are now.

        Raises:
            SessionKitError: As `send_message` and `get_session`.

        Examples:
            >>> messages = sessions.prompt("user123", "Hello!")
            >>> reply = client.chat.completions.create(model=model, messages=to_openai(messages))
            >>> sessions.send_message("user123", from_openai(reply))
        """
        return self._plain.prompt(session_id, [_message("user", content)], idempotency_key)

    async def aprompt(self, session_id: str, content: Content, *, idempotency_key: str | None = None) -> list[Message]:
        """See `prompt`."""
        return await self._plain.aprompt(session_id, [_message("user", content)], idempotency_key)

    def check_quota(self, session_id: str) -> None:
        """Check that a user message would not be refused now, before you do something that costs more than a write.

        Nothing is used up. Two callers at the same time may both pass.

        Raises:
            QuotaExceededError: It would be refused.
            SessionKitError: As `describe`.

        Examples:
            >>> sessions = SessionManager(quota=Quota(messages="1/minute"))
            >>> sessions.check_quota("user123")
            >>> sessions.add_user_message("user123", "Hello!")
            >>> try:
            ...     sessions.check_quota("user123")
            ... except QuotaExceededError as error:
            ...     print(f"try again in {error.retry_after:.0f} seconds")
            try again in 60 seconds
        """
        if self._quota is not None:
            self._quota.check(self._plain.describe(session_id))

    async def acheck_quota(self, session_id: str) -> None:
        """See `check_quota`."""
        if self._quota is not None:
            self._quota.check(await self._plain.adescribe(session_id))

    def add_user_message(self, session_id: str, content: Content) -> None:
        """Add a user message, which opens a turn; see `send_message`.

        Examples:
            >>> sessions.add_user_message("user123", "Will it rain?")
            >>> sessions.get_session("user123")[-1]
            {'role': 'user', 'content': 'Will it rain?'}
        """
        self._plain.append(session_id, [_message("user", content)])

    async def aadd_user_message(self, session_id: str, content: Content) -> None:
        """See `add_user_message`."""
        await self._plain.aappend(session_id, [_message("user", content)])

    def add_assistant_message(self, session_id: str, content: Content) -> None:
        """Add an assistant message to the current turn; see `send_message`.

        Examples:
            >>> messages = sessions.prompt("user123", "Will it rain?")
            >>> sessions.add_assistant_message("user123", "Not today.")
            >>> sessions.get_session("user123")[-1]
            {'role': 'assistant', 'content': 'Not today.'}
        """
        self._plain.append(session_id, [_message("assistant", content)])

    async def aadd_assistant_message(self, session_id: str, content: Content) -> None:
        """See `add_assistant_message`."""
        await self._plain.aappend(session_id, [_message("assistant", content)])

    def add_system_message(self, session_id: str, content: Content) -> None:
        """Add a system message; see `send_message`.

        Before the first turn it becomes part of the preamble; later, of the current turn, with which it is evicted.

        Examples:
            >>> sessions.add_system_message("user456", "Be brief.")
            >>> sessions.add_user_message("user456", "Hello!")
            >>> [message["role"] for message in sessions.get_session("user456")]
            ['system', 'user']
        """
        self._plain.append(session_id, [_message("system", content)])

    async def aadd_system_message(self, session_id: str, content: Content) -> None:
        """See `add_system_message`."""
        await self._plain.aappend(session_id, [_message("system", content)])

    def set_system_message(self, session_id: str, content: Content) -> None:
        """Replace the first system message of a session's preamble, or begin the preamble with one.

        Other system messages of the preamble stay. If the message is there already, nothing is written.

        Raises:
            ConflictError: Other writers were faster, time after time; nothing was written.
            SessionKitError: As `send_message`.

        Examples:
            >>> sessions.set_system_message("user123", "Be brief.")
            >>> sessions.set_system_message("user123", "Be brief and kind.")
            >>> [message["content"] for message in sessions.get_session("user123")]
            ['Be brief and kind.', 'Hello!', 'Hi Ada!']
        """
        self._plain.edit(session_id, self._system_message(content))

    async def aset_system_message(self, session_id: str, content: Content) -> None:
        """See `set_system_message`."""
        await self._plain.aedit(session_id, self._system_message(content))

    def reset_session(self, session_id: str) -> None:
        """Delete all that is kept of a session, with its archive, whether it can be read or not.

        Raises:
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed.

        Examples:
            >>> sessions.reset_session("user123")
            >>> sessions.get_session("user123")
            []
        """
        self._plain.delete(session_id)

    async def areset_session(self, session_id: str) -> None:
        """See `reset_session`."""
        await self._plain.adelete(session_id)

    def turn(self, session_id: str, *, wait: float = 0.0, ttl: float = 60.0) -> Turn:
        """Return a block in which one caller at a time has a session, across threads, tasks and processes.

        Writes inside the block are refused once it has lasted longer than ``ttl``, in whatever way they are made: by
        this manager, or by an adapter on it, in the block's own task or thread or in those that copy its context. A
        block inside one of the same session is part of it. Nothing keeps others from writing without a block.

        Args:
            session_id: The session, which need not exist.
            wait: Seconds to wait while another caller has it.
            ttl: Seconds after which others may have it, should this caller die. `Turn.renew` begins them again.

        Returns:
            A context manager for ``with`` and for ``async with``.

        Raises:
            SessionBusyError: Another caller has it, as the block begins, or it is over, as something is written.
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed.
            TypeError, ValueError: ``wait`` is not a number of at least 0, or ``ttl`` is not above 0; both are at most
                1,000,000,000.

        Examples:
            >>> with sessions.turn("user123", wait=5):
            ...     messages = sessions.prompt("user123", "What is in my cart?")
            ...     sessions.add_assistant_message("user123", "Two books.")
        """
        # Imported where a turn is held.
        from sessionkit_integrations.sessions.turns import Turn  # noqa: PLC0415

        return Turn(self.store, session_id, wait, ttl)

    def _system_message(self, content: Content) -> edits.EditFunction[Message, None]:
        message = _message("system", content)
        return edits.set_system_message(message, self._plain.encode([message])[0])


def _message(role: Literal["user", "assistant", "system"], content: Content) -> Message:
    return {"role": role, "content": content}
