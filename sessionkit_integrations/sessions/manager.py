"""The sessions of a store, as plain messages for any chat API."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES, checked_max_bytes
from sessionkit_integrations.runtime.context import Closeable
from sessionkit_integrations.runtime.redaction import hidden
from sessionkit_integrations.sessions.arguments import (
    check_store,
    checked_counter,
    checked_embed,
    checked_quota,
    type_name,
)
from sessionkit_integrations.sessions.branches import BranchesSessions
from sessionkit_integrations.sessions.chats import Chats
from sessionkit_integrations.sessions.deriving import DerivesFromSessions
from sessionkit_integrations.sessions.encoding import Encoding
from sessionkit_integrations.sessions.live import WatchesSessions
from sessionkit_integrations.sessions.reading import ReadsSessions
from sessionkit_integrations.sessions.seals import ResealsSessions
from sessionkit_integrations.sessions.writing import WritesSessions
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.copies import IDENTITY, find, identity_of
from sessionkit_integrations.stores.memory import InMemoryStore
from sessionkit_integrations.stores.urls import store_from_url
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from sessionkit_integrations.records.codec import Codec
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.records.sealing import Seal
    from sessionkit_integrations.sessions.background import Summaries
    from sessionkit_integrations.sessions.embedding import Embed, Model
    from sessionkit_integrations.sessions.quotas import Quota
    from sessionkit_integrations.sessions.summaries import Summary
    from sessionkit_integrations.tokens import CountTokens

_MADE_AGAIN = frozenset({"_held", "opened_store", "_plain", "_summaries", "_tokens_of", IDENTITY})
"""Attributes that are no part of a pickled manager."""


class SessionManager(
    WritesSessions, ReadsSessions, BranchesSessions, WatchesSessions, DerivesFromSessions, ResealsSessions, Closeable
):
    """Chat sessions that remember their last turns.

    A turn is a user message and all that follows it up to the next user message. A leading run of system
    messages, the preamble, is always kept and not counted.

    Every method that does I/O has an ``a`` twin for asyncio. One manager serves any number of sessions, threads
    and tasks.

    Args:
        memory_window: Number of turns of each session to keep, or a `Window`.
        store: The store to keep them in; the memory of this process if ``None``.
        max_message_bytes: Largest message, in bytes of JSON. A larger one is refused.
        max_turn_messages: Most messages of a turn, or of the preamble. More are refused, as when an agent loops.
            ``None`` leaves what the window says (1,000 by default).
        count_tokens: Returns the tokens of a message; called once for each message that is written while tokens limit
            the window or the quota. `tokens.approximate_tokens` if ``None``.
        summary: The way in which turns that leave the window are summarised; ``None`` if they are not.
        embed: The model with which `search` finds what a query means: an `Embed`, or what it is made of; ``None`` if
            only words count.
        quota: What each session may use in a time; ``None`` if that is not limited.
        seal: A `Compress`, an `Encrypt`, or a list of both, by which records are sealed before the store gets them.

    Raises:
        TypeError, ValueError: ``memory_window`` is not a number of turns of at least 1, ``store`` is not a store, a
            limit is not an integer of at least 1, or records are to be encrypted in a store that keeps an index.

    Examples:
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
        count_tokens: CountTokens | None = None,
        summary: Summary | None = None,
        embed: Embed | Model | None = None,
        quota: Quota | None = None,
        seal: Seal | None = None,
    ) -> None:
        check_store(memory_window, store)
        self.store = InMemoryStore() if store is None else store
        self._max_message_bytes = checked_max_bytes(max_message_bytes)
        self._window = Window.of(memory_window)
        if max_turn_messages is not None:
            self._window = replace(self._window, max_turn_messages=max_turn_messages)
        self._count_tokens = checked_counter(count_tokens)
        self._summary = summary
        self._embed = checked_embed(embed)
        self._quota = checked_quota(quota)
        self._seal = seal
        self._make()

    @classmethod
    def from_url(
        cls,
        url: str,
        memory_window: int | Window = 10,
        *,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_turn_messages: int | None = None,
        count_tokens: CountTokens | None = None,
        summary: Summary | None = None,
        embed: Embed | Model | None = None,
        quota: Quota | None = None,
        seal: Seal | None = None,
    ) -> Self:
        """Return a manager with the store that a URL names.

        Args:
            url: ``memory://``, ``sqlite:///path``, ``redis://``, ``rediss://``, ``unix://``, ``redis+cluster://``,
                ``rediss+cluster://`` or ``upstash://host`` (its token is taken from the environment), with the
                store's own options as its query: ``?ttl=3600&archive=true&key_prefix=app:``.
            memory_window: See the constructor.
            max_message_bytes: See the constructor.
            max_turn_messages: See the constructor.
            count_tokens: See the constructor.
            summary: See the constructor.
            embed: See the constructor.
            quota: See the constructor.
            seal: See the constructor.

        Raises:
            ValueError: The URL names no store, or a wrong option.
            MissingDependencyError: The store's driver is not installed.

        Examples:
            >>> with SessionManager.from_url("sqlite:///chats.db?archive=true", memory_window=5) as sessions:
            ...     sessions.add_user_message("user123", "Hello!")
        """
        url = hidden(url)
        return cls(
            memory_window,
            store_from_url(url),
            max_message_bytes=max_message_bytes,
            max_turn_messages=max_turn_messages,
            count_tokens=count_tokens,
            summary=summary,
            embed=embed,
            quota=quota,
            seal=seal,
        )

    def __repr__(self) -> str:
        # Also of one whose constructor raised: error trackers show it.
        window, store = vars(self).get("_window"), vars(self).get("store")
        if window is not None and window.tokens is None and window.trigger_turns == window.turns:
            window = window.turns
        return f"SessionManager(memory_window={window}, store={store!r})"

    @property
    def memory_window(self) -> int | None:
        """Number of turns of each session that are kept; ``None`` if only tokens limit the window.

        Assign a number or a `Window` to change it. A smaller window holds from the next read on, and what leaves it is
        evicted by the next write. A number is also the number of turns before a cut, and leaves the rest of the
        `window` as it is.
        """
        return self._window.turns

    @memory_window.setter
    def memory_window(self, value: int | Window) -> None:
        self._window = value if isinstance(value, Window) else self._window.with_turns(value)

    @property
    def window(self) -> Window:
        """The window in force; assign to `memory_window` to change it."""
        return self._window

    @property
    def quota(self) -> Quota | None:
        """The quota of each session, if there is one."""
        return self._quota

    @property
    def max_message_bytes(self) -> int:
        """Bytes that a message may have as JSON."""
        return self._max_message_bytes

    def __deepcopy__(self, _memo: object) -> Self:
        # Frameworks copy what their objects hold; a copy of a chat store is on the same sessions.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: value for name, value in vars(self).items() if name not in _MADE_AGAIN}
        return _restore, (type(self), identity_of(self), state)

    def using(self, codec: Codec[Any], *, evict: bool = True, refuses: bool = True) -> Chats[Any]:
        """Return this manager's sessions as messages of another framework: what adapters are built on.

        Args:
            codec: Writes the framework's messages as records, and reads them.
            evict: False to leave evicting to the caller: the window is then not applied, neither to writes nor to
                reads.
            refuses: False for appends of turns that were let in before, which then are only counted by the quota.

        Examples:
            >>> from sessionkit_integrations.langchain.codec import LangChainCodec
            >>> sessions.using(LangChainCodec()).read("user123")[0].text
            'Hello!'
        """

        def window() -> Window:
            return self._window if evict else self._window.keeping_all()

        return Chats(self.opened_store, window, self._encoding(codec, refusable=refuses), self._summaries)

    def _make(self) -> None:
        self.opened_store = self.store if self._seal is None else self._sealed(self._seal)
        self._summaries = self._made_summaries()
        self._plain = self.using(PLAIN)

    def _sealed(self, seal: Seal) -> Store:
        # Imported where records are sealed.
        from sessionkit_integrations.stores.sealed import sealed  # noqa: PLC0415

        return sealed(self.store, seal, self._max_message_bytes)

    def _encoding(self, codec: Codec[Any], *, refusable: bool = True) -> Encoding[Any]:
        return Encoding(codec, self._max_message_bytes, self._count, self._quota, refusable=refusable)

    def _made_summaries(self) -> Summaries | None:
        if self._summary is None:
            return None
        # Imported where sessions are summarised.
        from sessionkit_integrations.sessions.background import Summaries  # noqa: PLC0415
        from sessionkit_integrations.sessions.summaries import Summarizer, Summary  # noqa: PLC0415

        if not isinstance(self._summary, Summary):
            raise TypeError(
                f"summary must be a Summary, got {type_name(self._summary)}; make one with Summary(summarize)"
            )
        encoding = self._encoding(PLAIN)
        summarizer = Summarizer(self._summary, lambda: self._window, encoding, self._max_message_bytes)
        return Summaries(self._summary, summarizer, self.opened_store)

    def _count(self, message: Message) -> int:
        return self._tokens_of(message)

    @cached_property
    def _tokens_of(self) -> Callable[[Message], int]:
        # Imported where tokens limit a window.
        from sessionkit_integrations.tokens import approximate_tokens, counted  # noqa: PLC0415

        return partial(counted, self._count_tokens or approximate_tokens)

    def close(self) -> None:
        """Close the store, after the summaries that are being made, but no later than its timeout.

        Examples:
            >>> sessions = SessionManager(store=SQLiteStore("chats.db"))
            >>> sessions.close()  # as a with block does at its end
        """
        if self._summaries is not None:
            self._summaries.close()
        self.store.close()

    async def aclose(self) -> None:
        """See `close`."""
        if self._summaries is not None:
            await self._summaries.aclose()
        await self.store.aclose()


def _restore(cls: type[SessionManager], identity: str, state: dict[str, Any]) -> SessionManager:
    """Return a manager that was pickled: the same one in the same process, else one of the same sessions."""
    found: SessionManager | None = find(identity)
    if found is not None:
        return found
    manager = cls.__new__(cls)
    vars(manager).update(state)
    manager._make()
    return manager


def check_manager(value: object) -> None:
    """Raise `TypeError` unless a value is a `SessionManager`, as adapters take it."""
    if not isinstance(value, SessionManager):
        hint = "; make one with SessionManager(store=…)" if isinstance(value, Store) else ""
        raise TypeError(f"sessions must be a SessionManager, got {type_name(value)}{hint}")
