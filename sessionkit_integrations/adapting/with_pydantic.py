"""What takes less time with pydantic, which both frameworks bring along: parsing records, and making messages.

Without these two, reading a window takes about twice as long, most of it spent in validating each field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json

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


def maker(sample: T) -> Callable[..., T]:
    """Return a function that makes pydantic objects like a sample, as unpickling makes them: without validation.

    Args:
        sample: An object with the default of each field that need not be given.

    Returns:
        A function that takes a dict of fields, which may become the object's own, and, where its class allows such,
        one of fields that it does not declare.
    """
    cls = type(sample)
    defaults = vars(sample)
    fresh = [(name, type(value)) for name, value in defaults.items() if isinstance(value, (dict, list))]
    private = sample.__pydantic_private__  # type: ignore[attr-defined]  # of any pydantic object

    def make(values: dict[str, Any], extra: dict[str, Any] | None = None) -> T:
        fields = values
        if len(values) < len(defaults):
            fields = defaults.copy()
            for name, new in fresh:
                fields[name] = new()  # as no two objects may share it
            fields.update(values)
        made = _new(cls)
        _set(made, "__dict__", fields)
        _set(made, "__pydantic_extra__", extra)
        _set(made, "__pydantic_fields_set__", set(values))
        _set(made, "__pydantic_private__", private)
        return made

    return make
