"""Resources opened at their first use: one for all threads, and one for each running event loop."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from sessionkit_integrations.runtime.forks import ForkSafe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import TracebackType

R = TypeVar("R")

_inherited: list[Any] = []
"""What a forked process can neither use nor close, as the parent uses it; kept, as collecting it would close it."""


@dataclass
class _Held(Generic[R]):
    resource: R
    users: int = 0
    keeper: AsyncGenerator[None, None] | None = None
    forsaken: bool = False


class _Use(Generic[R]):
    """One use of a shared resource; a class, as each operation has one, and a generator takes three times as long."""

    __slots__ = ("_held", "_shared")

    def __init__(self, shared: Shared[R], held: _Held[R]) -> None:
        self._shared, self._held = shared, held

    def __enter__(self) -> R:
        return self._held.resource

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shared.leave(self._held)


class _LoopUse(Generic[R]):
    """One use of the running loop's resource."""

    __slots__ = ("_held", "_per_loop")

    def __init__(self, per_loop: PerLoop[R]) -> None:
        self._per_loop = per_loop
        self._held: _Held[R] | None = None

    async def __aenter__(self) -> R | None:
        self._held = await self._per_loop.enter()
        return None if self._held is None else self._held.resource

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            # A coroutine that is closed instead of run can wait for nothing; the loop's shutdown closes the resource.
            await self._per_loop.leave(self._held, closes=kind is not GeneratorExit)


class Shared(ForkSafe, Generic[R]):
    """A resource that all threads share.

    Args:
        opened: Opens it.
        closed: Closes it.
        waits: Whether opening it waits for others, so that threads had better not wait for each other as well; all
            that one of them opened first is closed again.
    """

    def __init__(self, opened: Callable[[], R], closed: Callable[[R], object], *, waits: bool = False) -> None:
        super().__init__()
        self._opened = opened
        self._closed = closed
        self._waits = waits
        self._held: _Held[R] | None = None

    def use(self) -> AbstractContextManager[R]:
        """Give the resource, opened at the first use, and anew in a process that was forked."""
        own = _Held(self._opened()) if self._waits and self._held is None else None
        with self._lock:
            if self._held is None:
                self._held = own or _Held(self._opened())
            held = self._held
            held.users += 1
        if own is not None and own is not held:
            self._closed(own.resource)
        return _Use(self, held)

    def leave(self, held: _Held[R]) -> None:
        """End a use."""
        with self._lock:
            held.users -= 1
            forsaken = held is not self._held and not held.users
        if forsaken:
            self._closed(held.resource)

    def close(self) -> None:
        """Close the resource as soon as nobody uses it any more; the next use opens another."""
        with self._lock:
            held, self._held = self._held, None
            unused = held is not None and not held.users
        if held is not None and unused:
            self._closed(held.resource)

    def _before_fork(self) -> None:
        # What nobody uses is opened again in both processes: drivers warn in the child of what they find open there.
        if self._held is not None and not self._held.users:
            self.close()

    def _after_fork_in_child(self) -> None:
        if self._held is not None:
            # A thread that is not here was in it, so that locks of its own may be held for ever.
            _inherited.append(self._held)
            self._held = None


class PerLoop(ForkSafe, Generic[R]):
    """Resources that belong to one event loop each, such as clients of asyncio drivers.

    Each is opened at its first use in a loop and closed by that loop's own shutdown (``asyncio.run`` and its
    like close the asynchronous generators that are left), so that repeated runs leak nothing.

    Loops outside the main thread have none. They are often made for a single call, and some are closed without
    that shutdown (those of LlamaIndex's synchronous methods), after which nobody can close what they leave.

    Args:
        opened: Opens a resource, without waiting.
        closed: Closes one.
    """

    def __init__(self, opened: Callable[[], R], closed: Callable[[R], Awaitable[object]]) -> None:
        super().__init__()
        self._opened = opened
        self._closed = closed
        # Loops that ended without a shutdown are dropped at the next opening: a resource may hold its loop alive.
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held[R]] = WeakKeyDictionary()

    def use(self) -> AbstractAsyncContextManager[R | None]:
        """Give the running loop's resource, opened at the first use; ``None`` outside the main thread."""
        return _LoopUse(self)

    async def enter(self) -> _Held[R] | None:
        """Begin a use."""
        if threading.current_thread() is not threading.main_thread():
            return None
        held = await self._get()
        held.users += 1
        return held

    async def leave(self, held: _Held[R], *, closes: bool) -> None:
        """End a use."""
        held.users -= 1
        if closes and held.forsaken and not held.users:
            await _end(held)

    async def close(self) -> None:
        """Close the running loop's resource as soon as nobody uses it any more; the next use opens another."""
        with self._lock:
            held = self._held.pop(asyncio.get_running_loop(), None)
        if held is not None:
            held.forsaken = True
            if not held.users:
                await _end(held)

    def close_idle(self) -> None:
        """Close what belongs to loops that stand still, if this is their thread."""
        if threading.current_thread() is not threading.main_thread() or _in_running_loop():
            return
        for loop in list(self._held):
            if not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(self.close())

    async def _get(self) -> _Held[R]:
        loop = asyncio.get_running_loop()
        with self._lock:
            held = self._held.get(loop)
            if held is not None:
                return held
            for ended in [other for other in self._held if other.is_closed()]:
                self._held.pop(ended, None)
            held = self._held[loop] = _Held(self._opened())
            held.keeper = self._keep(held)
        await anext(held.keeper)
        return held

    async def _keep(self, held: _Held[R]) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            held.keeper = None
            loop = asyncio.get_running_loop()
            with self._lock:
                if self._held.get(loop) is held:
                    del self._held[loop]
            await self._closed(held.resource)

    def _after_fork_in_child(self) -> None:
        _inherited.extend(self._held.values())
        self._held = WeakKeyDictionary()


async def _end(held: _Held[Any]) -> None:
    if held.keeper is not None:
        await held.keeper.aclose()


def _in_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
