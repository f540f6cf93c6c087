"""A process that forks one session again and again until it is killed.

``python -m tests.faults.helpers.forking URL`` prints the name of each fork at once that it was told of.
"""

from __future__ import annotations

import itertools
import os
import sys

from sessionkit_integrations import SessionManager
from sessionkit_integrations.stores.redis import forking

SOURCE = "source"


def main(url: str) -> None:
    """Fork."""
    forking.PAGE = 20  # so that most of the time is between two pages
    with SessionManager.from_url(url, 2) as sessions:
        for number in itertools.count():
            sessions.fork(SOURCE, f"{os.getpid()}:{number}")
            os.write(1, b"%d\n" % number)


if __name__ == "__main__":
    main(*sys.argv[1:])
