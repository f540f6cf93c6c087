"""The additional keyword arguments of LlamaIndex's messages as JSON, and back.

LlamaIndex's OpenAI integration keeps objects of OpenAI's SDK in them. Those come back as such where that SDK is
installed, and as dicts where it is not. Other objects come back as LlamaIndex itself dumps them with a message, and
bytes, such as the signatures that its Gemini integration keeps, as bytes.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from sessionkit_integrations.adapting.differences import replace_at
from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.stand_ins import to_bytes
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect, expect_item

if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = list[str | int]
    Place = list[Any]
    """A path, and the class of the object there."""

_BYTES = "bytes"
_OPENAI_CLASS = re.compile(r"(openai\.types(?:\.[a-z]\w*)*):([A-Z]\w*)")
"""Name of a class that may be imported because a record names it: one of OpenAI's SDK that holds data."""


def dump_value(value: dict[str, Any]) -> tuple[dict[str, Any], list[Place]]:
    """Return values as JSON, and the places of bytes and of objects of OpenAI's SDK in them.

    Raises:
        InvalidMessageError: JSON cannot hold one of them.
    """
    return {name: _dump(item) for name, item in value.items()}, list(_places(value, []))


def restore(values: dict[str, Any], places: object) -> None:
    """Put bytes and objects of OpenAI's SDK, where that is installed, in their places; see `dump_value`.

    Raises:
        UnreadableRecordError: There is nothing at these places.
    """
    for each in expect(places, list, "objects"):
        place = expect(each, list, "place of an object")
        path, name = expect_item(place, 0, "place"), expect(expect_item(place, 1, "place"), str, "class of an object")
        cls = _class(name)
        if name == _BYTES:
            replace_at(values, path, to_bytes)
        elif cls is not None:
            replace_at(values, path, partial(_validate, cls))


def _validate(cls: type[BaseModel], fields: object) -> BaseModel:
    try:
        return cls.model_validate(fields)
    except ValidationError as error:
        raise UnreadableRecordError(f"fields make no {cls.__name__} ({error})") from error


def _dump(value: Any) -> Any:
    if _class_name(value) is not None:
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if type(value) is dict:
        return {key: _dump(item) for key, item in value.items()}
    if type(value) is list:
        return [_dump(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    return _as_llama_index_dumps(value)


def _places(value: Any, path: Path) -> Iterator[Place]:
    if type(value) is dict:
        for key, item in value.items():
            yield from _places(item, [*path, key])
    elif type(value) is list:
        for index, item in enumerate(value):
            yield from _places(item, [*path, index])
    elif isinstance(value, bytes):
        yield [path, _BYTES]
    elif (name := _class_name(value)) is not None:
        yield [path, name]


def _as_llama_index_dumps(value: Any) -> Any:
    message = ChatMessage.model_construct(additional_kwargs={"value": value})
    try:
        dumped_message = message.model_dump(include={"additional_kwargs"})
        return to_jsonable_python(dumped_message["additional_kwargs"]["value"])
    except ValueError as error:
        raise InvalidMessageError("additional_kwargs", f"holds what JSON cannot ({error})") from error


def _class_name(value: object) -> str | None:
    """Return the name of an object's class if it is one of OpenAI's SDK."""
    cls = type(value)
    name = f"{cls.__module__}:{cls.__qualname__}"
    return name if isinstance(value, BaseModel) and _OPENAI_CLASS.fullmatch(name) else None


def _class(name: str) -> type[BaseModel] | None:
    match = _OPENAI_CLASS.fullmatch(name)
    if match is None:
        return None
    try:
        cls = getattr(import_module(match[1]), match[2], None)
    except ImportError:
        return None
    return cls if isinstance(cls, type) and issubclass(cls, BaseModel) else None
