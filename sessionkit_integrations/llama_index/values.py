"""Values of LlamaIndex's messages that JSON cannot hold; see `records.values`.

LlamaIndex's OpenAI integration keeps objects of OpenAI's SDK in messages. Those come back as such where that SDK is
installed, and as dicts where it is not. Other objects come back as LlamaIndex itself dumps them with a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sessionkit_integrations.adapting.objects import write_fields
from sessionkit_integrations.records import notes
from sessionkit_integrations.records.unreadable import UnreadableRecordError
from sessionkit_integrations.records.values import Replacement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.records.values import Written

_OPENAI_CLASS = re.compile(r"(openai\.types(?:\.[a-z]\w*)*):([A-Z]\w*)")
"""Name of a class that may be imported because a record names it: one of OpenAI's SDK that holds data."""


def write(fields: dict[str, Any], max_bytes: int) -> Written:
    """Return fields of a message or block as JSON; see `write_fields`."""
    return write_fields(fields, max_bytes, _replace)


def restore(values: dict[str, Any] | list[Any], of_values: object) -> None:
    """Make the values again that notes tell of; see `notes.restore`."""
    notes.restore(values, of_values, _Makers())


class _Makers(Mapping[str, Callable[[Any], Any]]):
    """Functions that make objects of OpenAI's SDK, by the names of their classes."""

    def __getitem__(self, name: str) -> Callable[[Any], Any]:
        cls = _class(name)
        if cls is None:
            raise KeyError(name)
        return lambda fields: _make(cls, fields)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _make(cls: type[BaseModel], fields: object) -> BaseModel:
    try:
        return cls.model_validate(fields)
    except ValueError as error:
        raise UnreadableRecordError(f"fields make no {cls.__name__} ({error})") from error


def _replace(value: object) -> Replacement | None:
    cls = type(value)
    name = f"{cls.__module__}:{cls.__qualname__}"
    if not isinstance(value, BaseModel) or not _OPENAI_CLASS.fullmatch(name):
        return None
    try:
        return Replacement(value.model_dump(mode="json", exclude_unset=True, warnings=False), name)
    except Exception:  # noqa: BLE001 - of whatever was assigned to it
        return None


def _class(name: str) -> type[BaseModel] | None:
    match = _OPENAI_CLASS.fullmatch(name)
    if match is None:
        return None
    try:
        cls = getattr(import_module(match[1]), match[2], None)
    except ImportError:
        return None
    return cls if isinstance(cls, type) and issubclass(cls, BaseModel) else None
