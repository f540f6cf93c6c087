"""A process that writes to a SQLite file until it is killed.

``python -m tests.faults.helpers.sqlite_writer PATH NAME`` prints the number of each acknowledged turn at once.
"""

from __future__ import annotations

import itertools
import os
import sys
from typing import Any

from sessionkit_integrations import SessionManager, SQLiteStore

WINDOW = 5
SESSION = "s"


def turn(name: str, number: int) -> list[Any]:
    """Return the messages of a turn, of which every tenth is long."""
    content = f"{name}:{number}"
    padding = "x" * 20_000 if number % 10 == 0 else ""
    return [{"role": "user", "content": content}, {"role": "assistant", "content": f"{content}:reply{padding}"}]


def main(path: str, name: str) -> None:
    """Write."""
    sessions = SessionManager(WINDOW, SQLiteStore(path, archive=True))
    for number in itertools.count():
        sessions.send_messages(SESSION, turn(name, number))
        os.write(1, b"%d\n" % number)


if __name__ == "__main__":
    main(*sys.argv[1:])
