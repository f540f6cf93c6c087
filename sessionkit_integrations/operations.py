"""The ids of operations, by which a store knows those that it is sent again."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode


def operation_id(idempotency_key: str | None = None) -> str:
    """Return the id of an operation, by which a store knows its retries: 64 bits, as 11 characters.

    Args:
        idempotency_key: The caller's own key, the same for every try; a random id if ``None``.
    """
    if idempotency_key is None:
        bits = secrets.token_bytes(8)
    elif isinstance(idempotency_key, str):
        bits = hashlib.blake2b(idempotency_key.encode(errors="surrogatepass"), digest_size=8).digest()
    else:
        raise TypeError(f"an idempotency_key is a string, not {type(idempotency_key).__name__}")
    return urlsafe_b64encode(bits).rstrip(b"=").decode()
