"""Search of all sessions by the query engine of Redis: the index, what it finds, and where that is now."""

from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.stores.redis import documents, reads
from sessionkit_integrations.stores.state import conflict
from sessionkit_integrations.stores.terms import Place, Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.documents import Found, Key, Where
    from sessionkit_integrations.stores.redis.keys import Keys
    from sessionkit_integrations.stores.redis.placement import Placement
    from sessionkit_integrations.stores.terms import Terms

T = TypeVar("T")

PAGE = 250
"""Records whose documents are written at once."""
TRIES = 20
"""Most attempts to write the documents of records that others change."""

_MISSING = (
    "{place} has no query engine ({text}), which search=True needs: use Redis 8, or Redis Stack 7.4. Without it, a"
    " search of one session works, one of all reads all sessions, and SQLiteStore(path, search=True) has an index"
)


class Operation(Protocol):
    """Runs a command of a store, on a node if one is given."""

    def __call__(self, command: Command[T], node: Any = None, /) -> Steps[T]:
        """Return the steps of a command."""
        ...


class Finder:
    """The index of a store.

    Args:
        keys: The names of the store's keys.
        place: The server, as errors call it.
        timeout: Seconds that the engine may take for a search.
        operation: Runs a command.
        locate: Finds the nodes.
    """

    def __init__(
        self, keys: Keys, place: str, timeout: float, operation: Operation, locate: Callable[[], Steps[Placement]]
    ) -> None:
        self.keys = keys
        self._place = place
        self.timeout = timeout
        self.operation = operation
        self._locate = locate
        self._takes_key: bool | None = None
        self._made: set[str] = set()
        self._whole: set[str] = set()

    def prepare(self) -> Steps[None]:
        """Make the index where it is missing, before the store first writes or finds.

        Raises:
            StoreError: The server has no query engine.
        """
        if not self._made:
            for node, name in (yield from self.indexes(self.words)):
                yield from self._make(node, name)

    def make_again(self) -> Steps[None]:
        """Make the index that is gone with all keys, as FLUSHALL takes it."""
        self._made.clear()
        self._whole.clear()
        yield from self.prepare()

    def find(self, terms: Terms, since: int | None, skip: int, limit: int) -> Steps[Sequence[Place] | None]:
        """Return the places of messages, the best first; ``None`` while the engine makes the index.

        The documents of records that are gone, as with a session that ended, are deleted, and others found
        instead.
        """
        met: set[Key] = set()
        complete = True
        while True:
            # Those that could not be read would be before all pages.
            found = yield from self._look_up(terms, since, skip, limit, unread=complete and not skip)
            if found is None:
                return None
            if found and found[0].is_unread:
                complete = False
                continue
            places = yield from self.places([each.key for each in found])
            gone = {key for key, where in places.items() if where is None}
            if gone <= met:
                pairs = ((each, places[each.key]) for each in found)
                found_now = (Place(each.key.session_id, *at, each.score) for each, at in pairs if at is not None)
                return Places(found_now, complete=complete)
            met |= gone

    def index_all(self, session_ids: Sequence[str], progress: Callable[[int], object] | None) -> Iterator[Steps[None]]:
        """Yield the steps that write the documents of sessions, and delete the documents of sessions that ended.

        Args:
            session_ids: The sessions.
            progress: Called after each of them with the number of those that are left.

        Raises:
            ConflictError: Others changed one each time that it was read.
        """
        for left, session_id in zip(reversed(range(len(session_ids))), session_ids, strict=True):
            yield self.index(session_id)
            if progress is not None:
                progress(left)
        yield self._sweep()

    def index(self, session_id: str) -> Steps[None]:
        """Write the documents of a session.

        Raises:
            ConflictError: Others changed it each time that it was read.
        """
        yield from self.prepare()
        # In this order, as turns may leave the window meanwhile. Their documents stay with the same records.
        yield from self._write_documents(session_id, 0, None, archived=False)
        start = 0
        while written := (yield from self._write_documents(session_id, start, start + PAGE, archived=True)):
            start += written

    def _sweep(self) -> Steps[None]:
        yield from self.prepare()
        for node in (yield from self.nodes()):
            cursor = -1
            while cursor:
                cursor, keys = yield from self.operation(documents.scan(self.keys, max(cursor, 0)), node)
                yield from self.places(keys)

    def with_documents(self, command: Command[T], records: Iterable[Record]) -> Command[T]:
        """Return a write with the documents of its records, behind all but the holder of its turn."""
        end = len(command.args) - command.fenced
        added = map(documents.document, records)
        return replace(command, args=(*command.args[:end], *added, *command.args[end:]))

    def _write_documents(self, session_id: str, start: int, stop: int | None, *, archived: bool) -> Steps[int]:
        """Write the documents of a part of a session, and return the number of its records."""
        part = reads.read(self.keys, session_id, archived=archived, start=start, stop=stop)
        for _ in range(TRIES):
            records = (yield from self.operation(part)).records
            command = documents.index(self.keys, session_id, records, start, archived=archived)
            if not records or (yield from self.operation(command)):
                return len(records)
        raise conflict()

    @property
    def words(self) -> str:
        """The name of the index of words, where it is not one node's."""
        return documents.index_name(self.keys)

    def indexes(self, name: str) -> Steps[list[tuple[Any, str]]]:
        """Return each node that is to be asked, and what an index of a name is called there."""
        placement = yield from self._locate()
        node = placement.nodes[0]
        if node is not None and self._takes_key is None:
            try:
                self._takes_key = yield from self.operation(documents.takes_key(self.keys), node)
            except StoreError:
                self._takes_key = False
        if not self._takes_key:
            return [(node, name)]
        pairs = zip(placement.nodes, placement.slots, strict=True)
        return [(node, documents.of_slots(name, slots)) for node, slots in pairs if slots.ranges]

    def _make(self, node: Any, name: str) -> Steps[None]:
        try:
            yield from self.operation(documents.create(self.keys, name), node)
        except StoreError as error:
            text = str(error.__cause__)
            if "unknown command" in text.lower():
                raise StoreError(_MISSING.format(place=self._place, text=text)) from error.__cause__
            if "already exists" not in text.lower():
                raise
        self._made.add(name)

    def _look_up(
        self, terms: Terms, since: int | None, skip: int, limit: int, *, unread: bool
    ) -> Steps[Sequence[Found] | None]:
        indexes = yield from self.indexes(self.words)
        # Nodes do not know what others find better.
        first, last = (0, skip + limit) if len(indexes) > 1 else (skip, limit)
        pages = []
        try:
            for node, name in indexes:
                if name not in self._made:
                    yield from self._make(node, name)
                if name not in self._whole:
                    if (yield from self.operation(documents.is_being_made(name), node)):
                        return None
                    self._whole.add(name)
                command = documents.search(self.keys, name, terms, since, first, last, self.timeout, unread=unread)
                pages.append((yield from self.operation(command, node)))
        except StoreError as error:
            if not is_missing(error):
                raise
            yield from self.make_again()
            return None
        merged = heapq.merge(*pages, key=lambda each: each.score, reverse=True)
        return list(merged) if len(pages) == 1 else list(islice(merged, skip, skip + limit))

    def places(self, keys: Sequence[Key]) -> Steps[dict[Key, Where | None]]:
        """Return where records are now, given the keys of their documents; ``None`` for what is gone."""
        numbers: dict[str, list[int]] = {}
        for key in keys:
            numbers.setdefault(key.session_id, []).append(key.number)
        places: dict[Key, Where | None] = {}
        for group in (yield from self.at_once(list(numbers))):
            places |= yield from self.operation(documents.place(self.keys, {each: numbers[each] for each in group}))
        return places

    def nodes(self) -> Steps[Sequence[Any]]:
        """Return the nodes that together hold all keys."""
        return (yield from self._locate()).nodes

    def at_once(self, session_ids: Sequence[str]) -> Steps[Sequence[Sequence[str]]]:
        """Return sessions in groups whose keys one command may name: in a cluster they are in one slot."""
        if not session_ids:
            return ()
        is_cluster = (yield from self.nodes()) != (None,)
        return [[each] for each in session_ids] if is_cluster else [session_ids]


def is_missing(error: StoreError) -> bool:
    """Return whether an error says that there is no such index."""
    text = str(error.__cause__).lower()
    return "no such index" in text or "unknown index name" in text
