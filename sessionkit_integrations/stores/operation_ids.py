"""The ids of operations, by which a store knows those that it is sent again."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode

_LENGTH = 9


def operation_id(idempotency_key: str | None = None) -> str:
    """Return the id of an operation, by which a store knows its retries: 54 bits, as 9 characters.

    A store remembers at most some hundred, and a wrong one among them is taken for a retry once in 10^13 operations.

    Args:
        idempotency_key: The caller's own key, the same for every try; a random id if ``None``.
    """
    if idempotency_key is None:
        bits = secrets.token_bytes(7)
    elif isinstance(idempotency_key, str):
        bits = hashlib.blake2b(idempotency_key.encode(errors="surrogatepass"), digest_size=7).digest()
    else:
        raise TypeError(f"an idempotency_key is a string, not {type(idempotency_key).__name__}")
    return urlsafe_b64encode(bits)[:_LENGTH].decode()
