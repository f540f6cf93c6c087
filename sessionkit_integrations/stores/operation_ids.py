"""Ids of operations, by which a store knows an operation that it is sent again."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode

from sessionkit_integrations.errors import InvalidMessageError

_LENGTH = 9


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
