"""Values that JSON cannot hold, written as JSON and read back equal.

A framework's message may hold anything: the bytes of a signature, a score that is not a number, half of an emoji that
a model wrote, an object of somebody's library. `write` walks through it once. It returns a copy that is JSON, in which
such a value is replaced by a *stand-in* that any reader of JSON can parse, and a *note* for each stand-in: its path,
its kind and, for some kinds, what else it takes to make the value again. `notes.restore` makes them again. The notes
are stored under the framework's field as ``values``; `record` lists the kinds.

The walk ends, whatever it is given. A few kilobytes of Python objects can stand for terabytes of JSON: lists that hold
the same list twice, which holds another one twice, or that hold themselves. So each object is written once, however
often it is held. Its size and its depth are known from then on, and where it would make the message too large or too
deep, an error is raised before anything of that size exists. Iterators are never consumed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.ordinary import is_plain_json
from sessionkit_integrations.records.sizes import MAX_LEVELS, MAX_REPEATS, too_large
from sessionkit_integrations.records.stand_ins import (
    LEFT_OUT,
    StandIn,
    for_key,
    for_scalar,
    is_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.records.notes import Note

_NOTE_BYTES = 10
"""Bytes that a note takes at least."""


class Written(NamedTuple):
    """Fields of a message as JSON, and the notes with which `notes.restore` makes their values again."""

    values: dict[str, Any]
    notes: list[Note]


class Replacement(NamedTuple):
    """Value that is written instead of an object.

    Attributes:
        value: What is written in its place, at any depth; it is written as any other value.
        kind: The kind of the note that tells how to make the object again, or ``None`` if it comes back as ``value``.
    """

    value: Any
    kind: str | None = None


def write(
    fields: dict[str, Any], max_bytes: int, replace: Callable[[Any], Replacement | None] = lambda _: None
) -> Written:
    """Return the fields of a message as JSON.

    Args:
        fields: The fields.
        max_bytes: How large the record may be. That is checked exactly when the record is there; what is larger by far
            is refused here.
        replace: Given an object that is not a container, a text or a number, returns what is written instead, or
            ``None`` if nothing can be. A mark of its type is then left in its place.

    Raises:
        InvalidMessageError: They are too large by far, or nested too deeply.
    """
    if is_plain_json(fields, max_bytes):  # as most are
        return Written(dict(fields), [])
    writer = _Writer(max_bytes, replace)
    values: dict[str, Any] = {}
    notes: list[Note] = []
    size = 0
    for name, value in fields.items():
        if is_json(value):
            values[name] = value
            size += len(value) if type(value) is str else 1
            continue
        try:
            part = writer.write(value, 1)
        except _TooDeepError:
            raise InvalidMessageError(name, f"is nested more than {MAX_LEVELS} levels deep") from None
        values[name] = part.value
        notes += _below(name, part.notes)
        size += part.size
    writer.check_size(size)
    return Written(values, notes)


class _Part(NamedTuple):
    """A value that was written.

    Attributes:
        value: The JSON.
        size: The bytes that it takes at least.
        levels: The levels of containers in it.
        notes: The notes, with paths from the value.
        source: What was written. As long as it is held here, no other object has its id.
    """

    value: Any
    size: int
    levels: int = 0
    notes: list[Note] = []  # noqa: RUF012 - never changed
    source: Any = None


class _TooDeepError(Exception):
    pass


class _Writer:
    def __init__(self, max_bytes: int, replace: Callable[[Any], Replacement | None]) -> None:
        self._max_bytes = max_bytes
        self._replace = replace
        self._written: dict[int, _Part] = {}

    def check_size(self, size: int) -> None:
        if size > self._max_bytes * MAX_REPEATS:
            raise too_large(size, self._max_bytes)

    def write(self, value: Any, level: int) -> _Part:
        known = self._written.get(id(value))
        if known is None:
            known = self._write_new(value, level)._replace(source=value)
            self.check_size(known.size)
            self._written[id(value)] = known
        elif level + known.levels - 1 > MAX_LEVELS:
            raise _TooDeepError
        return known

    def _write_new(self, value: Any, level: int) -> _Part:
        if isinstance(value, Enum):
            return self.write(value.value, level)
        stand_in = for_scalar(value)
        if stand_in is not None:
            return _part(stand_in)
        if level > MAX_LEVELS:
            raise _TooDeepError
        contents = _contents(value)
        if isinstance(contents, dict):
            return self._write_dict(contents, level)
        if isinstance(contents, list):
            return self._write_list(contents, level)
        return self._write_object(value, level)

    def _write_dict(self, value: dict[Any, Any], level: int) -> _Part:
        self.check_size(len(value))
        values: dict[str, Any] = {}
        notes: list[Note] = []
        size, levels = 2, 0
        for key, item in value.items():
            name, kind, more = key, None, None
            if type(key) is not str or not is_json(key):
                name, kind, more = for_key(key if type(key) is str else self._key_text(key), values, value)
            size += len(name) + 4
            if is_json(item):
                values[name] = item
                size += len(item) if type(item) is str else 1
            else:
                part = self.write(item, level + 1)
                values[name] = part.value
                size += part.size
                levels = max(levels, part.levels)
                notes += _below(name, part.notes)
            if kind is not None:
                notes.append([[name], kind, more])  # after those whose paths have this name
        return _Part(values, size, levels + 1, notes)

    def _write_list(self, value: list[Any], level: int) -> _Part:
        self.check_size(len(value))
        values: list[Any] = []
        notes: list[Note] = []
        size, levels = 2 + len(value), 0
        for index, item in enumerate(value):
            if is_json(item):
                values.append(item)
                size += len(item) if type(item) is str else 1
            else:
                part = self.write(item, level + 1)
                values.append(part.value)
                size += part.size
                levels = max(levels, part.levels)
                notes += _below(index, part.notes)
        return _Part(values, size, levels + 1, notes)

    def _write_object(self, value: Any, level: int) -> _Part:
        replacement = self._replace(value)
        if replacement is None:
            return _part(_left_out(value))
        part = self.write(replacement.value, level)
        return part if replacement.kind is None else part._replace(notes=[*part.notes, [[], replacement.kind]])

    def _key_text(self, key: Any) -> str:
        """Return a key that is not a string as pydantic dumps it."""
        if isinstance(key, Enum):
            return self._key_text(key.value)
        if isinstance(key, tuple):
            return ",".join(map(self._key_text, key))
        if isinstance(key, bool):
            return str(key).lower()
        if isinstance(key, bytes):
            return key.decode(errors="backslashreplace")
        stand_in = for_scalar(key)
        if stand_in is None:
            replacement = self._replace(key)
            stand_in = StandIn(replacement.value) if replacement is not None else _left_out(key)
        return str(stand_in.value)


def _part(stand_in: StandIn) -> _Part:
    value, kind, more = stand_in
    size = len(value) + 2 if type(value) is str else 1
    if kind is None:
        return _Part(value, size)
    note = [[], kind] if more is None else [[], kind, more]
    return _Part(value, size + _NOTE_BYTES * len(more or note), notes=[note])


def _contents(value: Any) -> dict[Any, Any] | list[Any] | None:
    """Return what a container of another kind holds, or ``None`` if the value is not one."""
    try:
        if isinstance(value, Mapping):
            return value if type(value) is dict else dict(value)
        if isinstance(value, (list, tuple, set, frozenset, deque)):
            return value if type(value) is list else list(value)
        if is_dataclass(value) and not isinstance(value, type):
            names = [each.name for each in dataclass_fields(value)]
            return {name: getattr(value, name) for name in names if hasattr(value, name)}
    except Exception:  # noqa: BLE001 - of the class of somebody else, which may raise anything
        return None
    return None


def _left_out(value: object) -> StandIn:
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return StandIn(f"[{name} left out]", LEFT_OUT)


def _below(step: str | int, notes: list[Note]) -> list[Note]:
    return [[[step, *path], *rest] for path, *rest in notes] if notes else notes
