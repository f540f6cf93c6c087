"""Steps of operations, performed over a store's connections, in both worlds."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations.runtime import retries
from sessionkit_integrations.runtime.batches import ALONE
from sessionkit_integrations.runtime.gates import CrowdedError
from sessionkit_integrations.stores.options import checked_flag
from sessionkit_integrations.stores.redis.batching import joins

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import ThreadPoolExecutor

    from sessionkit_integrations.runtime.batches import Settle
    from sessionkit_integrations.runtime.resources import Borrowed, PerLoop, Shared
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.stores.redis.commands import Command
    from sessionkit_integrations.stores.redis.connections import AsyncConnections, Connections
    from sessionkit_integrations.stores.redis.requests import FindNodes, Send

T = TypeVar("T")


class PerformsSteps(ABC):
    """The connections of a store, and what is done over them."""

    _wait: float
    """Seconds that an attempt waits for an answer at most."""

    _threads: Shared[ThreadPoolExecutor]
    """Threads for what has no asynchronous connections."""

    _shared: Shared[Connections[Any]]
    """Connections for synchronous use."""

    _per_loop: PerLoop[AsyncConnections[Any]] | Borrowed[AsyncConnections[Any]]
    """Connections for asynchronous use; where it has none, the others are used in threads."""

    def __init__(self, *, batch: bool) -> None:
        self.batch = checked_flag("batch", batch)

    @abstractmethod
    def _operation(self, command: Command[T], node: Any = None) -> Steps[T]:
        """Send a command, again if need be, and return what its reply says."""

    @abstractmethod
    def _send(self, own: Connections[Any], step: Send | FindNodes) -> Any:
        """Perform a step of an operation over the store's connections."""

    @abstractmethod
    async def _asend(self, own: AsyncConnections[Any], step: Send | FindNodes) -> Any:
        """See `_send`."""

    @abstractmethod
    async def _asend_all(self, own: AsyncConnections[Any], steps: Sequence[Send], settle: Settle) -> None:
        """Send commands in one round trip, and settle each as `Batches.join` wants it."""

    def _perform(self, step: Send | FindNodes) -> Any:
        opened = self._shared.enter()
        try:
            own = opened.resource
            own.gate.enter(step.deadline - self._wait)
            try:
                return self._send(own, step)
            finally:
                own.gate.leave()
        finally:
            self._shared.leave(opened)

    async def _aperform(self, step: Send | FindNodes) -> Any:
        async with self._per_loop.use() as own:
            if own is None:
                return await self._perform_in_thread(step)
            if self.batch and joins(step) and (name := own.destination(step.command)) is not None:
                reply = await own.batches[name].join(step, partial(self._asend_all, own))
                if reply is not ALONE:
                    return reply
            await own.gate.enter(step.deadline)
            try:
                deadline = min(step.deadline, time.monotonic() + own.wait)
                return await retries.within(deadline, partial(self._asend, own, step))
            finally:
                own.gate.leave()

    async def _perform_in_thread(self, step: Send | FindNodes) -> Any:
        has_begun = False

        def perform() -> Any:
            nonlocal has_begun
            has_begun = True
            return self._perform(step)

        with self._threads.use() as threads:
            run_in_thread = partial(asyncio.get_running_loop().run_in_executor, threads, perform)
            try:
                return await retries.within(step.deadline, run_in_thread)
            except asyncio.TimeoutError as error:
                if has_begun:
                    raise
                raise CrowdedError from error
