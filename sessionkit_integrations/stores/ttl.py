"""Times to live as users give them."""

from __future__ import annotations

import math
from datetime import timedelta


def ttl_milliseconds(ttl: float | timedelta | None) -> int | None:
    """Return a time to live in whole milliseconds, or ``None`` where there is none.

    Args:
        ttl: Seconds, or a timedelta.

    Raises:
        ValueError: It is neither, or less than a millisecond.
    """
    if ttl is None:
        return None
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if type(seconds) not in {int, float} or not math.isfinite(seconds):
        raise ValueError(f"ttl is a number of seconds or a timedelta, not {ttl!r}")
    milliseconds = int(seconds * 1000)
    if milliseconds < 1:
        raise ValueError(f"ttl is at least a millisecond, not {ttl!r}; leave it out to keep sessions for ever")
    return milliseconds
