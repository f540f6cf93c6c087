"""Branches of a conversation: its end taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.sessions.undoing import regenerate, undo

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.sessions.chats import Chats


class BranchesSessions:
    """The methods of `SessionManager` that take back a part of a conversation."""

    _plain: Chats[Message]

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
            As `get_session`.

        Example:
            >>> sessions.undo("user123")
            [{'role': 'user', 'content': 'Hello!'}, {'role': 'assistant', 'content': 'Hi.'}]
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
            As `get_session`.

        Example:
            >>> messages = sessions.regenerate("user123")
            >>> reply = client.chat.completions.create(model=model, messages=to_openai(messages))
            >>> sessions.send_message("user123", from_openai(reply))
        """
        return self._plain.edit(session_id, regenerate)

    async def aregenerate(self, session_id: str) -> list[Message]:
        """See `regenerate`."""
        return await self._plain.aedit(session_id, regenerate)
