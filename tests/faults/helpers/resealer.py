"""A process that seals a session again and again, with one key and the other in turn, until it is killed.

``python -m tests.faults.helpers.resealer URL`` prints the number of each round as it begins.
"""

from __future__ import annotations

import itertools
import os
import sys

from sessionkit_integrations import Encrypt, SessionManager

WINDOW = 20
KEYS = (bytes(32), bytes(range(32)))


def main(url: str) -> None:
    """Seal."""
    store = SessionManager.from_url(url).store
    for number in itertools.count():
        os.write(1, b"%d\n" % number)
        new, old = KEYS[number % 2], KEYS[(number + 1) % 2]
        assert SessionManager(WINDOW, store, seal=Encrypt(new, old)).reseal().unopened == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
