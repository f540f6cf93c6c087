"""Secrets of sessions, which nothing shows.

A session may have a secret, without which its key cannot be made: once it is forgotten, every copy is unreadable.
"""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SecretOf: TypeAlias = "Callable[[str], bytes | Awaitable[bytes | None] | None]"
"""A function that returns the secret of a session, or ``None`` if it was forgotten."""

_SECRET_BYTES = 16
"""Bytes that a secret has at least."""


class Secret:
    """A secret of a session, whose repr shows nothing of it. Making one raises nothing, as of a key.

    Attributes:
        raw: The secret.
        problem: The reason why it is not a secret; an empty text if it is one.
    """

    __slots__ = ("problem", "raw")

    def __init__(self, value: object) -> None:
        self.problem = ""
        self.raw = b""
        if not isinstance(value, (bytes, bytearray)):
            self.problem = f"returned {type(value).__name__}"
        elif len(value) < _SECRET_BYTES:
            self.problem = f"returned {len(value)} bytes"
        else:
            self.raw = bytes(value)

    def __repr__(self) -> str:
        return "***"


class Secrets:
    """A function that returns secrets of sessions. Its repr shows nothing of it, as it may be bound to them.

    Args:
        function: The function.

    Attributes:
        is_coroutine: Whether it is a coroutine function.
        mark: Tells it from others.
    """

    __slots__ = ("_function", "is_coroutine", "mark")

    def __init__(self, function: SecretOf) -> None:
        self._function = function
        self.is_coroutine = inspect.iscoroutinefunction(function)
        self.mark = os.urandom(8).hex()

    def __repr__(self) -> str:
        return "***"

    def __call__(self, session_id: str) -> bytes | Awaitable[bytes | None] | None:
        """Return what the function does."""
        return self._function(session_id)
