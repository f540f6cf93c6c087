"""Equality that tells more apart than Python's, and takes NaN for equal to itself."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def exact(value: Any) -> Any:
    """Return what compares equal only for the same value: 1 is other than 1.0 and True, and a dict than a subclass.

    Of a pydantic object, all fields count, and those that were set beside them.
    """
    if isinstance(value, BaseModel):
        return (
            type(value),
            exact({name: vars(value).get(name) for name in type(value).model_fields}),
            exact(value.__pydantic_extra__ or {}),
        )
    if type(value) is dict:
        return {key: exact(item) for key, item in value.items()}
    if type(value) is list:
        return [exact(item) for item in value]
    return type(value), hex(value) if isinstance(value, int) else repr(value)  # Python refuses to write many digits
