"""A store that may keep vectors of its texts beside the index of its words, which the query engine compares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.runtime.steps import arun, run
from sessionkit_integrations.stores.redis.searchable import SearchableStore
from sessionkit_integrations.stores.vectors import VectorEngine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from sessionkit_integrations.stores.redis.vector_finder import VectorFinder


class VectorStore(SearchableStore):
    """The methods of a store that concern vectors, which the process keeps if the store has no index."""

    def vectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See `Store.vectors`; vectors of another model than the server's are kept within the process."""
        own = super().vectors(session_id, model, digests)
        if not self.search:
            return own
        return run(self._vector_finder.known(session_id, model, digests, own), self._perform)

    async def avectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See `vectors`."""
        own = super().vectors(session_id, model, digests)
        if not self.search:
            return own
        return await arun(self._vector_finder.known(session_id, model, digests, own), self._aperform)

    def keep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """See `vectors`."""
        if not (self.search and run(self._vector_finder.keep(session_id, model, vectors), self._perform)):
            super().keep_vectors(session_id, model, vectors)

    async def akeep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """See `vectors`."""
        if not (self.search and await arun(self._vector_finder.keep(session_id, model, vectors), self._aperform)):
            super().keep_vectors(session_id, model, vectors)

    @property
    def vector_index(self) -> VectorEngine | None:
        """See `Store.vector_index`."""
        return _RedisVectors(self._vector_finder, self._perform, self._aperform) if self.search else None

    @cached_property
    def _vector_finder(self) -> VectorFinder:
        from sessionkit_integrations.stores.redis.vector_finder import VectorFinder  # noqa: PLC0415 - as `_finder`

        return VectorFinder(self._finder)


@dataclass
class _RedisVectors(VectorEngine):
    """The vectors of a store, by the methods of the store that perform steps."""

    finder: VectorFinder
    perform: Callable[[Any], Any]
    aperform: Callable[[Any], Awaitable[Any]]

    def behind(self, model: str, limit: int) -> Sequence[tuple[str, str]]:
        """See `VectorIndex.behind`."""
        return run(self.finder.behind(model, limit), self.perform)

    async def abehind(self, model: str, limit: int) -> Sequence[tuple[str, str]]:
        """See `behind`."""
        return await arun(self.finder.behind(model, limit), self.aperform)

    def mark(self, session_id: str, state: str, digests: Collection[bytes]) -> None:
        """See `VectorIndex.mark`."""
        run(self.finder.mark(session_id, state, digests), self.perform)

    async def amark(self, session_id: str, state: str, digests: Collection[bytes]) -> None:
        """See `mark`."""
        await arun(self.finder.mark(session_id, state, digests), self.aperform)

    def begin(self, model: str) -> None:
        """See `VectorIndex.begin`."""
        run(self.finder.begin(model), self.perform)

    async def abegin(self, model: str) -> None:
        """See `begin`."""
        await arun(self.finder.begin(model), self.aperform)

    def nearest(self, model: str, question: bytes, limit: int) -> Sequence[tuple[float, str]]:
        """See `VectorEngine.nearest`."""
        return run(self.finder.nearest(model, question, limit), self.perform)

    async def anearest(self, model: str, question: bytes, limit: int) -> Sequence[tuple[float, str]]:
        """See `nearest`."""
        return await arun(self.finder.nearest(model, question, limit), self.aperform)
