"""A store whose records are sealed: its sessions see records as they are, and the store behind it never does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sessionkit_integrations.records.sealing import Sealer, may_need_secret
from sessionkit_integrations.runtime.calling import in_thread_if_many
from sessionkit_integrations.stores.base import Store, described
from sessionkit_integrations.stores.notices import EVERY
from sessionkit_integrations.stores.sealed_values import (
    open_appended,
    open_both,
    open_snapshot,
    seal_all,
    seal_branch,
    seal_edit,
)
from sessionkit_integrations.stores.secrets import aask, ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from typing_extensions import Unpack

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.sealing import Seal, SessionSealer
    from sessionkit_integrations.records.secrets import Secret
    from sessionkit_integrations.stores.branches import Branch
    from sessionkit_integrations.stores.notices import Notices
    from sessionkit_integrations.stores.terms import Place, Terms
    from sessionkit_integrations.stores.values import Appended, AppendOptions, Both, Edit, SessionInfo, Snapshot
    from sessionkit_integrations.stores.vectors import VectorIndex
    from sessionkit_integrations.window.turns import Window


def sealed(store: Store, seal: Seal, max_bytes: int) -> SealedStore:
    """Return a store whose records are sealed.

    Args:
        store: The store.
        seal: The way in which they are.
        max_bytes: Bytes that a record may have once it is opened.

    Raises:
        TypeError: ``seal`` is none.
        ValueError: The store keeps an index, and records are to be encrypted.
    """
    sealer = Sealer(seal, store.key_prefix, max_bytes)
    if sealer.encrypt is None:
        return CompressedStore(store, sealer)
    if store.search:
        raise ValueError(
            "an index would hold as plain text what is encrypted: make the store without search=True; a search in one"
            " session needs no index"
        )
    return SealedStore(store, sealer)


class SealedStore(Store):
    """Seals what goes to a store, and opens what comes from it.

    What a fork copies is sealed again on its way, as each session has its own key. No index of words and no vectors
    are kept in the store, as both tell what is encrypted; vectors stay in this process. `CompressedStore` keeps both.

    Args:
        store: The store.
        sealer: Seals and opens records.
    """

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self.archive = store.archive
        self.timeout = store.timeout
        self.key_prefix = store.key_prefix

    @property
    def origin(self) -> Store:
        """See `Store.origin`."""
        return self._store

    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        sealer = self._sealer.of(session_id, self._secret(session_id))
        sealed, options = seal_all(sealer, records), _with_opens(options, sealer)
        return open_appended(sealer, self._store.append(session_id, sealed, window, operation_id, **options))

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        sealer = self._sealer.of(session_id, await self._asecret(session_id))
        sealed = await in_thread_if_many(len(records), seal_all, sealer, records)
        options = _with_opens(options, sealer)
        return open_appended(sealer, await self._store.aappend(session_id, sealed, window, operation_id, **options))

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        snapshot = self._store.read(session_id, archived=archived, start=start, stop=stop)
        secret = self._secret(session_id) if self._needs_secret(snapshot.records) else None
        return open_snapshot(self._sealer.of(session_id, secret), snapshot)

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        snapshot = await self._store.aread(session_id, archived=archived, start=start, stop=stop)
        secret = await self._asecret(session_id) if self._needs_secret(snapshot.records) else None
        return await in_thread_if_many(
            len(snapshot.records), open_snapshot, self._sealer.of(session_id, secret), snapshot
        )

    def read_both(self, session_id: str, part: slice) -> Both | None:
        """See `Store.read_both`."""
        both = self._store.read_both(session_id, part)
        if both is None:
            return None
        secret = self._secret(session_id) if self._needs_secret(both.active.records + both.archived) else None
        return open_both(self._sealer.of(session_id, secret), both)

    async def aread_both(self, session_id: str, part: slice) -> Both | None:
        """See `Store.read_both`."""
        both = await self._store.aread_both(session_id, part)
        if both is None:
            return None
        records = both.active.records + both.archived
        secret = await self._asecret(session_id) if self._needs_secret(records) else None
        return await in_thread_if_many(len(records), open_both, self._sealer.of(session_id, secret), both)

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        sealer = self._sealer.of(session_id, self._secret(session_id))
        self._store.replace(session_id, seal_edit(sealer, edit), expected, operation_id)

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        sealer = self._sealer.of(session_id, await self._asecret(session_id))
        sealed = await asyncio.to_thread(seal_edit, sealer, edit)
        await self._store.areplace(session_id, sealed, expected, operation_id)

    def fork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        source = self._sealer.of(session_id, self._secret(session_id) if branch.archived else None)
        new = self._sealer.of(new_session_id, self._secret(new_session_id))
        self._store.fork(session_id, new_session_id, seal_branch(source, new, branch), operation_id)

    async def afork(self, session_id: str, new_session_id: str, branch: Branch, operation_id: str) -> None:
        """See `Store.fork`."""
        source = self._sealer.of(session_id, await self._asecret(session_id) if branch.archived else None)
        new = self._sealer.of(new_session_id, await self._asecret(new_session_id))
        sealed = await in_thread_if_many(len(branch.active), seal_branch, source, new, branch)
        await self._store.afork(session_id, new_session_id, sealed, operation_id)

    def delete(self, session_id: str) -> None:
        """See `Store.delete`."""
        self._store.delete(session_id)

    async def adelete(self, session_id: str) -> None:
        """See `Store.delete`."""
        await self._store.adelete(session_id)

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        return self._store.sessions()

    def asessions(self) -> AsyncIterator[str]:
        """See `Store.sessions`."""
        return self._store.asessions()

    def describe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        if type(self._store).describe is Store.describe:  # which looks into records
            return super().describe(session_id)
        return self._store.describe(session_id)

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        if type(self._store).adescribe is Store.adescribe and type(self._store).describe is Store.describe:
            return described(await self.aread(session_id), await self.aread(session_id, archived=True))
        return await self._store.adescribe(session_id)

    def lease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `Store.lease`."""
        return self._store.lease(session_id, name, holder, seconds)

    async def alease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `Store.lease`."""
        return await self._store.alease(session_id, name, holder, seconds)

    def notices(self, session_id: str | None, every: float = EVERY) -> Notices:
        """See `Store.notices`."""
        return self._store.notices(session_id, every)

    def close(self) -> None:
        """See `Store.close`."""
        self._store.close()

    async def aclose(self) -> None:
        """See `Store.close`."""
        await self._store.aclose()

    def _needs_secret(self, records: Iterable[Record]) -> bool:
        return self._sealer.secrets is not None and may_need_secret(records)

    def _secret(self, session_id: str) -> Secret | None:
        secrets = self._sealer.secrets
        return None if secrets is None else ask(secrets, session_id)

    async def _asecret(self, session_id: str) -> Secret | None:
        secrets = self._sealer.secrets
        return None if secrets is None else await aask(secrets, session_id)


class CompressedStore(SealedStore):
    """Compresses what goes to a store, and opens what comes from it.

    As that hides nothing, the store keeps an index of words and vectors.

    Args:
        store: The store. It opens what it indexes by `records.search_texts.searched`.
        sealer: Compresses and opens records.
    """

    def __init__(self, store: Store, sealer: Sealer) -> None:
        super().__init__(store, sealer)
        self.search = store.search

    def find(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place] | None:
        """See `Store.find`."""
        return self._store.find(terms, since=since, skip=skip, limit=limit, session_id=session_id)

    async def afind(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place] | None:
        """See `Store.find`."""
        return await self._store.afind(terms, since=since, skip=skip, limit=limit, session_id=session_id)

    def vectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See `Store.vectors`."""
        return self._store.vectors(session_id, model, digests)

    async def avectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See `Store.vectors`."""
        return await self._store.avectors(session_id, model, digests)

    def keep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """See `Store.keep_vectors`."""
        self._store.keep_vectors(session_id, model, vectors)

    async def akeep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """See `Store.keep_vectors`."""
        await self._store.akeep_vectors(session_id, model, vectors)

    @property
    def vector_index(self) -> VectorIndex | None:
        """See `Store.vector_index`."""
        return self._store.vector_index


def _with_opens(options: AppendOptions, sealer: SessionSealer) -> AppendOptions:
    """Return the options of an append with what its reader opens, if it is to return records."""
    if "read" not in options or "opens" in options:
        return options
    return {**options, "opens": sealer.opens}
