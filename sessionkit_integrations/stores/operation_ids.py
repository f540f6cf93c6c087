"""Ids of operations, by which a store knows an operation that it is sent again."""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode

from sessionkit_integrations.errors import InvalidMessageError

REMEMBERED_OPERATIONS = 32
"""Operation ids of a session that are remembered, the last ones, so that their retries change nothing."""
MOST_REMEMBERED = 256
"""Ids that are remembered if as many are of the last two periods."""
PERIOD = 10_000
"""Milliseconds of a period."""
_LENGTH = 9
_MARK = "@"
_LONGEST_NUMBER = 20


def operation_id(idempotency_key: str | None = None) -> str:
    """Return the id of an operation: 54 bits, as 9 characters.

    A store remembers at most some hundred ids of a session, and mistakes a new one for one of them once in 10^13
    operations.

    Args:
        idempotency_key: The caller's own key, the same for every try; ``None`` for a random id.

    Raises:
        TypeError: The key is not a string.
        InvalidMessageError: The key is empty, as where a caller's own id is missing: all such operations would be one.
    """
    if idempotency_key is None:
        bits = os.urandom(7)
    elif not isinstance(idempotency_key, str):
        raise TypeError(f"idempotency_key must be a str, got {type(idempotency_key).__name__}")
    elif not idempotency_key:
        raise InvalidMessageError("idempotency_key", "must not be empty; leave it out to have a random one")
    else:
        bits = hashlib.blake2b(idempotency_key.encode(errors="surrogatepass"), digest_size=7).digest()
    return urlsafe_b64encode(bits)[:_LENGTH].decode()


def is_known(operations: str, operation_id: str) -> bool:
    """Return whether an operation is one of those that a session remembers, as `remember` returns them."""
    return f" {operation_id} " in f" {operations} "


def remember(operations: str, operation_id: str, now: int) -> str:
    """Return what a session remembers after an operation: ids, oldest first, with spaces between them.

    It remembers the last ids, or all of the last two periods if they are more, as when many write at once and one of
    them has to send its own again. Before the first id of a period stands a mark, the period's number. All of it stays
    one text, as each write does this.

    Args:
        operations: What it remembered before; empty at first.
        operation_id: The operation.
        now: The writer's time, in Unix milliseconds. Where it is behind the time of others, theirs counts.
    """
    operations = f"{_with_period(operations, now // PERIOD)} {operation_id}"
    first = operations.find(_MARK)
    marks = 1 if operations.rfind(_MARK) == first else 2
    before, recent = operations.count(" ", 0, first), operations.count(" ", first) + 1 - marks
    if marks == 1:
        before, recent = 0, before + recent
    surplus = before + recent - max(REMEMBERED_OPERATIONS, min(recent, MOST_REMEMBERED))
    if surplus <= 0:
        return operations
    *oldest, others = operations.split(" ", surplus + marks)
    kept = []
    for each in oldest:
        if each.startswith(_MARK) or surplus == 0:
            kept.append(each)
        else:
            surplus -= 1
    return " ".join([*kept, others])


def _with_period(operations: str, period: int) -> str:
    """Return what is remembered, with marks for the present period and for the one before it, if that has ids.

    A damaged mark counts as the mark of an older period.
    """
    older, mark, last = operations.rpartition(_MARK)
    number = last.partition(" ")[0]
    if mark and len(number) < _LONGEST_NUMBER and number.isdecimal() and int(number) >= period:
        return operations
    before, _, after = older.partition(_MARK)
    return f"{before}{after.partition(' ')[2]}{mark}{last} {_MARK}{period}".lstrip()
