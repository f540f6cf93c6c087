"""Summaries made beside the writes that noticed that they are due: in threads, and in tasks of event loops.

A session is summarised once at a time in a process. Threads are daemons, and loops cancel their tasks, so that a model
that does not answer keeps no process from ending; what it was to summarise waits.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import SessionKitError
from sessionkit_integrations.runtime.forks import ForkSafe
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.sessions.steps import arun_on, run_on
from sessionkit_integrations.stores.turns import leave_all

if TYPE_CHECKING:
    from sessionkit_integrations.records.summaries import SessionSummary
    from sessionkit_integrations.sessions.summaries import Summarizer, Summary
    from sessionkit_integrations.stores.base import Store

MOST_THREADS = 4
"""Most summaries that the threads of a manager make at once."""

MOST_BEGUN = 64
"""Most sessions that a manager's threads summarise or are about to, and as many for its tasks. Others wait for a later
write to them, as they do in any case where models are slower than users."""


class Summaries(ForkSafe):
    """The summaries of a manager's sessions.

    Args:
        summary: The way in which they are made.
        summarizer: Makes them.
        store: The store of the sessions.
    """

    def __init__(self, summary: Summary, summarizer: Summarizer, store: Store) -> None:
        self._every = summary.every
        self._background = summary.background
        self._summarizer = summarizer
        self._store = store
        self._threads: dict[str, threading.Thread] = {}
        self._tasks: dict[str, asyncio.Task[bool]] = {}
        self._free = threading.BoundedSemaphore(MOST_THREADS)
        super().__init__()

    def after(self, session_id: str, waiting_turns: int) -> bool:
        """Begin a summary if so many turns wait that one is due; return whether one was made before this returns."""
        if not self._is_due(waiting_turns):
            return False
        if not self._background:
            return self._try(session_id)
        with self._lock:
            running = self._threads.get(session_id)
            if (running is None or not running.is_alive()) and len(self._threads) < MOST_BEGUN:
                thread = threading.Thread(target=self._work, args=(session_id,), name="sessionkit-summary", daemon=True)
                self._threads[session_id] = thread
                thread.start()
        return False

    async def aafter(self, session_id: str, waiting_turns: int) -> bool:
        """See `after`."""
        if not self._is_due(waiting_turns):
            return False
        if not self._background:
            return await self._atry(session_id)
        running = self._tasks.get(session_id)
        is_free = running is None or running.done() or not running.get_loop().is_running()
        if is_free and len(self._tasks) < MOST_BEGUN:
            task = self._tasks[session_id] = asyncio.create_task(self._awork(session_id))
            task.add_done_callback(lambda done: self._forget(session_id, done))
        return False

    def after_edit(self, session_id: str) -> None:
        """Begin a summary if one is due after an edit, which does not tell what waits."""
        try:
            info = self._store.describe(session_id)
        except SessionKitError as error:
            _warn(session_id, error)
        else:
            self.after(session_id, 0 if info is None else info.waiting_turns)

    async def aafter_edit(self, session_id: str) -> None:
        """See `after_edit`."""
        try:
            info = await self._store.adescribe(session_id)
        except SessionKitError as error:
            _warn(session_id, error)
        else:
            await self.aafter(session_id, 0 if info is None else info.waiting_turns)

    def summarize(self, session_id: str) -> SessionSummary | None:
        """Summarise what waits; see `Summarizer.summarize`."""
        return run_on(self._store, self._summarizer.summarize(session_id, self._store.timeout))

    async def asummarize(self, session_id: str) -> SessionSummary | None:
        """See `summarize`."""
        return await arun_on(self._store, self._summarizer.summarize(session_id, self._store.timeout))

    def close(self) -> None:
        """Wait for the summaries that threads make, for as long as the store's timeout."""
        deadline = time.monotonic() + self._store.timeout
        for thread in list(self._threads.values()):
            if thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0))

    async def aclose(self) -> None:
        """Wait for the summaries that the running loop makes, and that threads make."""
        loop = asyncio.get_running_loop()
        own = {task for task in list(self._tasks.values()) if task.get_loop() is loop and not task.done()}
        own -= {asyncio.current_task()}
        if own:
            _, late = await asyncio.wait(own, timeout=self._store.timeout)
            for task in late:  # it would open the store again
                task.cancel()
        if self._threads:
            await asyncio.to_thread(self.close)

    def _is_due(self, waiting_turns: int) -> bool:
        return self._every is not None and waiting_turns >= self._every

    def _work(self, session_id: str) -> None:
        with self._free:
            self._try(session_id)
        with self._lock:
            if self._threads.get(session_id) is threading.current_thread():
                del self._threads[session_id]

    async def _awork(self, session_id: str) -> bool:
        leave_all()
        return await self._atry(session_id)

    def _try(self, session_id: str) -> bool:
        try:
            run_on(self._store, self._summarizer.summarize(session_id, None))
        except SessionKitError as error:
            _warn(session_id, error)
            return False
        return True

    async def _atry(self, session_id: str) -> bool:
        try:
            await arun_on(self._store, self._summarizer.summarize(session_id, None))
        except SessionKitError as error:
            _warn(session_id, error)
            return False
        return True

    def _forget(self, session_id: str, task: asyncio.Task[bool]) -> None:
        if self._tasks.get(session_id) is task:
            del self._tasks[session_id]

    def _after_fork_in_child(self) -> None:
        self._threads, self._tasks = {}, {}
        self._free = threading.BoundedSemaphore(MOST_THREADS)


def _warn(session_id: str, error: SessionKitError) -> None:
    LOGGER.warning("session %r was not summarised: %s", session_id, error)
