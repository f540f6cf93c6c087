"""What Redis and Upstash share: every operation, written once."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.runtime.retries import Attempts, within
from sessionkit_integrations.stores.base import Appended, Snapshot, Store
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.options import checked_timeout, ttl_milliseconds
from sessionkit_integrations.stores.redis import commands
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.redis.placement import ONE_NODE, Placement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from datetime import timedelta

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.resources import PerLoop, Shared
    from sessionkit_integrations.runtime.retries import Failure
    from sessionkit_integrations.stores.base import Edit
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.window.turns import Window

T = TypeVar("T")

MAX_WALKS = 3
"""How often a listing walks over a cluster whose slots are moving; it takes two to find what moves once."""

_WAIT_SHARE = 0.4
"""How much of an operation's time one attempt may wait for an answer: so much that there is time for another one."""


class ScriptedStore(Store):
    """A store on a server that runs our Lua scripts; a subclass says how a command gets there."""

    _keys = Keys()
    """What a store has whose constructor raises, and whose repr is in the traceback."""

    _driver_errors: tuple[type[Exception], ...]
    """What `_send` raises when it fails."""

    _timed_out: Callable[[str], Exception]
    """Makes that of them which says that there was no answer in time."""

    _wait: float
    """How many seconds an attempt waits for an answer, at most."""

    _shared: Shared[Any]
    """The store's own connections, for synchronous use."""

    _per_loop: PerLoop[Any]
    """The same for asynchronous use."""

    def __init__(
        self, *, key_prefix: str, ttl: float | timedelta | None, archive: bool, raw_ids: bool, timeout: float
    ) -> None:
        self.archive = archive
        self._keys = Keys(key_prefix, raw_ids)
        self._ttl = ttl_milliseconds(ttl)
        self._timeout = checked_timeout(timeout)
        self._wait = timeout * _WAIT_SHARE

    @property
    def keys(self) -> Keys:
        """The names of the store's keys."""
        return self._keys

    @property
    def ttl(self) -> int | None:
        """How long a session is kept after its last change, in milliseconds; for ever if ``None``."""
        return self._ttl

    def ask(self, *words: str | int, node: Any = None) -> Any:
        """Send a command that is none of the store's own, and return the reply as the driver has it.

        Args:
            words: The command.
            node: Where to send it, one of `nodes`.

        Raises:
            StoreError: The server refused it, or cannot be reached.
        """
        name, *arguments = words
        return self._run(commands.Command(str(name), (), tuple(arguments), lambda reply: reply), node)

    def nodes(self) -> Sequence[Any]:
        """Return the nodes that together hold all keys; a single ``None`` where there is but one server."""
        return self._retried(self._placement, commands.slots()).nodes

    @abstractmethod
    def _send(self, command: Command[Any], node: Any) -> Any:
        """Send a command, to one node where the server has several, and return the reply."""

    @abstractmethod
    async def _asend(self, command: Command[Any], node: Any) -> Any:
        """See `_send`."""

    @abstractmethod
    def _explain(self, error: Exception, command: Command[Any]) -> Failure:
        """Return what one of the driver's errors means."""

    def _placement(self) -> Placement:
        """Return which nodes together hold all keys."""
        return ONE_NODE

    async def _aplacement(self) -> Placement:
        """See `_placement`."""
        return ONE_NODE

    def append(self, session_id: str, records: Sequence[Record], window: Window, operation_id: str) -> Appended:
        """See `Store.append`."""
        return self._run(self._append(session_id, records, window, operation_id))

    async def aappend(self, session_id: str, records: Sequence[Record], window: Window, operation_id: str) -> Appended:
        """See `Store.append`."""
        return await self._arun(self._append(session_id, records, window, operation_id))

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return self._run(commands.read(self._keys, session_id, archived=archived, start=start, stop=stop))

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return await self._arun(commands.read(self._keys, session_id, archived=archived, start=start, stop=stop))

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        self._run(commands.replace(self._keys, session_id, edit, expected, operation_id, ttl=self._ttl))

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        await self._arun(commands.replace(self._keys, session_id, edit, expected, operation_id, ttl=self._ttl))

    def delete(self, session_id: str) -> None:
        """See `Store.delete`."""
        self._run(commands.delete(self._keys, session_id, operation_id()))

    async def adelete(self, session_id: str) -> None:
        """See `Store.delete`."""
        await self._arun(commands.delete(self._keys, session_id, operation_id()))

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`; on a server this walks with SCAN, which blocks nobody."""
        seen: set[str] = set()
        placement = self._retried(self._placement, commands.slots())
        for _ in range(MAX_WALKS):
            for node in placement.nodes:
                cursor = -1
                while cursor:
                    cursor, found = self._run(commands.scan(self._keys, max(cursor, 0)), node)
                    yield from _unseen(found, seen)
            before, placement = placement, self._retried(self._placement, commands.slots())
            if placement.is_still(before):
                return

    async def asessions(self) -> AsyncIterator[str]:
        """See `sessions`."""
        seen: set[str] = set()
        placement = await self._aretried(self._aplacement, commands.slots())
        for _ in range(MAX_WALKS):
            for node in placement.nodes:
                cursor = -1
                while cursor:
                    cursor, found = await self._arun(commands.scan(self._keys, max(cursor, 0)), node)
                    for session_id in _unseen(found, seen):
                        yield session_id
            before, placement = placement, await self._aretried(self._aplacement, commands.slots())
            if placement.is_still(before):
                return

    def close(self) -> None:
        """Close the store's own connections, except that of a running event loop: `aclose` closes those."""
        self._shared.close()
        self._per_loop.close_idle()

    async def aclose(self) -> None:
        """Close the store's own connections of the running event loop and the synchronous ones."""
        await self._per_loop.close()
        self.close()

    def _append(
        self, session_id: str, records: Sequence[Record], window: Window, operation_id: str
    ) -> Command[Appended]:
        return commands.append(
            self._keys, session_id, records, window, operation_id, ttl=self._ttl, archive=self.archive
        )

    def _run(self, command: Command[T], node: Any = None) -> T:
        return command.read_reply(self._retried(lambda: self._send(command, node), command))

    async def _arun(self, command: Command[T], node: Any = None) -> T:
        return command.read_reply(await self._aretried(lambda: self._asend(command, node), command))

    def _retried(self, attempt: Callable[[], T], command: Command[Any]) -> T:
        """Return the result of an attempt at a command, or at what it needs, repeated as `Attempts` says."""
        attempts = Attempts(self._timeout, self._wait)
        while True:
            try:
                return attempt()
            except self._driver_errors as error:
                delay = attempts.delay_after(self._explain(error, command), error)
            time.sleep(delay)

    async def _aretried(self, attempt: Callable[[], Awaitable[T]], command: Command[Any]) -> T:
        """See `_retried`."""
        attempts = Attempts(self._timeout, self._wait)
        while True:
            try:
                return await within(attempts.deadline, attempt)
            except self._driver_errors as error:
                delay = attempts.delay_after(self._explain(error, command), error)
            except asyncio.TimeoutError as error:
                delay = attempts.delay_after(
                    self._explain(self._timed_out("the operation took too long"), command), error
                )
            await asyncio.sleep(delay)


def _unseen(found: Sequence[str], seen: set[str]) -> list[str]:
    """Return what of ``found`` is not yet ``seen``, and add it there: SCAN may name a key more than once."""
    fresh = [session_id for session_id in dict.fromkeys(found) if session_id not in seen]
    seen.update(fresh)
    return fresh
