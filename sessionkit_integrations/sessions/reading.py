"""Reading sessions: as messages for a chat API, as figures, and to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.view.reader import ViewReader
from sessionkit_integrations.view.session import SessionView
from sessionkit_integrations.window.turns import PLACES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.values import SessionInfo
    from sessionkit_integrations.view.model import MessageView
    from sessionkit_integrations.window.turns import Place


class ReadsSessions:
    """The methods of `SessionManager` that read."""

    store: Store
    _plain: Chats[Message]

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

    def get_archive(self, session_id: str, *, limit: int | None = None, before: int | None = None) -> list[Message]:
        """Return messages that left a session's window, oldest first; stores made with ``archive=True`` keep them.

        A page costs what it holds, however long the archive is. Messages that are archived between two calls move the
        pages, so that the second may begin with messages of the first.

        Args:
            session_id: The session.
            limit: Most messages to return, the newest ones; all if ``None``.
            before: Number of the newest messages to leave out: those that earlier pages returned.

        Raises:
            TypeError, ValueError: ``limit`` or ``before`` is not an integer of at least 0.
            As `get_session`.

        Example:
            >>> newest = sessions.get_archive("user123", limit=50)
            >>> older = sessions.get_archive("user123", limit=50, before=50)
        """
        return self._plain.read_archive(session_id, newest(limit, before))

    async def aget_archive(
        self, session_id: str, *, limit: int | None = None, before: int | None = None
    ) -> list[Message]:
        """See `get_archive`."""
        return await self._plain.aread_archive(session_id, newest(limit, before))

    def describe(self, session_id: str) -> SessionInfo | None:
        """Return figures of a session, such as its turns, messages and times; ``None`` if there is no such session.

        Raises:
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed.
        """
        return self._plain.describe(session_id)

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `describe`."""
        return await self._plain.adescribe(session_id)

    def get_summary(self, session_id: str) -> SessionSummary | None:
        """Return the summary of the turns that left a session's window, or ``None`` if there is none.

        Raises:
            As `get_session`.
        """
        return self._plain.summary(session_id)

    async def aget_summary(self, session_id: str) -> SessionSummary | None:
        """See `get_summary`."""
        return await self._plain.asummary(session_id)

    def view(self, session_id: str, *, archived: int | None = None) -> SessionView:
        """Return a session to look at: what the model sees of it, what is archived, and when each message was written.

        Notebooks and rich show it as a chat.

        Args:
            session_id: The session.
            archived: Most archived messages to read, the newest ones; all if ``None``.

        Raises:
            ConflictError: The session was written to each time that its archive was read.
            As `get_session`.
        """
        return self._view(self._plain.snapshot(session_id, archived=newest(archived)))

    async def aview(self, session_id: str, *, archived: int | None = None) -> SessionView:
        """See `view`."""
        return self._view(await self._plain.asnapshot(session_id, archived=newest(archived)))

    def list_sessions(self) -> Iterator[str]:
        """Iterate over the ids of all sessions, each once, in no particular order.

        Raises:
            StoreError: The store failed.
        """
        return self.store.sessions()

    def alist_sessions(self) -> AsyncIterator[str]:
        """See `list_sessions`."""
        return self.store.asessions()

    @staticmethod
    def _view(snapshot: SessionSnapshot[Message]) -> SessionView:
        shown = snapshot.read_with(ViewReader())
        messages: dict[Place, list[MessageView]] = {place: shown.messages(place) for place in PLACES}
        return SessionView.of(
            snapshot.session_id, snapshot.window.trigger_turns, messages, earlier=snapshot.archive_start
        )
