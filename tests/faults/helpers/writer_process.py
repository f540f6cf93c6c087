"""A process of writers: ``python -m tests.faults.helpers.writer_process URL TURNS SESSIONS FIRST LAST``.

It says that it is ready, waits for a line, writes, and prints how long its slowest append took, in seconds.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from sessionkit_integrations import SessionManager
from tests.faults.helpers.contention import WINDOW, Load, write_in_threads


class _Timed(SessionManager):
    slowest = 0.0

    def send_messages(self, session_id: str, messages: Any, *, idempotency_key: str | None = None) -> None:
        began = time.monotonic()
        super().send_messages(session_id, messages, idempotency_key=idempotency_key)
        self.slowest = max(self.slowest, time.monotonic() - began)


def main(url: str, turns: str, sessions: str, first: str, last: str) -> None:
    """Write."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with _Timed.from_url(url, WINDOW) as manager:
        write_in_threads(manager, Load(int(turns), int(sessions)), range(int(first), int(last)))
    sys.stdout.write(f"{manager.slowest:.3f}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
