"""Abilities of a store that build on none of its operations, with defaults that hold within this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sessionkit_integrations.stores.leases import Leases
from sessionkit_integrations.stores.notices import EVERY, Polling
from sessionkit_integrations.stores.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sessionkit_integrations.stores.notices import Notices
    from sessionkit_integrations.stores.terms import Place, Terms
    from sessionkit_integrations.stores.values import Both
    from sessionkit_integrations.stores.vectors import VectorIndex


class Abilities:
    """A part of `Store`: leases, notices, an index of words, and vectors. Override what your store can do better."""

    key_prefix: str = ""
    """The place of the store's sessions among those that share its server; sealed records are bound to it."""

    search: bool = False
    """True if the store keeps an index of its messages' words, for `find`."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if _first_with(cls, "read", "aread") < _first_with(cls, "read_both", "aread_both"):
            for name in ("read_both", "aread_both"):
                setattr(cls, name, getattr(Abilities, name))

    def lease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """Take a lease of a session, or renew it, and return whether the holder has it now.

        A lease binds only those who ask for it. This default holds within this process and this store. Override it
        where your store can tell processes apart.

        Args:
            session_id: The session, which need not exist.
            name: What the lease is for. A session has one of each name.
            holder: The id of whoever takes it.
            seconds: Time after which it ends by itself; 0 gives it back.
        """
        leases: Leases = vars(self).setdefault("_leases", Leases())
        return leases.lease(session_id, name, holder, seconds)

    async def alease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `lease`."""
        if type(self).lease is Abilities.lease:
            return self.lease(session_id, name, holder, seconds)
        return await asyncio.to_thread(self.lease, session_id, name, holder, seconds)

    def notices(self, session_id: str | None, every: float = EVERY) -> Notices:  # noqa: ARG002
        """Return the notices of writes to a session, or to all of them; nothing is opened yet.

        By this default, a watch looks at the store every so many seconds. Override it where yours is told of writes; a
        `Mailbox` holds what other threads notice.

        Args:
            session_id: The session; all of them if ``None``.
            every: Seconds between two looks, where the store is not told.
        """
        return Polling(every)

    def read_both(self, session_id: str, part: slice) -> Both | None:  # noqa: ARG002
        """Return the active records of a session and those in a part of its archive, as they are at one moment.

        This default returns ``None``: the two are then read one after the other, and the first once more. Override it
        where one read of both is faster. A subclass that overrides `read` or its twin, and not this, has the default.
        """
        return None

    async def aread_both(self, session_id: str, part: slice) -> Both | None:
        """See `read_both`."""
        if type(self).read_both is Abilities.read_both:
            return None
        return await asyncio.to_thread(self.read_both, session_id, part)

    def find(
        self,
        terms: Terms,  # noqa: ARG002
        *,
        since: int | None,  # noqa: ARG002
        skip: int,  # noqa: ARG002
        limit: int,  # noqa: ARG002
        session_id: str | None = None,  # noqa: ARG002
    ) -> Sequence[Place] | None:
        """Return messages that have one of some terms, of all sessions or of one, the best first.

        This default returns ``None``: there is no index for that, and a search reads the sessions. Override it where
        yours keeps one. Cut what you index with `records.search_texts` and `records.words`, as the search cuts its
        query. The search reads each place that you return, so that it need not be right any more by then, and makes
        turns of them. Return `stores.terms.Places` to say that messages are missing which could not be read.

        Args:
            terms: The terms.
            since: Leave out messages that were written before this time, in Unix milliseconds, if that is cheap; the
                search does so in any case.
            skip: Number of messages to pass over, the best ones, which earlier calls returned.
            limit: Number of messages to return; fewer are the last ones.
            session_id: The one session to look in; all of them if ``None``.
        """
        return None

    async def afind(
        self, terms: Terms, *, since: int | None, skip: int, limit: int, session_id: str | None = None
    ) -> Sequence[Place] | None:
        """See `find`."""
        if type(self).find is Abilities.find:
            return None
        return await asyncio.to_thread(self.find, terms, since=since, skip=skip, limit=limit, session_id=session_id)

    def vectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return those vectors that are kept of some texts of a session.

        This default keeps vectors within this process, up to 64 MiB, so that a text is embedded again only after a
        restart. Override it and `keep_vectors` where your store can hold them.

        Args:
            session_id: The session.
            model: The name of the model that made them.
            digests: The digests of the texts.
        """
        del session_id
        return self._vectors.known(model, digests)

    async def avectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See `vectors`."""
        if type(self).vectors is Abilities.vectors:
            return self.vectors(session_id, model, digests)
        return await asyncio.to_thread(self.vectors, session_id, model, digests)

    def keep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """Keep vectors of texts of a session, by the digests of the texts; see `vectors`."""
        del session_id
        self._vectors.keep(model, vectors)

    async def akeep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """See `keep_vectors`."""
        if type(self).keep_vectors is Abilities.keep_vectors:
            return self.keep_vectors(session_id, model, vectors)
        return await asyncio.to_thread(self.keep_vectors, session_id, model, vectors)

    @property
    def vector_index(self) -> VectorIndex | None:
        """The vectors of all sessions, where the store keeps them; else a search reads the sessions."""
        return None

    @property
    def _vectors(self) -> Vectors:
        kept: Vectors = vars(self).setdefault("_kept_vectors", Vectors())
        return kept


def _first_with(cls: type, *names: str) -> int:
    """Return how far up the bases of a class the first one is that defines one of some names."""
    mro = cls.__mro__
    return next((number for number, base in enumerate(mro) if not vars(base).keys().isdisjoint(names)), len(mro))
