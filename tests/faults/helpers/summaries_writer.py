"""A process that writes to a session and summarises it until it is killed.

``python -m tests.faults.helpers.summaries_writer URL NAME`` prints the number of each acknowledged turn at once. A
summary names all that it covers.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from typing import Any

from sessionkit_integrations import SessionManager, Summary
from sessionkit_integrations.sessions import summaries

WINDOW, EVERY = 3, 2
SESSION = "s"
SLOWEST = 0.02
"""Seconds that the slowest model call takes."""


def turn(name: str, number: int) -> list[Any]:
    """Return the messages of a turn."""
    return [
        {"role": "user", "content": f"{name}:{number}:q"},
        {"role": "assistant", "content": f"{name}:{number}:a"},
    ]


def summarize(previous: str | None, messages: list[Any]) -> str:
    """Return the contents of all messages that were ever summarised; fail now and then."""
    time.sleep(random.uniform(0, SLOWEST))
    if random.random() < 0.1:
        raise OSError
    return " ".join([*([previous] if previous else []), *(message["content"] for message in messages)])


def main(url: str, name: str) -> None:
    """Write."""
    summaries.LONGEST = 0.1  # as the others are to go on soon after one was killed
    summary = Summary(summarize, every=EVERY, background=random.random() < 0.5)
    sessions = SessionManager.from_url(url, WINDOW, summary=summary)
    for number in itertools.count():
        sessions.send_messages(SESSION, turn(name, number))
        os.write(1, b"%d\n" % number)
        time.sleep(random.uniform(0, 0.01))


if __name__ == "__main__":
    main(*sys.argv[1:])
