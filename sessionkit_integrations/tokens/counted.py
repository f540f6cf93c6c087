"""Counters of tokens, and the check of what they return."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.messages import Message
from sessionkit_integrations.records.unreadable import brief

CountTokens: TypeAlias = Callable[[Message], int]
"""A counter: returns the tokens of a message.

Examples:
    >>> count_tokens: CountTokens = lambda message: len(str(message["content"])) // 4
"""


MOST_TOKENS = 999_999_999
"""Most tokens that a record can say it has."""


def counted(count_tokens: CountTokens, message: Message) -> int:
    """Return the tokens of a message as a counter has them.

    Args:
        count_tokens: The counter. Integers of NumPy are integers.
        message: The message.

    Raises:
        InvalidMessageError: The counter raised, which is the ``__cause__``, or returned no integer of at least 0.

    Examples:
        >>> counted(lambda message: len(message["content"]), {"role": "user", "content": "Hello!"})
        6
    """
    try:
        tokens = count_tokens(message)
    except Exception as error:
        raise InvalidMessageError(
            "tokens", f"cannot be counted: count_tokens raised {type(error).__name__}; see the cause"
        ) from error
    try:
        number = -1 if _is_bool(tokens) else operator.index(tokens)
    except TypeError as error:
        raise InvalidMessageError("tokens", _must_be(tokens)) from error
    if number < 0:
        raise InvalidMessageError("tokens", _must_be(tokens))
    return min(number, MOST_TOKENS)


def _is_bool(value: object) -> bool:
    """Return whether a value is a truth value, also NumPy's, which earlier versions of it take for an integer."""
    return isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", None) == "b"


def _must_be(tokens: object) -> str:
    return f"count_tokens must return an integer of at least 0, got {brief(tokens)}"
