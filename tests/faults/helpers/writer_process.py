"""Processes of writers: ``python -m tests.faults.helpers.writer_process URL TURNS SESSIONS WRITERS PROCESSES``.

The first says that it is ready and waits for a line. Then each writes its share, in a fork of the first, which has
imported what they need, and prints how long its slowest append took, in seconds.
"""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from typing import Any

from sessionkit_integrations import SessionManager
from tests.faults.helpers.contention import WINDOW, Load, write_in_threads


class _Timed(SessionManager):
    slowest = 0.0

    def send_messages(self, session_id: str, messages: Any, *, idempotency_key: str | None = None) -> None:
        began = time.monotonic()
        super().send_messages(session_id, messages, idempotency_key=idempotency_key)
        self.slowest = max(self.slowest, time.monotonic() - began)


def main(url: str, turns: str, sessions: str, writers: str, processes: str) -> None:
    """Write."""
    import_module("redis")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    share = int(writers) // int(processes)
    children = []
    for first in range(0, int(writers), share):
        child = os.fork()
        if child == 0:
            write(url, Load(int(turns), int(sessions)), range(first, first + share))
            return
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        sys.exit(1)


def write(url: str, load: Load, writers: range) -> None:
    """Write the share of one process."""
    with _Timed.from_url(url, WINDOW) as manager:
        write_in_threads(manager, load, writers)
    sys.stdout.write(f"{manager.slowest:.3f}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
