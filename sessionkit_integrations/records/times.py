"""Times as records and stores note them, in Unix milliseconds, and as Python has them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def milliseconds(time: datetime | None) -> int | None:
    """Return a time as Unix milliseconds, as `moment` takes it."""
    return None if time is None else round((time - _EPOCH) / timedelta(milliseconds=1))


def moment(milliseconds: int | None) -> datetime | None:
    """Return a time in Unix milliseconds as an aware one, in UTC; ``None`` if no calendar has it."""
    if milliseconds is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def read_iso(text: str) -> datetime:
    """Return the time that a text names in ISO 8601, with a ``Z`` on every Python; it has no zone if it names none.

    Raises:
        ValueError: It names no time.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
