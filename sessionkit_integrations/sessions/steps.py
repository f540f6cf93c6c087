"""Steps of operations on sessions: calls of a store, as values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sessionkit_integrations.runtime.steps import Step
from sessionkit_integrations.stores.values import Snapshot

if TYPE_CHECKING:
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.values import Edit, SessionInfo

R = TypeVar("R")


class StoreStep(Step[R], ABC):
    """A call of one of a store's methods."""

    @abstractmethod
    def perform(self, store: Store) -> R:
        """Make the call."""

    @abstractmethod
    async def aperform(self, store: Store) -> R:
        """See `perform`."""


@dataclass(frozen=True)
class Read(StoreStep[Snapshot]):
    """Reads the active records of a session."""

    session_id: str

    def perform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return store.read(self.session_id)

    async def aperform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return await store.aread(self.session_id)


@dataclass(frozen=True)
class ReadArchive(StoreStep[Snapshot]):
    """Reads a part of a session's archive."""

    session_id: str
    part: slice

    def perform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return store.read(self.session_id, archived=True, start=self.part.start, stop=self.part.stop)

    async def aperform(self, store: Store) -> Snapshot:
        """See `StoreStep.perform`."""
        return await store.aread(self.session_id, archived=True, start=self.part.start, stop=self.part.stop)


@dataclass(frozen=True)
class Replace(StoreStep[None]):
    """Makes an edit, unless the active records have another version than expected."""

    session_id: str
    edit: Edit
    expected: str | None
    operation_id: str

    def perform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        store.replace(self.session_id, self.edit, self.expected, self.operation_id)

    async def aperform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        await store.areplace(self.session_id, self.edit, self.expected, self.operation_id)


@dataclass(frozen=True)
class Describe(StoreStep["SessionInfo | None"]):
    """Asks for figures of a session."""

    session_id: str

    def perform(self, store: Store) -> SessionInfo | None:
        """See `StoreStep.perform`."""
        return store.describe(self.session_id)

    async def aperform(self, store: Store) -> SessionInfo | None:
        """See `StoreStep.perform`."""
        return await store.adescribe(self.session_id)
