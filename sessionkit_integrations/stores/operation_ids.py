"""Ids of operations, by which a store knows an operation that it is sent again."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import InvalidMessageError

if TYPE_CHECKING:
    from collections.abc import Sequence

REMEMBERED_OPERATIONS = 32
"""Operation ids of a session that are remembered, the last ones, so that their retries change nothing."""
MOST_REMEMBERED = 256
"""Ids that are remembered if as many are of the last two periods."""
PERIOD = 10_000
"""Milliseconds of a period."""
_LENGTH = 9
_MARK = "@"


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
        bits = secrets.token_bytes(7)
    elif not isinstance(idempotency_key, str):
        raise TypeError(f"idempotency_key must be a str, got {type(idempotency_key).__name__}")
    elif not idempotency_key:
        raise InvalidMessageError("idempotency_key", "must not be empty; leave it out to have a random one")
    else:
        bits = hashlib.blake2b(idempotency_key.encode(errors="surrogatepass"), digest_size=7).digest()
    return urlsafe_b64encode(bits)[:_LENGTH].decode()


def remember(operations: Sequence[str], operation_id: str, now: int) -> list[str]:
    """Return what a session remembers after an operation, oldest first.

    It remembers the last ids, or those of the last two periods if they are more, as when many write at once and one of
    them has to send its own again. Before the first id of a period stands a mark, the period's number.

    Args:
        operations: What it remembered before.
        operation_id: The operation.
        now: The writer's time, in Unix milliseconds. Where it is behind that of others, theirs counts.
    """
    period = now // PERIOD
    marks = [position for position, each in enumerate(operations) if each[0] == _MARK]
    if not marks or int(operations[marks[-1]].removeprefix(_MARK)) < period:
        marks.append(len(operations))
        operations = [*operations, f"{_MARK}{period}"]
    operations = [*operations, operation_id]
    ids = len(operations) - len(marks)
    recent = ids if len(marks) == 1 else len(operations) - marks[-2] - len(marks[-2:])  # of the last two periods
    surplus = ids - max(REMEMBERED_OPERATIONS, min(recent, MOST_REMEMBERED))
    outdated = marks[-3] if len(marks) > 2 else -1  # noqa: PLR2004 - before the last two
    kept, position = [], 0
    while surplus > 0 or position <= outdated:  # only the oldest are looked at, as this is done at each write
        each = operations[position]
        if each[0] == _MARK:
            kept += [each] if position > outdated else []
        elif surplus > 0:
            surplus -= 1
        else:
            kept.append(each)
        position += 1
    return [*kept, *operations[position:]]
