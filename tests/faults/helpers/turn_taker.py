"""A process that takes turns at a session.

``python -m tests.faults.helpers.turn_taker URL NAME ROUNDS HANGS`` writes the beginning and the end of each turn to the
session. It hangs in the turn HANGS, and says so.
"""

from __future__ import annotations

import os
import sys
import time

from sessionkit_integrations import SessionManager

SESSION = "shared"
TTL = 4.0
WAIT = 120.0


def main(url: str, name: str, rounds: str, hangs: str) -> None:
    """Take turns."""
    with SessionManager.from_url(url, 10_000) as sessions:
        for number in range(int(rounds)):
            with sessions.turn(SESSION, wait=WAIT, ttl=TTL) as turn:
                sessions.add_user_message(SESSION, f"{name} {number} begins")
                if number == int(hangs):
                    os.write(1, b"hangs\n")
                    time.sleep(WAIT)
                time.sleep(0.01)
                turn.renew()
                sessions.add_assistant_message(SESSION, f"{name} {number} ends")


if __name__ == "__main__":
    main(*sys.argv[1:])
