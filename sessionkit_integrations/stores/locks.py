"""A lock that threads get in the order in which they asked for it."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class FairLock:
    """A reentrant lock, as `threading.RLock`, that is handed on to the thread that has waited longest.

    One of `threading` goes to whichever thread is there first, which is mostly one that has just released it: where 64
    threads use it all the time, the unlucky ones wait ten times as long as their turn would take.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._owner: int | None = None
        self._depth = 0
        self._waiting: deque[_Ticket] = deque()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Wait for the lock and take it."""
        thread = threading.get_ident()
        with self._changing:
            if self._owner in {None, thread}:
                self._owner = thread
                self._depth += 1
                return
            ticket = _Ticket(thread)
            self._waiting.append(ticket)
        try:
            ticket.called.acquire()
        except BaseException:  # Ctrl-C
            with self._changing:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                else:
                    self._hand_on()
            raise

    def release(self) -> None:
        """Give the lock to the next thread; only its owner calls this."""
        with self._changing:
            self._depth -= 1
            if self._depth == 0:
                self._hand_on()

    def _hand_on(self) -> None:
        self._owner, self._depth = None, 0
        if self._waiting:
            ticket = self._waiting.popleft()
            self._owner, self._depth = ticket.thread, 1
            ticket.called.release()


class _Ticket:
    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.called = threading.Lock()
        self.called.acquire()
