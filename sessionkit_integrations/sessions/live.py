"""Live sessions: the methods of a manager that watch them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from sessionkit_integrations.records.codec import PLAIN

if TYPE_CHECKING:
    from sessionkit_integrations.records.codec import Reader
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.following import Found
    from sessionkit_integrations.sessions.watching import AsyncWatch, Watch
    from sessionkit_integrations.stores.base import Store


@dataclass(frozen=True)
class Change:
    """A change of a session.

    Attributes:
        session_id: The session.
        kind: What happened to it: messages were ``"added"`` at its end; it was ``"replaced"``, as by an edit or a
            summary, or added messages are gone already; or it was ``"deleted"``.
        messages: The messages that were added, oldest first, or those that are in the window of a session that was
            replaced.

    Examples:
        >>> with sessions.watch("user123", timeout=0.1) as changes:
        ...     sessions.add_user_message("user123", "Hello again!")
        ...     for change in changes:
        ...         print(change.kind, len(change.messages))
        added 1
    """

    session_id: str
    kind: Literal["added", "replaced", "deleted"]
    messages: list[Message]


class WatchesSessions:
    """The methods of `SessionManager` that watch."""

    opened_store: Store
    _plain: Chats[Message]

    def watch(self, session_id: str | None = None, *, timeout: float | None = None) -> Watch[Change]:
        """Return an iterator over the changes of a session, or of all sessions, from now on.

        Each message is in exactly one change, and a session's changes come in order. Messages of several writes may
        come together, as after you were busy, or the store could not be reached. Leaving the loop ends the watch, and
        so does ``close``, also of another thread.

        Args:
            session_id: The session; all sessions of the store if ``None``.
            timeout: Seconds without a change after which it ends; it goes on for ever if ``None``.

        Raises:
            TypeError, ValueError: ``timeout`` is not a number of seconds of at least 0.
            InvalidSessionIdError: The id is not a non-empty string of at most 512 bytes.
            StoreError: The store failed. While it cannot be reached, a watch that has begun waits for it.
            CorruptSessionError, SealError: A message of a change cannot be read. The next change can be asked for.

        Examples:
            >>> with sessions.watch("user123", timeout=0.1) as changes:
            ...     sessions.add_assistant_message("user123", "Are you there?")
            ...     for change in changes:
            ...         print(change.kind, change.messages)
            added [{'role': 'assistant', 'content': 'Are you there?'}]
        """
        # Imported where somebody watches.
        from sessionkit_integrations.sessions.watching import Watch, Watcher  # noqa: PLC0415

        return Watch(Watcher(self.opened_store, self._plain, session_id, timeout), partial(_change, self._plain))

    def awatch(self, session_id: str | None = None, *, timeout: float | None = None) -> AsyncWatch[Change]:
        """See `watch`; it begins with ``async with``, or else when the first change is awaited.

        Examples:
            >>> async with sessions.awatch("user123") as changes:
            ...     async for change in changes:
            ...         print(change.kind, change.messages)
        """
        from sessionkit_integrations.sessions.watching import AsyncWatch, Watcher  # noqa: PLC0415 - as above

        return AsyncWatch(Watcher(self.opened_store, self._plain, session_id, timeout), partial(_change, self._plain))


def messages_of(chats: Chats[Any], session_id: str, found: Found, reader: Reader[Any]) -> list[Any]:
    """Return the messages that a reader finds in a change.

    Raises:
        CorruptSessionError: One of them cannot be read.
    """
    return [
        message
        for each in found.records
        for message in chats.decode(session_id, [each.record], reader, first=each.position, archived=each.archived)
    ]


def _change(chats: Chats[Message], session_id: str, found: Found) -> Change:
    return Change(session_id, found.kind, messages_of(chats, session_id, found, PLAIN))
