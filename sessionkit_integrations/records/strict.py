"""The check of plain messages: JSON must hold them exactly as they are."""

from __future__ import annotations

import math
from numbers import Integral, Rational, Real
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.stand_ins import MAX_INTEGER_BITS, is_json
from sessionkit_integrations.records.unreadable import brief

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_fields(fields: Mapping[str, Any]) -> None:
    """Raise `InvalidMessageError`, naming the place, unless JSON can hold the fields of a message exactly."""
    for name, value in fields.items():
        if not isinstance(name, str):
            raise InvalidMessageError(brief(name), "must be a string, as the names of fields are in JSON")
        if not is_json(value):
            check_json(value, name)


def check_json(value: object, field: str) -> None:
    """Raise `InvalidMessageError` unless JSON can hold a value exactly as it is.

    Args:
        value: The value to check, at any depth.
        field: Its place in the message, for the error.
    """
    try:
        _check(value)
    except _NotJsonError as error:
        place = "".join(reversed(error.steps))
        raise InvalidMessageError(f"{field}{place}", error.problem) from None
    except RecursionError as error:
        raise InvalidMessageError(field, "is nested too deeply") from error


class _NotJsonError(Exception):
    """JSON cannot hold a value.

    Attributes:
        problem: The reason.
        steps: The way to the value, innermost step first.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.steps: list[str] = []


def _check(value: object) -> None:
    if is_json(value):
        return
    if isinstance(value, str):
        _check_text(value, "holds")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if not is_json(item):
                _check_within(item, f"[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise _NotJsonError(f"has the key {brief(key)}; in JSON, keys are strings")
            _check_text(key, "has a key with")
            if not is_json(item):
                _check_within(item, f".{key}")
    else:
        _check_number(value)


def _check_number(value: object) -> None:
    """Raise an error unless a value is a number of any class, such as NumPy's, that JSON can hold."""
    if isinstance(value, Integral):
        if int(value).bit_length() > MAX_INTEGER_BITS:
            raise _NotJsonError(f"is an integer of more than {MAX_INTEGER_BITS} bits; make it a string")
    elif isinstance(value, Real) and not isinstance(value, Rational):
        if not math.isfinite(value):
            raise _NotJsonError(f"is {value}, which JSON cannot hold")
    else:
        raise _NotJsonError(f"is a {type(value).__name__}, which JSON cannot hold; convert it first")


def _check_within(value: object, step: str) -> None:
    try:
        _check(value)
    except _NotJsonError as error:
        error.steps.append(step)
        raise


def _check_text(text: str, what: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _NotJsonError(f"{what} a lone surrogate, which UTF-8 cannot encode") from None
