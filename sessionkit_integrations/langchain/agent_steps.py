"""Steps of an agent's run: calls of the session that is its memory, as values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from langchain_core.messages import BaseMessage

from sessionkit_integrations.runtime.steps import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.sessions.chats import Chats

R = TypeVar("R")


class ChatStep(Step[R], ABC):
    """A call of one of the methods of `Chats` that have a twin."""

    @abstractmethod
    def perform(self, chats: Chats[BaseMessage]) -> R:
        """Make the call."""

    @abstractmethod
    async def aperform(self, chats: Chats[BaseMessage]) -> R:
        """See `perform`."""


@dataclass(frozen=True)
class Prompt(ChatStep[list[BaseMessage]]):
    """Adds the input of a run to a session, and gives the window with it."""

    session_id: str
    messages: Sequence[BaseMessage]
    idempotency_key: str | None

    def perform(self, chats: Chats[BaseMessage]) -> list[BaseMessage]:
        """See `ChatStep.perform`."""
        return chats.prompt(self.session_id, self.messages, self.idempotency_key, over=True)

    async def aperform(self, chats: Chats[BaseMessage]) -> list[BaseMessage]:
        """See `ChatStep.perform`."""
        return await chats.aprompt(self.session_id, self.messages, self.idempotency_key, over=True)


@dataclass(frozen=True)
class Append(ChatStep[None]):
    """Adds messages of a run to a session."""

    session_id: str
    messages: Sequence[BaseMessage]
    idempotency_key: str

    def perform(self, chats: Chats[BaseMessage]) -> None:
        """See `ChatStep.perform`."""
        chats.append(self.session_id, self.messages, self.idempotency_key)

    async def aperform(self, chats: Chats[BaseMessage]) -> None:
        """See `ChatStep.perform`."""
        await chats.aappend(self.session_id, self.messages, self.idempotency_key)


@dataclass(frozen=True)
class ReadWindow(ChatStep[list[BaseMessage]]):
    """Gives the window of a session whose last turn is over."""

    session_id: str

    def perform(self, chats: Chats[BaseMessage]) -> list[BaseMessage]:
        """See `ChatStep.perform`."""
        return chats.snapshot(self.session_id, over=True).shown_messages()

    async def aperform(self, chats: Chats[BaseMessage]) -> list[BaseMessage]:
        """See `ChatStep.perform`."""
        return (await chats.asnapshot(self.session_id, over=True)).shown_messages()
