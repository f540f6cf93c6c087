"""Forks of this process: nothing of a store is left locked in the child, or used by both."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class ForkSafe:
    """An object whose lock is free in a child, whatever other threads did when the process forked.

    A fork copies locks as they are, but not the threads that hold them. So a fork waits until the lock is free.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        with _registering:
            _registered.add(self)

    def _before_fork(self) -> None:
        """Close what must not be carried over a fork; called with the lock held."""

    def _after_fork_in_child(self) -> None:
        """Forget what belongs to the parent; called with a new lock."""


_registered: WeakSet[ForkSafe] = WeakSet()
_registering = threading.Lock()
_quiet: list[ForkSafe] = []


def _before_fork() -> None:
    _registering.acquire()
    for each in list(_registered):
        # Whatever is raised here, as by Ctrl-C, Python only prints; the process forks all the same.
        each._lock.acquire()  # noqa: SLF001 - of the class above
        _quiet.append(each)
        each._before_fork()  # noqa: SLF001 - as above


def _after_fork_in_parent() -> None:
    try:
        while _quiet:
            _quiet.pop()._lock.release()  # noqa: SLF001 - as above
    finally:
        _registering.release()


def _after_fork_in_child() -> None:
    global _registering  # noqa: PLW0603 - other threads may have waited for the old one
    _registering = threading.Lock()
    while _quiet:
        each = _quiet.pop()
        each._lock = threading.RLock()  # noqa: SLF001 - as above
        each._after_fork_in_child()  # noqa: SLF001 - as above


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
