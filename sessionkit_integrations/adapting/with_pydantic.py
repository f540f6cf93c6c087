"""JSON and messages made with pydantic, which the frameworks bring along and which is faster.

Without it, reading a window takes about twice as long, most of it spent on validating each field, and the JSON of a
reply with its metadata takes five times as long to write.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from sessionkit_integrations.records import record

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_new = object.__new__
_set_fields, _set_extra, _set_names, _set_private = (
    vars(BaseModel)[slot].__set__
    for slot in ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
)
"""Fill the slots of an object, as `object.__setattr__` does, which looks for each of them first."""


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
    defaults, mutable = vars(sample), _copiers(sample)
    number = len(defaults)
    has_private = sample.__pydantic_private__ is not None  # type: ignore[attr-defined]  # of any pydantic object

    def construct(values: dict[str, Any], extra: dict[str, Any] | None = None) -> T:
        fields = values
        if len(values) < number:
            fields = defaults.copy()
            for name, copy in mutable:
                fields[name] = copy()
            fields.update(values)
        made = _new(cls)
        _set_fields(made, fields)
        _set_extra(made, extra)
        _set_names(made, {*values})
        _set_private(made, None)
        if has_private:
            made.model_post_init(None)  # type: ignore[attr-defined]  # which sets private attributes to their defaults
        return made

    return construct


def text_constructor(sample: T, name: str) -> Callable[[dict[str, Any]], T]:
    """Return a function that constructs objects of which one field is given, as `unvalidated_constructor` does.

    Args:
        sample: An object without private attributes, with the defaults of the other fields.
        name: The name of the field.

    Returns:
        A function that takes a dict with this field, and looks at no other.
    """
    cls = type(sample)
    defaults, mutable = vars(sample), _copiers(sample)

    def construct(values: dict[str, Any]) -> T:
        fields = defaults.copy()
        for each, copy in mutable:
            fields[each] = copy()
        fields[name] = values[name]
        made = _new(cls)
        _set_fields(made, fields)
        _set_extra(made, {})
        _set_names(made, {name})
        _set_private(made, None)
        return made

    return construct


def _copiers(sample: object) -> list[tuple[str, Callable[[], Any]]]:
    """Return the names of the fields of an object that hold mutable values, with functions that copy these."""
    return [(name, _copier(value)) for name, value in vars(sample).items() if isinstance(value, (dict, list, set))]


def _copier(value: Any) -> Callable[[], Any]:
    """Return a function that copies a default; most are empty."""
    return partial(deepcopy, value) if value else type(value)
