"""Reading sessions: as messages for a chat API, as figures, and to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.sessions.snapshot import newest
from sessionkit_integrations.sessions.steps import arun_on, run_on
from sessionkit_integrations.sessions.viewing import read_figures, view_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator
    from datetime import datetime

    from sessionkit_integrations.records.messages import Message, Role
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.search.hits import Hits
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.sessions.meaning import Meaning
    from sessionkit_integrations.sessions.statistics import Statistics
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.values import SessionInfo
    from sessionkit_integrations.view.session import SessionView


class ReadsSessions:
    """The methods of `SessionManager` that read."""

    store: Store
    opened_store: Store
    _plain: Chats[Message]
    _embed: Embed | None

    def get_session(self, session_id: str) -> list[Message]:
        """Return the messages in a session's window, oldest first: the preamble and the last turns.

        They are the caller's own: changing them changes no store. A session nobody wrote to is empty.

        Raises:
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            CorruptSessionError: A stored record cannot be read.
            StoreError: The store failed.

        Examples:
            >>> sessions.get_session("user123")
            [{'role': 'user', 'content': 'Hello!'}, {'role': 'assistant', 'content': 'Hi Ada!'}]
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
            SessionKitError: As `get_session`.

        Examples:
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

        Examples:
            >>> info = sessions.describe("user123")
            >>> info.turns, info.messages, info.archived
            (1, 2, 0)
        """
        return self._plain.describe(session_id)

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `describe`."""
        return await self._plain.adescribe(session_id)

    def get_summary(self, session_id: str) -> SessionSummary | None:
        """Return the summary of the turns that left a session's window, or ``None`` if there is none.

        Raises:
            SessionKitError: As `get_session`.

        Examples:
            >>> summarized.summarize("user123").text
            'Ada said hello.'
            >>> summarized.get_summary("user123").turns
            1
        """
        return self._plain.summary(session_id)

    async def aget_summary(self, session_id: str) -> SessionSummary | None:
        """See `get_summary`."""
        return await self._plain.asummary(session_id)

    def search(
        self,
        query: str,
        *,
        session_id: str | None = None,
        roles: Collection[Role] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tool: str | None = None,
        archived: bool = False,
        limit: int = 10,
        timeout: float = 10.0,
    ) -> Hits:
        """Return the turns that match a query best, in the window or out of it.

        They are ranked by BM25. In a manager made with ``embed``, they are also ranked by meaning, and both rankings
        are merged.

        Turns that left the window are found in a store made with ``archive=True``. Nothing in a query is an operator.
        The preamble and a summary are no turns and are never found.

        Args:
            query: The words to find, one or more of them; an empty query lists turns by time, the newest first.
            session_id: The session to search; all of the store's if ``None``, one after the other.
            roles: The roles of the messages to look at; all if ``None``.
            since: Time from which on turns began, with its time zone. Turns whose time is not known are then left out.
            until: Time before which they began.
            tool: Name of a tool that was called in them.
            archived: True to find only turns that left the window.
            limit: Most turns to return.
            timeout: Seconds after which no more is read, and what was found is returned.

        Returns:
            The hits, a sequence that also says whether all was looked at.

        Raises:
            TypeError, ValueError: An argument has a wrong type or value, such as a time without a zone.
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            CorruptSessionError: A record of the session cannot be read. If all are searched, a session with such a
                record is left out, and the hits say that not all was looked at.
            ConflictError: The session was written to each time that it was read. As above if all are searched.
            EmbeddingError: In a manager made with ``embed``, its model raised, or returned what are no vectors.
            StoreError: The store failed.

        Examples:
            >>> for hit in sessions.search("peanuts", session_id="user123"):
            ...     print(hit.at, hit.snippet, hit.messages)
        """
        asked = (query, roles, since, until, tool, archived, limit)
        return run_on(self.opened_store, self._search(session_id, timeout, *asked))

    async def asearch(
        self,
        query: str,
        *,
        session_id: str | None = None,
        roles: Collection[Role] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tool: str | None = None,
        archived: bool = False,
        limit: int = 10,
        timeout: float = 10.0,
    ) -> Hits:
        """See `search`."""
        asked = (query, roles, since, until, tool, archived, limit)
        return await arun_on(self.opened_store, self._search(session_id, timeout, *asked))

    def view(self, session_id: str, *, archived: int | None = None) -> SessionView:
        """Return a session to look at: what the model sees of it, what is archived, and when each message was written.

        Notebooks and rich show it as a chat.

        Args:
            session_id: The session.
            archived: Most archived messages to read, the newest ones; all if ``None``.

        Raises:
            ConflictError: The session was written to each time that its archive was read.
            SessionKitError: As `get_session`.

        Examples:
            >>> view = sessions.view("user123")
            >>> [(message.place, message.role) for message in view.messages]
            [('window', 'user'), ('window', 'assistant')]
        """
        snapshot = self._plain.snapshot(session_id, archived=newest(archived))
        return view_of(snapshot, run_on(self.opened_store, read_figures(session_id)))

    async def aview(self, session_id: str, *, archived: int | None = None) -> SessionView:
        """See `view`."""
        snapshot = await self._plain.asnapshot(session_id, archived=newest(archived))
        return view_of(snapshot, await arun_on(self.opened_store, read_figures(session_id)))

    def list_sessions(self) -> Iterator[str]:
        """Iterate over the ids of all sessions, each once, in no particular order.

        Raises:
            StoreError: The store failed.

        Examples:
            >>> list(sessions.list_sessions())
            ['user123']
        """
        return self.store.sessions()

    def alist_sessions(self) -> AsyncIterator[str]:
        """See `list_sessions`."""
        return self.store.asessions()

    def statistics(
        self, session_id: str | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> Statistics:
        """Return statistics of a session, or of all sessions: turns, tokens, usage, tools, and the times of answers.

        They are of whole turns, in the window and in the archive; the preamble and summaries are no part of one. Each
        session is read, in pages, so that this takes longer the more is stored, and memory hardly grows.

        Args:
            session_id: The session; ``None`` for all sessions of the store's prefix.
            since: Look only at turns that began then or later. A time without a time zone is an error.
            until: Look only at turns that began before.

        Raises:
            CorruptSessionError: A record of the session cannot be read. Where all are looked at, it is left out.
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed.
            TypeError, ValueError: ``since`` or ``until`` is not a time with a zone.

        Examples:
            >>> figures = sessions.statistics()
            >>> print(figures.turns, figures.tokens, figures.tools)
        """
        return run_on(self.opened_store, self.survey(session_id, since, until))

    async def astatistics(
        self, session_id: str | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> Statistics:
        """See `statistics`."""
        return await arun_on(self.opened_store, self.survey(session_id, since, until))

    def survey(
        self,
        session_id: str | None,
        since: datetime | None,
        until: datetime | None,
        seen: Callable[[], None] = lambda: None,
    ) -> Steps[Statistics]:
        """Return the steps of `statistics`; ``seen`` is called after each session, to show progress.

        Examples:
            >>> from sessionkit_integrations.sessions.steps import run_on
            >>> steps = sessions.survey(None, None, None, seen=lambda: print("one more"))
            >>> run_on(sessions.opened_store, steps).turns
            one more
            1
        """
        # Imported where statistics are asked for.
        from sessionkit_integrations.sessions.surveying import survey  # noqa: PLC0415

        return survey(self._plain, session_id, since, until, seen)

    def _search(self, session_id: str | None, timeout: float, *query: Any) -> Steps[Hits]:
        # Imported where sessions are searched.
        from sessionkit_integrations.search.query import Query, checked_timeout  # noqa: PLC0415
        from sessionkit_integrations.sessions.searching import Search  # noqa: PLC0415

        asked = Query(*query)
        return Search(self._plain, asked, checked_timeout(timeout), self._meaning(asked.limit)).run(session_id)

    def _meaning(self, limit: int) -> Meaning | None:
        if self._embed is None:
            return None
        # Imported where meaning counts.
        from sessionkit_integrations.search.held import HeldVectors  # noqa: PLC0415
        from sessionkit_integrations.sessions.meaning import Meaning  # noqa: PLC0415

        held: HeldVectors = vars(self).setdefault("_held", HeldVectors())
        return Meaning(self._embed, limit, held)
