"""Steps that concern vectors: calls of a store, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessionkit_integrations.sessions.steps import StoreStep
from sessionkit_integrations.stores.vectors import VectorEngine, VectorPages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.vectors import KeptVector


@dataclass(frozen=True)
class KnownVectors(StoreStep["Mapping[bytes, bytes]"]):
    """Asks for the vectors that are kept of some texts."""

    session_id: str
    model: str
    digests: Sequence[bytes]

    def perform(self, store: Store) -> Mapping[bytes, bytes]:
        """See `StoreStep.perform`."""
        return store.vectors(self.session_id, self.model, self.digests)

    async def aperform(self, store: Store) -> Mapping[bytes, bytes]:
        """See `StoreStep.perform`."""
        return await store.avectors(self.session_id, self.model, self.digests)


@dataclass(frozen=True)
class KeepVectors(StoreStep[None]):
    """Keeps vectors."""

    session_id: str
    model: str
    vectors: Mapping[bytes, bytes]

    def perform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        store.keep_vectors(self.session_id, self.model, self.vectors)

    async def aperform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        await store.akeep_vectors(self.session_id, self.model, self.vectors)


@dataclass(frozen=True)
class HasVectors(StoreStep[bool]):
    """Asks whether the store keeps the vectors of all sessions."""

    def perform(self, store: Store) -> bool:
        """See `StoreStep.perform`."""
        return store.vector_index is not None

    async def aperform(self, store: Store) -> bool:
        """See `StoreStep.perform`."""
        return store.vector_index is not None


@dataclass(frozen=True)
class FindBehind(StoreStep["Sequence[tuple[str, str]]"]):
    """Asks for sessions whose texts may lack a vector."""

    model: str
    limit: int

    def perform(self, store: Store) -> Sequence[tuple[str, str]]:
        """See `StoreStep.perform`."""
        return store.vector_index.behind(self.model, self.limit) if store.vector_index else ()

    async def aperform(self, store: Store) -> Sequence[tuple[str, str]]:
        """See `StoreStep.perform`."""
        return await store.vector_index.abehind(self.model, self.limit) if store.vector_index else ()


@dataclass(frozen=True)
class MarkEmbedded(StoreStep[None]):
    """Notes that all texts of a session have vectors."""

    session_id: str
    state: str
    digests: Collection[bytes]

    def perform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        if store.vector_index:
            store.vector_index.mark(self.session_id, self.state, self.digests)

    async def aperform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        if store.vector_index:
            await store.vector_index.amark(self.session_id, self.state, self.digests)


@dataclass(frozen=True)
class FindNearest(StoreStep["Sequence[tuple[float, str]] | None"]):
    """Asks the server for the vectors that are nearest; ``None`` if it compares none."""

    model: str
    question: bytes
    limit: int

    def perform(self, store: Store) -> Sequence[tuple[float, str]] | None:
        """See `StoreStep.perform`."""
        index = store.vector_index
        if not isinstance(index, VectorEngine):
            return None
        return index.nearest(self.model, self.question, self.limit)

    async def aperform(self, store: Store) -> Sequence[tuple[float, str]] | None:
        """See `StoreStep.perform`."""
        index = store.vector_index
        if not isinstance(index, VectorEngine):
            return None
        return await index.anearest(self.model, self.question, self.limit)


@dataclass(frozen=True)
class VectorState(StoreStep["tuple[int, int]"]):
    """Asks which vectors there are, and how many."""

    def perform(self, store: Store) -> tuple[int, int]:
        """See `StoreStep.perform`."""
        index = store.vector_index
        return index.state() if isinstance(index, VectorPages) else (0, 0)

    async def aperform(self, store: Store) -> tuple[int, int]:
        """See `StoreStep.perform`."""
        index = store.vector_index
        return await index.astate() if isinstance(index, VectorPages) else (0, 0)


@dataclass(frozen=True)
class ReadVectors(StoreStep["Sequence[KeptVector]"]):
    """Reads the vectors that follow a number."""

    after: int
    limit: int

    def perform(self, store: Store) -> Sequence[KeptVector]:
        """See `StoreStep.perform`."""
        index = store.vector_index
        return index.page(self.after, self.limit) if isinstance(index, VectorPages) else ()

    async def aperform(self, store: Store) -> Sequence[KeptVector]:
        """See `StoreStep.perform`."""
        index = store.vector_index
        return await index.apage(self.after, self.limit) if isinstance(index, VectorPages) else ()


@dataclass(frozen=True)
class BeginVectors(StoreStep[None]):
    """Lets the store keep the vectors of a model."""

    model: str

    def perform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        if store.vector_index:
            store.vector_index.begin(self.model)

    async def aperform(self, store: Store) -> None:
        """See `StoreStep.perform`."""
        if store.vector_index:
            await store.vector_index.abegin(self.model)
