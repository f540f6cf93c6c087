"""Branches of a conversation: a copy that goes on by itself, and its end taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.sessions.forking import fork
from sessionkit_integrations.sessions.steps import arun_on, run_on
from sessionkit_integrations.sessions.undoing import regenerate, undo

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.sessions.background import Summaries
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.stores.base import Store


class BranchesSessions:
    """The methods of `SessionManager` that copy a conversation, and those that take back a part of it."""

    store: Store
    opened_store: Store
    _plain: Chats[Message]
    _summaries: Summaries | None

    def fork(self, session_id: str, new_session_id: str, *, turns: int | None = None) -> None:
        """Copy a session to a new one, up to the end of one of its turns.

        The preamble, the archive and the summary come along. The window of the new session is filled with turns before
        that end, as it was then. Turns are counted over the archive and the window. What is written to one of the two
        sessions later is not in the other.

        Args:
            session_id: The session to copy.
            new_session_id: The session to begin, which must not exist.
            turns: The number of the last turn to copy, from 1, or from the end if negative: -1 is the last turn. 0
                copies the preamble alone. ``None`` copies everything as it is.

        Raises:
            ConflictError: The new session exists, or other writers were faster, time after time; nothing was written.
            InvalidSessionIdError: There is no such session to copy, or an id is not a non-empty string of at most 512
                bytes.
            TypeError, ValueError: ``turns`` is not an integer, or the session has no such turn.
            StoreError: The store failed; readers see all of the new session or nothing.

        Examples:
            >>> sessions.fork("user123", "user123:other", turns=1)
            >>> [message["content"] for message in sessions.prompt("user123:other", "Another second question")]
            ['Hello!', 'Hi Ada!', 'Another second question']
        """
        steps = fork(self._plain, session_id, new_session_id, turns)
        if run_on(self.opened_store, steps) and self._summaries is not None:
            self._summaries.after_edit(new_session_id)

    async def afork(self, session_id: str, new_session_id: str, *, turns: int | None = None) -> None:
        """See `fork`."""
        steps = fork(self._plain, session_id, new_session_id, turns)
        if await arun_on(self.opened_store, steps) and self._summaries is not None:
            await self._summaries.aafter_edit(new_session_id)

    def undo(self, session_id: str, turns: int = 1) -> list[Message]:
        """Take the last turns off a session, and return their messages, oldest first.

        `send_messages` puts them back. The preamble and the archive stay as they are: turns that left the window do not
        come back into it.

        Args:
            session_id: The session.
            turns: The number of turns; all that are in the window if there are fewer.

        Returns:
            The messages that were stored, in the order in which the model saw them; none if the window has no turn.

        Raises:
            TypeError, ValueError: ``turns`` is not an integer of at least 1.
            ConflictError: Other writers were faster, time after time; nothing was taken off.
            SessionKitError: As `get_session`.

        Examples:
            >>> sessions.undo("user123")
            [{'role': 'user', 'content': 'Hello!'}, {'role': 'assistant', 'content': 'Hi Ada!'}]
        """
        return self._plain.edit(session_id, undo(turns))

    async def aundo(self, session_id: str, turns: int = 1) -> list[Message]:
        """See `undo`."""
        return await self._plain.aedit(session_id, undo(turns))

    def regenerate(self, session_id: str) -> list[Message]:
        """Take off what follows the last user message of a session, and return the messages for the model.

        They are those that `prompt` returned, so that you can ask the model again. Where the window has no user
        message, nothing is taken off.

        Raises:
            ConflictError: Other writers were faster, time after time; nothing was taken off.
            SessionKitError: As `get_session`.

        Examples:
            >>> messages = sessions.regenerate("user123")
            >>> reply = client.chat.completions.create(model=model, messages=to_openai(messages))
            >>> sessions.send_message("user123", from_openai(reply))
        """
        return self._plain.edit(session_id, regenerate)

    async def aregenerate(self, session_id: str) -> list[Message]:
        """See `regenerate`."""
        return await self._plain.aedit(session_id, regenerate)
