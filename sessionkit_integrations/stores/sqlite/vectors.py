"""Vectors of texts in a SQLite file: statements, and the methods of the store that run them.

The tables are made when the first vectors are kept. All of them are of one model, whose name the file remembers. A
trigger deletes a deleted session's vectors, whoever deletes it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.records.record import now
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.sqlite.sql import Statement, transaction
from sessionkit_integrations.stores.vectors import KeptVector, VectorPages, other_model

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sessionkit_integrations.stores.sqlite.sql import Statements

T = TypeVar("T")

_Run = Callable[["Callable[[], Statements[Any]]"], Any]
_ARun = Callable[["Callable[[], Statements[Any]]"], Awaitable[Any]]

_MOST_VALUES = 500
"""Values that are bound to one statement; releases before 3.32 bind fewer than 1,000."""

_TABLES = (
    "CREATE TABLE vector_model (name TEXT NOT NULL, since INTEGER NOT NULL) -- Unix milliseconds",
    """
    CREATE TABLE vectors (
      id INTEGER PRIMARY KEY AUTOINCREMENT, -- so that none is given a second time
      session INTEGER NOT NULL REFERENCES sessions (id),
      digest BLOB NOT NULL, -- of the text
      vector BLOB NOT NULL, -- 32-bit floats, little-endian
      UNIQUE (session, digest)
    )""",
    """
    CREATE TABLE embedded (
      session INTEGER PRIMARY KEY REFERENCES sessions (id),
      operations TEXT NOT NULL -- the session's, when the last of its texts got a vector
    )""",
    """
    CREATE TRIGGER session_deleted_with_vectors AFTER DELETE ON sessions BEGIN
      DELETE FROM vectors WHERE session = OLD.id;
      DELETE FROM embedded WHERE session = OLD.id;
    END""",
)
_HAS_TABLES = "SELECT 1 FROM sqlite_master WHERE name = 'vector_model'"
_UNEXPIRED = "(expires_at IS NULL OR expires_at > ?)"
_SESSION = f"(SELECT id FROM sessions WHERE session_id = ? AND {_UNEXPIRED})"


def model_of() -> Statements[str | None]:
    """Return the name of the model whose vectors the file keeps; ``None`` if it keeps none."""
    if not (yield Statement(_HAS_TABLES)):
        return None
    names = yield Statement("SELECT name FROM vector_model")
    return str(names[0][0]) if names else None


def begin(model: str, at: int) -> Statements[None]:
    """Do what `VectorIndex.begin` says."""

    def work() -> Statements[None]:
        if (yield from model_of()) != model:
            yield from _begin(model, at)

    return transaction(work())


def _begin(model: str, at: int) -> Statements[None]:
    if not (yield Statement(_HAS_TABLES)):
        for table in _TABLES:
            yield Statement(table)
    for name in ("vectors", "embedded", "vector_model"):
        yield Statement(f"DELETE FROM {name}")
    yield Statement("INSERT INTO vector_model (name, since) VALUES (?, ?)", (model, at))


def known(session_id: str, model: str, digests: Sequence[bytes], at: int) -> Statements[dict[bytes, bytes] | None]:
    """Do what `Store.vectors` says; return ``None`` if the file keeps none of this model."""
    if (yield from model_of()) != model:
        return None
    found: dict[bytes, bytes] = {}
    for start in range(0, len(digests), _MOST_VALUES):
        some = digests[start : start + _MOST_VALUES]
        places = ", ".join("?" * len(some))
        found.update(
            (
                yield Statement(
                    f"SELECT digest, vector FROM vectors WHERE session = {_SESSION} AND digest IN ({places})",
                    (session_id, at, *some),
                )
            )
        )
    return found


def keep(session_id: str, model: str, vectors: Mapping[bytes, bytes], at: int) -> Statements[bool]:
    """Do what `Store.keep_vectors` says, unless the file keeps another model's; return whether it did."""

    def work() -> Statements[bool]:
        kept = yield from model_of()
        if kept is None:
            yield from _begin(model, at)
        elif kept != model:
            return False
        rows = [(digest, vector, session_id, at) for digest, vector in vectors.items()]
        yield Statement(
            "INSERT OR IGNORE INTO vectors (session, digest, vector)"
            f" SELECT id, ?, ? FROM sessions WHERE session_id = ? AND {_UNEXPIRED}",
            many=rows,
        )
        return True

    return transaction(work())


def forget(session: int) -> Statements[None]:
    """Delete the vectors of a session, in a transaction that is under way."""
    if (yield Statement(_HAS_TABLES)):
        for name in ("vectors", "embedded"):
            yield Statement(f"DELETE FROM {name} WHERE session = ?", (session,))


def behind(model: str, limit: int, at: int) -> Statements[Sequence[tuple[str, str]]]:
    """Do what `VectorIndex.behind` says."""
    kept = yield from model_of()
    rows: Sequence[tuple[str, str]]
    if kept is None:
        rows = yield Statement(f"SELECT session_id, operations FROM sessions WHERE {_UNEXPIRED} LIMIT ?", (at, limit))
        return rows
    if kept != model:
        raise other_model(kept, model)
    rows = yield Statement(
        "SELECT session_id, sessions.operations FROM sessions LEFT JOIN embedded ON embedded.session = sessions.id"
        f" WHERE {_UNEXPIRED} AND embedded.operations IS NOT sessions.operations LIMIT ?",
        (at, limit),
    )
    return rows


def mark(session_id: str, state: str, digests: Collection[bytes], at: int) -> Statements[None]:
    """Do what `VectorIndex.mark` says."""

    def work() -> Statements[None]:
        rows = yield Statement(f"SELECT id FROM sessions WHERE session_id = ? AND {_UNEXPIRED}", (session_id, at))
        if not rows:
            return
        session, present = rows[0][0], set(digests)
        kept = {row[0] for row in (yield Statement("SELECT digest FROM vectors WHERE session = ?", (session,)))}
        gone = [(session, digest) for digest in kept - present]
        if gone:
            yield Statement("DELETE FROM vectors WHERE session = ? AND digest = ?", many=gone)
        yield Statement("INSERT OR REPLACE INTO embedded (session, operations) VALUES (?, ?)", (session, state))

    return transaction(work())


def state() -> Statements[tuple[int, int]]:
    """Do what `VectorPages.state` says."""
    if not (yield Statement(_HAS_TABLES)):
        return 0, 0
    since, count = (yield Statement("SELECT (SELECT since FROM vector_model), (SELECT count(*) FROM vectors)"))[0]
    return since or 0, count


def page(after: int, limit: int, at: int) -> Statements[Sequence[KeptVector]]:
    """Do what `VectorPages.page` says."""
    if not (yield Statement(_HAS_TABLES)):
        return []
    rows = yield Statement(
        "SELECT vectors.id, session_id, vector FROM vectors CROSS JOIN sessions ON sessions.id = vectors.session"
        f" WHERE vectors.id > ? AND {_UNEXPIRED} ORDER BY vectors.id LIMIT ?",
        (after, at, limit),
    )
    return [KeptVector(*row) for row in rows]


class KeepsVectors(Store):
    """The methods of a SQLite store that concern vectors."""

    def vectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See `Store.vectors`; vectors of another model than the file's are kept within the process."""
        found = self._read(lambda: known(session_id, model, digests, now()))
        return super().vectors(session_id, model, digests) if found is None else found

    async def avectors(self, session_id: str, model: str, digests: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """See `vectors`."""
        found = await self._aread(lambda: known(session_id, model, digests, now()))
        return super().vectors(session_id, model, digests) if found is None else found

    def keep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """See `vectors`."""
        if not self._write(lambda: keep(session_id, model, vectors, now())):
            super().keep_vectors(session_id, model, vectors)

    async def akeep_vectors(self, session_id: str, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """See `vectors`."""
        if not await self._awrite(lambda: keep(session_id, model, vectors, now())):
            super().keep_vectors(session_id, model, vectors)

    @property
    def vector_index(self) -> VectorPages:
        """See `Store.vector_index`."""
        return _SQLiteVectors(self._read, self._aread, self._write, self._awrite)

    @abstractmethod
    def _read(self, begin: Callable[[], Statements[T]]) -> T: ...
    @abstractmethod
    async def _aread(self, begin: Callable[[], Statements[T]]) -> T: ...
    @abstractmethod
    def _write(self, begin: Callable[[], Statements[T]]) -> T: ...
    @abstractmethod
    async def _awrite(self, begin: Callable[[], Statements[T]]) -> T: ...


@dataclass
class _SQLiteVectors(VectorPages):
    """The vectors of a file, by the methods of its store that run statements."""

    read: _Run
    aread: _ARun
    write: _Run
    awrite: _ARun

    def behind(self, model: str, limit: int) -> Sequence[tuple[str, str]]:
        """See `VectorIndex.behind`."""
        found: Sequence[tuple[str, str]] = self.read(lambda: behind(model, limit, now()))
        return found

    async def abehind(self, model: str, limit: int) -> Sequence[tuple[str, str]]:
        """See `behind`."""
        found: Sequence[tuple[str, str]] = await self.aread(lambda: behind(model, limit, now()))
        return found

    def mark(self, session_id: str, state: str, digests: Collection[bytes]) -> None:
        """See `VectorIndex.mark`."""
        self.write(lambda: mark(session_id, state, digests, now()))

    async def amark(self, session_id: str, state: str, digests: Collection[bytes]) -> None:
        """See `mark`."""
        await self.awrite(lambda: mark(session_id, state, digests, now()))

    def state(self) -> tuple[int, int]:
        """See `VectorPages.state`."""
        found: tuple[int, int] = self.read(state)
        return found

    async def astate(self) -> tuple[int, int]:
        """See `state`."""
        found: tuple[int, int] = await self.aread(state)
        return found

    def page(self, after: int, limit: int) -> Sequence[KeptVector]:
        """See `VectorPages.page`."""
        found: Sequence[KeptVector] = self.read(lambda: page(after, limit, now()))
        return found

    async def apage(self, after: int, limit: int) -> Sequence[KeptVector]:
        """See `page`."""
        found: Sequence[KeptVector] = await self.aread(lambda: page(after, limit, now()))
        return found

    def begin(self, model: str) -> None:
        """See `VectorIndex.begin`."""
        self.write(lambda: begin(model, now()))

    async def abegin(self, model: str) -> None:
        """See `begin`."""
        await self.awrite(lambda: begin(model, now()))
