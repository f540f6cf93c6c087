"""Seals of sessions: the methods of a manager that change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.sessions.steps import arun_on, run_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.records.sealing import Seal
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.resealing import Resealed
    from sessionkit_integrations.stores.base import Store


class ResealsSessions:
    """The methods of `SessionManager` that seal again what is stored."""

    store: Store
    _seal: Seal | None
    _max_message_bytes: int

    def reseal(
        self,
        session_id: str | None = None,
        *,
        read_with: Seal | None = None,
        after: str = "",
        progress: Callable[[Resealed], object] | None = None,
    ) -> Resealed:
        """Seal what is stored as this manager seals what it writes: with its newest key, compressed or not.

        A manager without ``seal`` makes plain records of sealed ones, which ``read_with`` opens. Others may write
        meanwhile. It may be stopped at any time and called again: records that are as they should be are only read.
        Nothing else of a session changes, not even the time at which it ends.

        Args:
            session_id: The session; all sessions, in the order of their ids, if ``None``.
            read_with: A seal that opens more records than the manager's own does.
            after: Of all sessions, those whose ids come after this one: the ``last`` of a call that was stopped.
            progress: Called after each session with what was done so far.

        Returns:
            The outcome. Records that nothing opens stay as they are, and are counted.

        Raises:
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            ConflictError: A session was written to time after time. What was sealed again stays so.
            StoreError: The store failed. What was sealed again stays so.

        Examples:
            >>> old_key, new_key = b"o" * 32, b"n" * 32  # yours are random
            >>> store = InMemoryStore()
            >>> SessionManager(store=store, seal=Encrypt(old_key)).add_user_message("user123", "Hello!")
            >>> SessionManager(store=store, seal=Encrypt(new_key, old_key)).reseal()
            Resealed(sessions=1, records=1, unopened=0, last='user123')
        """
        return run_on(self.store, self._reseal(session_id, read_with, after, progress))

    async def areseal(
        self,
        session_id: str | None = None,
        *,
        read_with: Seal | None = None,
        after: str = "",
        progress: Callable[[Resealed], object] | None = None,
    ) -> Resealed:
        """See `reseal`."""
        return await arun_on(self.store, self._reseal(session_id, read_with, after, progress))

    def _reseal(
        self,
        session_id: str | None,
        read_with: Seal | None,
        after: str,
        progress: Callable[[Resealed], object] | None,
    ) -> Steps[Resealed]:
        # Imported where records are sealed.
        from sessionkit_integrations.records.resealing import Resealer  # noqa: PLC0415
        from sessionkit_integrations.sessions.resealing import reseal  # noqa: PLC0415

        resealer = Resealer(self._seal, read_with, self.store.key_prefix, self._max_message_bytes)
        return reseal(resealer, session_id, after, progress)
