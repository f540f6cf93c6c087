"""Chats as LangChain's chat message histories."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import InvalidSessionIdError, MissingDependencyError, RemovedClassError
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.langchain.runs import new_messages
from sessionkit_integrations.records.unreadable import brief
from sessionkit_integrations.sessions.manager import check_manager
from sessionkit_integrations.sessions.undoing import undo

try:
    from langchain_core.runnables import ConfigurableFieldSpec
    from langchain_core.runnables.config import var_child_runnable_config
except ImportError as error:
    raise MissingDependencyError("SessionKitChatMessageHistory", "langchain") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.chat_history import BaseChatMessageHistory
    from langchain_core.messages import BaseMessage

    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
else:
    try:
        from langchain_core.chat_history import BaseChatMessageHistory
    except ImportError:  # which LangChain 2.0 removes
        BaseChatMessageHistory = object


class SessionKitChatMessageHistory(BaseChatMessageHistory):
    """A session as a LangChain chat message history.

    `messages` reads the session afresh at each access, `add_messages` writes all it is given with one command.
    Everything a message holds comes back equal; chunks of a stream are stored as the message they add up to.

    Args:
        session_id: The session.
        sessions: Where it is.

    Raises:
        TypeError: ``sessions`` is not a `SessionManager`.
        RemovedClassError: The installed LangChain has no chat message histories any more.
        InvalidSessionIdError, InvalidMessageError, StoreError: From its methods, as `SessionManager` has them.

    Examples:
        >>> history = SessionKitChatMessageHistory("user123", sessions)
        >>> [message.content for message in history.messages]
        ['Hello!', 'Hi Ada!']
    """

    def __init__(self, session_id: str, sessions: SessionManager) -> None:
        _check_langchain()
        super().__init__()
        check_manager(sessions)
        self.session_id = session_id
        self._sessions: Chats[BaseMessage] = sessions.using(LangChainCodec())

    @staticmethod
    def factory(sessions: SessionManager, keys: Sequence[str] = ("session_id",)) -> HistoryFactory:
        """Return the ``get_session_history`` that `RunnableWithMessageHistory` takes.

        A run opens a turn, so that its history shows the last one as over: calls that are still open are shown with an
        answer that says they were interrupted. Where the input of a run is the result of a tool, pass
        ``lambda session_id: SessionKitChatMessageHistory(session_id, sessions)`` instead.

        A run of a session that has used its quota raises `QuotaExceededError` before the model is called. The turn of
        a run that was let in is counted, and not refused.

        Args:
            sessions: Where the histories are.
            keys: The names of the values in ``config["configurable"]`` that together name a session. Where they
                are not just ``session_id``, pass the factory's ``history_factory_config`` on as well.
        """
        return HistoryFactory(sessions, keys)

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # LangChain's own docs make it a property
        """The messages in the session's window, oldest first."""
        return self._sessions.read(self.session_id)

    async def aget_messages(self) -> list[BaseMessage]:
        """Return `messages`."""
        return await self._sessions.aread(self.session_id)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages to the session, all at once."""
        self._sessions.append(self.session_id, messages)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """See `add_messages`."""
        await self._sessions.aappend(self.session_id, messages)

    def undo(self, turns: int = 1) -> list[BaseMessage]:
        """Take the last turns off the session, and return their messages, oldest first; see `SessionManager.undo`."""
        return self._sessions.edit(self.session_id, undo(turns))

    async def aundo(self, turns: int = 1) -> list[BaseMessage]:
        """See `undo`."""
        return await self._sessions.aedit(self.session_id, undo(turns))

    def clear(self) -> None:
        """Delete all that is kept of the session."""
        self._sessions.delete(self.session_id)

    async def aclear(self) -> None:
        """See `clear`."""
        await self._sessions.adelete(self.session_id)


class HistoryFactory:
    """Makes the history of each run of a `RunnableWithMessageHistory`.

    Without ``history_messages_key``, LangChain reads the history again when a run ends, and takes as many messages
    off the front of the run's input as it then finds: if the window moved meanwhile, or another run wrote, that
    drops or repeats messages. A history made here therefore keeps its first read until it writes.

    Args:
        sessions: Where the histories are.
        keys: The names of the values that together name a session.

    Raises:
        ValueError: There are no keys.
        TypeError: ``sessions`` is not a `SessionManager`.
        RemovedClassError: The installed LangChain has no chat message histories any more.

    Examples:
        >>> factory = SessionKitChatMessageHistory.factory(sessions, keys=("user", "conversation"))
        >>> chat = RunnableWithMessageHistory(chain, factory, history_factory_config=factory.history_factory_config)
    """

    def __init__(self, sessions: SessionManager, keys: Sequence[str]) -> None:
        _check_langchain()
        if not keys or isinstance(keys, str):
            raise ValueError("keys must be a sequence of at least one name")
        check_manager(sessions)
        self._manager = sessions
        self._keys = tuple(keys)
        # LangChain passes the values by the names that it finds in the signature.
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str) for key in keys]
        )

    def __call__(self, *args: str, **kwargs: str) -> SessionKitChatMessageHistory:
        """Return the history of one run of the session that the values of the keys name."""
        return _RunHistory(self.session_id(*args, **kwargs), self._manager)

    @property
    def history_factory_config(self) -> list[ConfigurableFieldSpec]:
        """Fields for the parameter of `RunnableWithMessageHistory` of this name."""
        return [
            ConfigurableFieldSpec(
                id=key,
                annotation=str,
                name=key.replace("_", " ").capitalize(),
                description=f"The {key} that the session belongs to.",
                default="",
                is_shared=True,
            )
            for key in self._keys
        ]

    def session_id(self, *args: str, **kwargs: str) -> str:
        """Return the session id that values of the keys make.

        A single value is the id itself. Several are joined by colons, with the colons and percent signs within
        them percent-encoded, so that no two combinations make the same id.

        Raises:
            InvalidSessionIdError: A value is no string or empty, as it is where nobody has logged in.
        """
        values = self.__signature__.bind(*args, **kwargs).arguments
        parts = [values[key] for key in self._keys]
        for key, part in zip(self._keys, parts, strict=True):
            if not isinstance(part, str) or not part:
                raise InvalidSessionIdError(f"the {key} of a session must be a non-empty string, got {brief(part)}")
        if len(parts) == 1:
            return str(parts[0])
        return ":".join(part.replace("%", "%25").replace(":", "%3A") for part in parts)


class _RunHistory(SessionKitChatMessageHistory):
    """The history of one run: its first read stays until it writes. Kept longer, it stays in the runs that it is in."""

    def __init__(self, session_id: str, sessions: SessionManager) -> None:
        super().__init__(session_id, sessions)
        self._manager = sessions
        # LangChain writes a turn when the model has answered, and what was let in before is not to be lost then.
        self._sessions = sessions.using(LangChainCodec(), refuses=False)
        self._first_read: SessionSnapshot[BaseMessage] | None = None
        self._given: list[BaseMessage] = []
        self._has_written = False

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # as above
        snapshot = self._first_read
        if snapshot is None:
            self._manager.check_quota(self.session_id)
            snapshot = self._sessions.snapshot(self.session_id, over=True)
        return self._messages_of(snapshot)

    async def aget_messages(self) -> list[BaseMessage]:
        snapshot = self._first_read
        if snapshot is None:
            await self._manager.acheck_quota(self.session_id)
            snapshot = await self._sessions.asnapshot(self.session_id, over=True)
        return self._messages_of(snapshot)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        super().add_messages(self._new(messages))
        self._end()

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        await super().aadd_messages(self._new(messages))
        self._end()

    def undo(self, turns: int = 1) -> list[BaseMessage]:
        undone = super().undo(turns)
        self._end()
        return undone

    async def aundo(self, turns: int = 1) -> list[BaseMessage]:
        undone = await super().aundo(turns)
        self._end()
        return undone

    def clear(self) -> None:
        super().clear()
        self._end()

    async def aclear(self) -> None:
        await super().aclear()
        self._end()

    def _messages_of(self, snapshot: SessionSnapshot[BaseMessage]) -> list[BaseMessage]:
        """Return messages that nobody else has, and keep the snapshot for the run."""
        messages = snapshot.shown_messages()
        if not self._has_written or self._is_in_run():
            self._first_read = snapshot
            self._given += messages
        return messages

    def _new(self, messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
        return messages if self._first_read is None else new_messages(messages, self._given)

    def _is_in_run(self) -> bool:
        """Return whether LangChain reads at the beginning of a run whose history this is."""
        config = var_child_runnable_config.get() or {}
        return config.get("configurable", {}).get("message_history") is self

    def _end(self) -> None:
        self._first_read = None
        self._given = []
        self._has_written = True


def _check_langchain() -> None:
    if BaseChatMessageHistory is object:
        raise RemovedClassError(
            SessionKitChatMessageHistory.__name__,
            "BaseChatMessageHistory of langchain-core",
            "create_agent with SessionKitMiddleware, on the same sessions",
        )
