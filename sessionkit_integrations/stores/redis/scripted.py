"""Operations on Redis and Upstash, each written once, for both servers, sync and async."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.errors import SessionKitError, StoreUnavailableError
from sessionkit_integrations.runtime.gates import CrowdedError
from sessionkit_integrations.runtime.retries import DEFAULT_TIMEOUT, Attempts, Backoff, Failure, Policy, retrying
from sessionkit_integrations.runtime.steps import Emit, arun, astream, run, stream
from sessionkit_integrations.stores.copies import with_options
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.options import KEY_PREFIX, checked_timeout, in_seconds, ttl_milliseconds
from sessionkit_integrations.stores.redis import commands, reads
from sessionkit_integrations.stores.redis.connections import shared_threads
from sessionkit_integrations.stores.redis.exchanging import Exchanges
from sessionkit_integrations.stores.redis.fencing import fenced
from sessionkit_integrations.stores.redis.forking import Forks
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.redis.placement import locate, slots_command
from sessionkit_integrations.stores.redis.replies import UnexpectedReplyError
from sessionkit_integrations.stores.redis.requests import Send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import timedelta

    from typing_extensions import Unpack

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.placement import Placement
    from sessionkit_integrations.stores.values import Appended, AppendOptions, Edit, SessionInfo, Snapshot
    from sessionkit_integrations.window.turns import Window

T = TypeVar("T")

MAX_WALKS = 3
"""Most walks of one listing over a cluster whose slots are moving; two find what moves once."""

ATTEMPTS = 5
BACKOFF = Backoff(first=0.02, longest=0.5, least=0.5)


class ScriptedStore(Exchanges, Forks):
    """A store on a server that runs our Lua scripts; a subclass performs the steps of operations."""

    _keys = Keys()
    """A default for the repr of a store whose constructor raised, which a traceback may show."""

    _names_all = False
    """True if scripts may touch no key that is not named."""

    _driver_errors: tuple[type[Exception], ...]
    """Exceptions of `_perform`."""

    _timed_out: Callable[[str], Exception]
    """Builds the driver's own timeout error."""

    _place: str
    """The server, as errors call it."""

    def __init__(
        self,
        *,
        key_prefix: str,
        ttl: float | timedelta | None,
        archive: bool,
        raw_ids: bool,
        timeout: float,
        batch: bool,
        wait_share: float,
    ) -> None:
        super().__init__(batch=batch)
        self.archive = archive
        self._keys = Keys(key_prefix, raw_ids)
        self.key_prefix = self._keys.prefix
        self._ttl = ttl_milliseconds(ttl)
        self.timeout = checked_timeout(timeout)
        # An attempt waits for an answer no longer than leaves time for another one.
        self._wait = timeout * wait_share
        self._threads = shared_threads()
        self._policy = Policy(BACKOFF, ATTEMPTS, timeout, reserve=self._wait)

    def _with_options(self, url: str) -> str:
        """Return a URL with the options that are other than by default."""
        return with_options(
            url,
            ttl=in_seconds(self._ttl),
            archive=self.archive,
            key_prefix=None if self._keys.prefix == KEY_PREFIX else self._keys.prefix,
            raw_ids=self._keys.raw_ids,
            timeout=None if self.timeout == DEFAULT_TIMEOUT else self.timeout,
            batch=None if self.batch else "false",
        )

    @property
    def keys(self) -> Keys:
        """The names of the store's keys."""
        return self._keys

    @property
    def ttl(self) -> int | None:
        """Milliseconds that a session is kept after its last change; for ever if ``None``."""
        return self._ttl

    def ask(self, *words: str | int, node: Any = None) -> Any:
        """Send a command that the store itself does not use, and return the driver's reply.

        Args:
            words: The command.
            node: One of `nodes` to send it to.

        Raises:
            StoreError: The server refused it, or cannot be reached.
        """
        name, *arguments = words
        return self._run(commands.Command(str(name), (), tuple(arguments), lambda reply: reply), node)

    def nodes(self) -> Sequence[Any]:
        """Return the nodes that together hold all keys; a single ``None`` for a server that is not a cluster."""
        return run(self._locate(), self._perform).nodes

    @abstractmethod
    def _explain(self, error: Exception, command: Command[Any]) -> Failure:
        """Return what one of the driver's errors means."""

    def append(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        return self._run(self._append(session_id, records, window, operation_id, options))

    async def aappend(
        self,
        session_id: str,
        records: Sequence[Record],
        window: Window,
        operation_id: str,
        **options: Unpack[AppendOptions],
    ) -> Appended:
        """See `Store.append`."""
        return await self._arun(self._append(session_id, records, window, operation_id, options))

    def read(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return self._run(reads.read(self._keys, session_id, archived=archived, start=start, stop=stop))

    async def aread(
        self, session_id: str, *, archived: bool = False, start: int | None = None, stop: int | None = None
    ) -> Snapshot:
        """See `Store.read`."""
        return await self._arun(reads.read(self._keys, session_id, archived=archived, start=start, stop=stop))

    def replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        self._run(self._replace(session_id, edit, expected, operation_id))

    async def areplace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> None:
        """See `Store.replace`."""
        await self._arun(self._replace(session_id, edit, expected, operation_id))

    def describe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        return self._run(commands.describe(self._keys, session_id))

    async def adescribe(self, session_id: str) -> SessionInfo | None:
        """See `Store.describe`."""
        return await self._arun(commands.describe(self._keys, session_id))

    def lease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `Store.lease`."""
        return self._run(commands.lease(self._keys, session_id, name, holder, seconds))

    async def alease(self, session_id: str, name: str, holder: str, seconds: float) -> bool:
        """See `lease`."""
        return await self._arun(commands.lease(self._keys, session_id, name, holder, seconds))

    def delete(self, session_id: str) -> None:
        """See `Store.delete`."""
        self._run(self._delete(session_id))

    async def adelete(self, session_id: str) -> None:
        """See `Store.delete`."""
        await self._arun(self._delete(session_id))

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`; on a server this walks with SCAN, which blocks nobody."""
        return stream(self._list(), self._perform)

    def asessions(self) -> AsyncIterator[str]:
        """See `sessions`."""
        return astream(self._list(), self._aperform)

    def close(self) -> None:
        """Close the store's own connections, but for those that a running event loop uses: `aclose` closes these."""
        self._shared.close()
        self._threads.close()
        self._per_loop.close_idle()

    async def aclose(self) -> None:
        """Close the store's own connections of the running event loop and the synchronous ones."""
        await self._per_loop.close()
        self.close()

    def _append(
        self, session_id: str, records: Sequence[Record], window: Window, operation_id: str, options: AppendOptions
    ) -> Command[Appended]:
        command = commands.append(
            self._keys,
            session_id,
            records,
            window,
            operation_id,
            ttl=self._ttl,
            archive=self.archive,
            names_all=self._names_all,
            **options,
        )
        return fenced(self, self._keys, session_id, command)

    def _replace(self, session_id: str, edit: Edit, expected: str | None, operation_id: str) -> Command[None]:
        command = commands.replace(
            self._keys, session_id, edit, expected, operation_id, ttl=self._ttl, archive=self.archive
        )
        return fenced(self, self._keys, session_id, command)

    def _delete(self, session_id: str) -> Command[None]:
        return fenced(self, self._keys, session_id, commands.delete(self._keys, session_id, operation_id()))

    def _run(self, command: Command[T], node: Any = None) -> T:
        return run(self._operation(command, node), self._perform)

    async def _arun(self, command: Command[T], node: Any = None) -> T:
        return await arun(self._operation(command, node), self._aperform)

    def _operation(self, command: Command[T], node: Any = None) -> Steps[T]:
        """Send a command, again if need be, and return what its reply says."""
        attempts = Attempts(self._policy)

        def attempt() -> Send:
            return Send(command, attempts.deadline, node, not attempts.is_first)

        return retrying(command.name, attempt, attempts, partial(self._judge, command))

    def _locate(self) -> Steps[Placement]:
        attempts, judge = Attempts(self._policy), partial(self._judge, slots_command())
        return retrying("CLUSTER NODES", lambda: locate(attempts.deadline), attempts, judge)

    def _list(self) -> Steps[None]:
        seen: set[str] = set()
        placement = yield from self._locate()
        for _ in range(MAX_WALKS):
            for node in placement.nodes:
                cursor = -1
                while cursor:
                    cursor, found = yield from self._operation(commands.scan(self._keys, max(cursor, 0)), node)
                    yield from Emit(_unseen(found, seen))
            before, placement = placement, (yield from self._locate())
            if not placement.has_moved_since(before):
                return

    def _judge(self, command: Command[Any], error: Exception) -> Failure | None:
        if isinstance(error, SessionKitError):
            return None
        if isinstance(error, CrowdedError):
            message = (
                f"no connection to {self._place} was free within the timeout of {self.timeout:g} s:"
                " allow more connections or a longer timeout"
            )
            return Failure(StoreUnavailableError(message, may_have_happened=False))
        if isinstance(error, UnexpectedReplyError):
            message = f"{self._place} gave an answer to {command.name} that is not Redis's ({error}): is it Redis?"
            return Failure(StoreUnavailableError(message, may_have_happened=command.writes), final=True)
        if isinstance(error, asyncio.TimeoutError):
            timed_out = self._timed_out("the operation took too long")
            timed_out.__cause__ = error
            return replace(self._explain(timed_out, command), cause=timed_out)
        return self._explain(error, command) if isinstance(error, self._driver_errors) else None


def _unseen(found: Sequence[str], seen: set[str]) -> list[str]:
    """Return what of ``found`` is not yet ``seen``, and add it there: SCAN may name a key more than once."""
    fresh = [session_id for session_id in dict.fromkeys(found) if session_id not in seen]
    seen.update(fresh)
    return fresh
