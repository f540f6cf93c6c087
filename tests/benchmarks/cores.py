"""Who runs on which core.

A scheduler puts a client that waits for each answer now on the server's core and now on another, where a bare command
takes twice as long: ratios would be those of where it put whom.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

APART, TOGETHER, ANY = PLACES = ("apart", "together", "any")
"""Each on a core of its own, as on two machines; on the same, where the way is shortest; wherever it may be."""


@contextmanager
def placed(place: str, server: int) -> Iterator[None]:
    """Keep this thread and a server where they are to run; on Linux, where there are cores to choose from.

    Args:
        place: One of `PLACES`.
        server: The id of its process.
    """
    if sys.platform != "linux" or place == ANY or len(os.sched_getaffinity(0)) == 1:
        yield
        return
    before = {process: os.sched_getaffinity(process) for process in (0, server)}
    first, *_, last = sorted(before[0])
    os.sched_setaffinity(0, {first})
    os.sched_setaffinity(server, {last if place == APART else first})
    try:
        yield
    finally:
        for process, cores in before.items():
            os.sched_setaffinity(process, cores)
