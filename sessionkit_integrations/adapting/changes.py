"""Changes that make one JSON value of another: encode = decode the natural form, store how the value differs.

Where a framework's messages are JSON themselves, `differences` would tell too little: a value may differ anywhere in
it, and its keys have an order. A change names a place by the path of keys and indexes that leads to it:

| change | does |
| --- | --- |
| `[path, value]` | puts a value there, as the last key of an object that has not had it |
| `[path]` | takes a key away |
| `[path, null, keys]` | brings the keys of an object in an order |

They are applied one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.adapting.differences import same_json
from sessionkit_integrations.records.notes import value_at
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

Change = list[Any]
"""A path and what is there: a value, nothing, or the order of its keys."""

_TAKEN_AWAY, _PUT, _ORDERED = 1, 2, 3
"""Lengths of changes."""


def compare(natural: Any, value: Any, *path: str | int) -> Iterator[Change]:
    """Yield the changes that make a value of its natural form; none if they are the same, keys in the same order.

    Args:
        natural: The JSON value that is made without changes.
        value: The JSON value to be made.
        path: The path that leads to both.
    """
    if isinstance(natural, dict) and isinstance(value, dict) and natural:
        yield from ([[*path, name]] for name in natural if name not in value)
        for name, each in value.items():
            if name in natural:
                yield from compare(natural[name], each, *path, name)
            else:
                yield [[*path, name], each]
        by_nature = [name for name in natural if name in value] + [name for name in value if name not in natural]
        if by_nature != list(value):
            yield [list(path), None, list(value)]
    elif isinstance(natural, list) and isinstance(value, list) and len(natural) == len(value):
        for index, (one, other) in enumerate(zip(natural, value, strict=True)):
            yield from compare(one, other, *path, index)
    elif not same_json(natural, value):
        yield [list(path), value]


def apply(values: list[Any], changes: object) -> None:
    """Make changes to a list of values.

    Args:
        values: The natural forms, which are changed in place. Each path begins with the index of one.
        changes: What `compare` yielded.

    Raises:
        UnreadableRecordError: They are not changes of these values.
    """
    for each in expect(changes, list, "changes"):
        change = expect(each, list, "change")
        if not _TAKEN_AWAY <= len(change) <= _ORDERED:
            raise UnreadableRecordError("a change must have one to three items")
        path = expect(change[0], list, "path of a change")
        if not path:
            raise UnreadableRecordError("path of a change must have a step")
        if len(change) == _ORDERED:
            _order(value_at(values, path), expect(change[2], list, "order of keys"))
        else:
            _put(value_at(values, path[:-1]), path[-1], *change[1:])


def _put(container: Any, step: Any, *value: Any) -> None:
    if isinstance(container, dict) and isinstance(step, str) and (value or step in container):
        if value:
            container[step] = value[0]
        else:
            del container[step]
    elif isinstance(container, list) and type(step) is int and 0 <= step < len(container) and value:
        container[step] = value[0]
    else:
        raise UnreadableRecordError(f"a change leads to nothing at {brief(step)}")


def _order(container: Any, names: list[Any]) -> None:
    fields = expect(container, dict, "place of an order")
    keys = [expect(name, str, "key") for name in names]
    if sorted(keys) != sorted(fields):
        raise UnreadableRecordError("order of keys must have the keys that are there")
    ordered = {key: fields[key] for key in keys}
    fields.clear()
    fields.update(ordered)
