"""Notes of values that JSON cannot hold: making them again of what stands for them; see `values`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.stand_ins import KEY, RESTORED, to_key
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect, expect_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Note = list[Any]
"""A path of keys and indexes, a kind and, for some kinds, what else it takes to make the value again."""

_LENGTHS = (2, 3)


def restore(values: Any, notes: object, makers: Mapping[str, Callable[[Any], Any]]) -> None:
    """Make the values again that notes tell of.

    Args:
        values: The fields of a message, whose values are replaced in place. A path may also lead through objects, such
            as pydantic's, whose fields are in their ``__dict__``.
        notes: The notes that `write` returned. Notes of an unknown kind, as a later version writes, are ignored.
        makers: Functions that make an object again, given its replacement, by kind.

    Raises:
        UnreadableRecordError: A note does not go with the values.
    """
    for each in expect(notes, list, "values"):
        note = expect(each, list, "note of a value")
        if len(note) not in _LENGTHS:
            raise UnreadableRecordError("note of a value must have two or three items")
        path, kind, *more = note
        *steps, last = expect(path, list, "path of a value") or [None]
        container = value_at(values, steps)
        value = _at(container, last)
        kind = expect(kind, str, "kind of a value")
        if kind == KEY:
            _rename(container, last, to_key(more[0] if more else None))
        elif kind in RESTORED:
            _put(container, last, RESTORED[kind](value, more[0] if more else None))
        elif kind in makers:
            _put(container, last, makers[kind](value))


def value_at(values: Any, path: Iterable[object]) -> Any:
    """Return the value that a path of keys and indexes leads to.

    Raises:
        UnreadableRecordError: There is none.
    """
    for step in path:
        values = _at(values, step)
    return values


def _at(container: Any, step: object) -> Any:
    if isinstance(container, list):
        return expect_item(container, step, "path of a value")
    values = _names_in(container)
    if not isinstance(step, str) or step not in values:
        raise UnreadableRecordError(f"path of a value leads to nothing at {brief(step)}")
    return values[step]


def _put(container: Any, step: Any, value: Any) -> None:
    (container if isinstance(container, list) else _names_in(container))[step] = value


def _rename(container: Any, step: object, key: str) -> None:
    items = list(expect(container, dict, "place of a key").items())
    container.clear()
    container.update((key if name == step else name, value) for name, value in items)


def _names_in(container: Any) -> dict[str, Any]:
    if isinstance(container, dict):
        return container
    if isinstance(container, type) or not hasattr(container, "__dict__"):
        raise UnreadableRecordError("path of a value leads into something that holds nothing")
    values: dict[str, Any] = vars(container)
    return values
