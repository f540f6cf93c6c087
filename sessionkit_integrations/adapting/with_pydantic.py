"""JSON and messages made with pydantic, which the frameworks bring along and which is faster.

Without it, reading a window takes about twice as long, most of it spent on validating each field, and the JSON of a
reply with its metadata takes five times as long to write.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json, to_json

from sessionkit_integrations.records import record

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_new = object.__new__
_set = object.__setattr__


def parse_json(json_text: str | bytes) -> Any:
    """See `record.parse_json`."""
    try:
        return from_json(json_text, allow_inf_nan=False)
    except ValueError:
        return record.parse_json(json_text)  # which allows what this does not: lone surrogates, and deeper nesting


def dump_json(value: Any) -> bytes:
    """See `record.dump_json`."""
    return to_json(value)


def unvalidated_constructor(sample: T) -> Callable[..., T]:
    """Return a function that constructs pydantic objects of a sample's class as unpickling does: without validation.

    Args:
        sample: An object with the default of each field that need not be given.

    Returns:
        A function that takes a dict of fields, which may become the object's own, and, where its class allows such,
        one of fields that it does not declare. No two objects share a mutable value.
    """
    cls = type(sample)
    defaults = vars(sample)
    mutable = [(name, _copier(value)) for name, value in defaults.items() if isinstance(value, (dict, list, set))]
    has_private = sample.__pydantic_private__ is not None  # type: ignore[attr-defined]  # of any pydantic object

    def construct(values: dict[str, Any], extra: dict[str, Any] | None = None) -> T:
        fields = values
        if len(values) < len(defaults):
            fields = defaults.copy()
            for name, copy in mutable:
                fields[name] = copy()
            fields.update(values)
        made = _new(cls)
        _set(made, "__dict__", fields)
        _set(made, "__pydantic_extra__", extra)
        _set(made, "__pydantic_fields_set__", set(values))
        _set(made, "__pydantic_private__", None)
        if has_private:
            made.model_post_init(None)  # type: ignore[attr-defined]  # which sets private attributes to their defaults
        return made

    return construct


def _copier(value: Any) -> Callable[[], Any]:
    """Return a function that copies a default; most are empty."""
    return partial(deepcopy, value) if value else type(value)
