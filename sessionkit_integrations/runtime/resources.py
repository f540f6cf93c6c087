"""Resources opened at their first use: one for all threads, and one for each running event loop.

Closing is what makes this hard: a store may be closed while others are in it, its process may fork, and an event loop
may end. The rule is that a resource that was opened is in one of three states. It is *current*: new uses get it. Or it
was replaced while it had users: then the last of them closes it. Or it is closed. So each use counts itself in and out,
and closing only makes a resource no longer current. Nobody loses a resource that is in use, nothing stays open, and the
next use opens another one.

A resource of an event loop can be closed by that loop alone, whose end nobody announces. But loops close the
asynchronous generators that are left in them (`loop.shutdown_asyncgens`), and each resource has one that closes it.

A fork copies resources that the parent goes on using. Those that nobody uses are closed before it and opened again in
both processes. Those in use are left to the parent: the child keeps them, unused, as collecting them would close them.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from sessionkit_integrations.runtime.forks import ForkSafe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import TracebackType

R = TypeVar("R")

_left_to_parent: list[Any] = []
"""Resources that a forked process can neither use nor close, as its parent uses them."""


@dataclass
class Opened(Generic[R]):
    """A resource, the number of its users, whether others get another one, and what closes it when its loop ends."""

    resource: R
    users: int = 0
    is_replaced: bool = False
    closer: AsyncGenerator[None, None] | None = None


class _Use(Generic[R]):
    """A use of a resource of all threads; a class, as a generator takes three times as long for each operation."""

    __slots__ = ("_opened", "_shared")

    def __init__(self, shared: Shared[R], opened: Opened[R]) -> None:
        self._shared, self._opened = shared, opened

    def __enter__(self) -> R:
        return self._opened.resource

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shared.leave(self._opened)


class _LoopUse(Generic[R]):
    """A use of the running loop's resource."""

    __slots__ = ("_opened", "_per_loop")

    def __init__(self, per_loop: PerLoop[R]) -> None:
        self._per_loop = per_loop
        self._opened: Opened[R] | None = None

    async def __aenter__(self) -> R | None:
        self._opened = await self._per_loop.enter()
        return None if self._opened is None else self._opened.resource

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            # A coroutine that is closed instead of run can wait for nothing; the loop's shutdown closes the resource.
            await self._per_loop.leave(self._opened, may_wait=kind is not GeneratorExit)


class Shared(ForkSafe, Generic[R]):
    """A resource that all threads share.

    Args:
        open_resource: Opens it.
        close_resource: Closes it.
        opens_slowly: Whether opening it waits for a server. Then threads do not wait for each other as well: each opens
            one, the first of these is used, and the others are closed again.
    """

    def __init__(
        self, open_resource: Callable[[], R], close_resource: Callable[[R], object], *, opens_slowly: bool = False
    ) -> None:
        super().__init__()
        self._open = open_resource
        self._close = close_resource
        self._opens_slowly = opens_slowly
        self._current: Opened[R] | None = None

    def use(self) -> AbstractContextManager[R]:
        """Return a context of the resource, which is opened at the first use."""
        return _Use(self, self.enter())

    def enter(self) -> Opened[R]:
        """Begin a use, as `use` does without an object for it; `leave` ends it."""
        own = Opened(self._open()) if self._opens_slowly and self._current is None else None
        with self._lock:
            if self._current is None:
                self._current = own or Opened(self._open())
            opened = self._current
            opened.users += 1
        if own is not None and own is not opened:
            self._close(own.resource)
        return opened

    def leave(self, opened: Opened[R]) -> None:
        """End a use."""
        with self._lock:
            opened.users -= 1
            is_last = opened.is_replaced and not opened.users
        if is_last:
            self._close(opened.resource)

    def close(self) -> None:
        """Close the resource as soon as nobody uses it any more; the next use opens another one."""
        with self._lock:
            opened, self._current = self._current, None
            if opened is None:
                return
            opened.is_replaced = True
            is_unused = not opened.users
        if is_unused:
            self._close(opened.resource)

    def _before_fork(self) -> None:
        # Drivers warn in the child of connections that they find open there.
        if self._current is not None and not self._current.users:
            self.close()

    def _after_fork_in_child(self) -> None:
        if self._current is not None:
            # A thread that does not exist here was in it, so that locks of its own may be held for ever.
            _left_to_parent.append(self._current)
            self._current = None


class PerLoop(ForkSafe, Generic[R]):
    """Resources that belong to one event loop each, such as clients of asyncio drivers.

    Each is opened at its first use in a loop and closed by the loop's own shutdown, as `asyncio.run` does, so that
    repeated runs leak nothing.

    Loops outside the main thread have none. They are often made for a single call, and some are closed without
    that shutdown (as in LlamaIndex's synchronous methods), after which nobody can close what they leave.

    Args:
        open_resource: Opens a resource, without waiting.
        close_resource: Closes one.
    """

    def __init__(self, open_resource: Callable[[], R], close_resource: Callable[[R], Awaitable[object]]) -> None:
        super().__init__()
        self._open = open_resource
        self._close = close_resource
        # Loops that ended without a shutdown are dropped at the next opening: a resource may keep its loop alive.
        self._current: WeakKeyDictionary[asyncio.AbstractEventLoop, Opened[R]] = WeakKeyDictionary()

    def use(self) -> AbstractAsyncContextManager[R | None]:
        """Return a context of the running loop's resource; of ``None`` outside the main thread."""
        return _LoopUse(self)

    async def enter(self) -> Opened[R] | None:
        """Begin a use."""
        if threading.current_thread() is not threading.main_thread():
            return None
        loop = asyncio.get_running_loop()
        with self._lock:
            opened = self._current.get(loop)
        if opened is None:
            opened = await self._open_in(loop)
        opened.users += 1
        return opened

    async def leave(self, opened: Opened[R], *, may_wait: bool) -> None:
        """End a use."""
        opened.users -= 1
        if may_wait and opened.is_replaced and not opened.users:
            await _end(opened)

    async def close(self) -> None:
        """Close the running loop's resource as soon as nobody uses it any more; the next use opens another one."""
        with self._lock:
            opened = self._current.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            opened.is_replaced = True
            if not opened.users:
                await _end(opened)

    def close_idle(self) -> None:
        """Close the resources of loops that are not running, if this is their thread."""
        if threading.current_thread() is not threading.main_thread() or _in_running_loop():
            return
        for loop in list(self._current):
            if not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(self.close())

    async def _open_in(self, loop: asyncio.AbstractEventLoop) -> Opened[R]:
        with self._lock:
            for ended in [other for other in self._current if other.is_closed()]:
                self._current.pop(ended, None)
            opened = self._current[loop] = Opened(self._open())
            opened.closer = self._close_at_end(opened)
        await anext(opened.closer)
        return opened

    async def _close_at_end(self, opened: Opened[R]) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            opened.closer = None
            loop = asyncio.get_running_loop()
            with self._lock:
                if self._current.get(loop) is opened:
                    del self._current[loop]
            await self._close(opened.resource)

    def _after_fork_in_child(self) -> None:
        _left_to_parent.extend(self._current.values())
        self._current = WeakKeyDictionary()


class Borrowed(Generic[R]):
    """A resource for event loops that somebody else opened and closes; it is used as a resource of `PerLoop` is.

    Args:
        resource: The resource; ``None`` to use the one that all threads share.
    """

    def __init__(self, resource: R | None) -> None:
        self._resource = resource

    def use(self) -> AbstractAsyncContextManager[R | None]:
        """Return a context of the resource."""
        return nullcontext(self._resource)

    async def close(self) -> None:
        """Leave the resource open."""

    def close_idle(self) -> None:
        """Leave the resource open."""


async def _end(opened: Opened[Any]) -> None:
    if opened.closer is not None:
        await opened.closer.aclose()


def _in_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
