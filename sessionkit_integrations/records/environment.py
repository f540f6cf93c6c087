"""The seal of whoever was told of none, such as a command."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.records.sealing import Compress, Encrypt

if TYPE_CHECKING:
    from sessionkit_integrations.records.sealing import Seal


def seal_of_environment() -> Seal | None:
    """Return an `Encrypt` with the keys of ``SESSIONKIT_KEYS``; without them, what opens compressed records alone.

    Raises:
        TypeError, ValueError: A key there is not the base64 of 32 bytes.
    """
    keys = Encrypt.from_environment()
    if keys is None:
        with suppress(MissingDependencyError):
            return Compress(min_bytes=sys.maxsize)  # which compresses nothing
    return keys
