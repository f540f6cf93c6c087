"""Times to live as users give them."""

from __future__ import annotations

import math
from datetime import timedelta

_LONGEST = 2**53
"""Milliseconds: what a script's numbers hold exactly."""


def ttl_milliseconds(ttl: float | timedelta | None) -> int | None:
    """Return a time to live in whole milliseconds, or ``None`` where there is none.

    Args:
        ttl: Seconds, or a timedelta.

    Raises:
        ValueError: It is neither, or less than a millisecond, or so long that nobody can count it.
    """
    if ttl is None:
        return None
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if type(seconds) not in {int, float} or not math.isfinite(seconds):
        raise ValueError(f"ttl is a number of seconds or a timedelta, not {ttl!r}")
    milliseconds = int(seconds * 1000)
    if milliseconds < 1:
        raise ValueError(f"ttl is at least a millisecond, not {ttl!r}; leave it out to keep sessions for ever")
    if milliseconds > _LONGEST:
        raise ValueError(f"ttl is at most {_LONGEST} milliseconds, not {ttl!r}; leave it out to keep sessions for ever")
    return milliseconds


def checked_timeout(timeout: float) -> float:
    """Return a time limit in seconds.

    Raises:
        ValueError: It is not a number above 0.
    """
    if type(timeout) not in {int, float} or not math.isfinite(timeout) or timeout <= 0:
        raise ValueError(f"timeout is a number of seconds above 0, not {timeout!r}")
    return timeout
