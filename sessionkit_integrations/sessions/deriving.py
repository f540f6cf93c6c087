"""Summaries and vectors, which are made of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import SummaryError
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.sessions.steps import arun_on, run_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.background import Summaries
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.stores.base import Store


class DerivesFromSessions:
    """The methods of `SessionManager` that make summaries and vectors."""

    opened_store: Store
    _plain: Chats[Message]
    _summaries: Summaries | None
    _embed: Embed | None

    def summarize(self, session_id: str) -> SessionSummary | None:
        """Summarise all turns that left a session's window and wait for it, and return the summary.

        Returns:
            The newest summary; ``None`` if nothing has left the window.

        Raises:
            SummaryError: The manager was made without ``summary``, or the summarizer raised or returned no text that
                can be stored; the turns still wait.
            SessionKitError: As `get_session`.

        Examples:
            >>> def summarize(previous: str | None, messages: list[Message]) -> str:
            ...     return f"{previous or ''}{len(messages)} messages."  # yours asks a model
            >>> sessions = SessionManager(memory_window=1, summary=Summary(summarize, every=None))
            >>> for content in ("Hello!", "Will it rain?", "And tomorrow?"):
            ...     sessions.add_user_message("user123", content)
            >>> sessions.summarize("user123").text
            '2 messages.'
        """
        check_session_id(session_id)
        return self._made_with_summary().summarize(session_id)

    async def asummarize(self, session_id: str) -> SessionSummary | None:
        """See `summarize`."""
        check_session_id(session_id)
        return await self._made_with_summary().asummarize(session_id)

    def _made_with_summary(self) -> Summaries:
        if self._summaries is None:
            raise SummaryError("there is no summarizer: make the SessionManager with summary=Summary(…)")
        return self._summaries

    def embed_sessions(self, progress: Callable[[int], object] | None = None) -> int:
        """Embed all texts that have no vector, in all sessions, for a store that keeps vectors.

        Such a store is an `SQLiteStore`, or a `RedisStore` with ``search=True``. Searches embed what was written since
        the last one. Call this for sessions that are older than their vectors, and if the model has changed: the
        vectors of the one before are dropped. If it is interrupted, the next call
        goes on from there.

        Args:
            progress: Called after each session with the number of those that were looked at.

        Returns:
            The number of sessions that were looked at. A session that cannot be read is left out, with a warning.

        Raises:
            ValueError: The manager was made without ``embed``, or its store keeps no vectors.
            EmbeddingError: The model raised, or returned what are no vectors. What was embedded before is kept.
            StoreError: The store failed.

        Examples:
            >>> def embed(texts: list[str]) -> list[list[float]]:
            ...     return [[text.count("tea"), 1.0] for text in texts]  # yours asks a model
            >>> with SessionManager(store=SQLiteStore("chats.db"), embed=Embed(embed, name="teas")) as sessions:
            ...     sessions.add_user_message("user123", "I like tea.")
            ...     sessions.embed_sessions()
            1
        """
        return run_on(self.opened_store, self._embed_sessions(progress))

    async def aembed_sessions(self, progress: Callable[[int], object] | None = None) -> int:
        """See `embed_sessions`."""
        return await arun_on(self.opened_store, self._embed_sessions(progress))

    def _embed_sessions(self, progress: Callable[[int], object] | None) -> Steps[int]:
        if self._embed is None:
            raise ValueError("embed_sessions needs a model: SessionManager(embed=…)")
        # Imported where meaning counts.
        from sessionkit_integrations.sessions.nearness import embed_sessions  # noqa: PLC0415

        return embed_sessions(self._plain, self._embed, progress or (lambda _count: None))
