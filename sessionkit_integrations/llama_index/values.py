"""The additional keyword arguments of LlamaIndex's messages as JSON, and back.

LlamaIndex's OpenAI integration keeps objects of OpenAI's SDK in them. Those come back as such where that SDK is
installed, and as dicts where it is not; other objects as what LlamaIndex itself makes of them when it dumps a message.
Bytes, such as the signatures that its Gemini integration keeps, come back as bytes.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from sessionkit_integrations.adapting.differences import replace_at
from sessionkit_integrations.errors import InvalidMessageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    Path = list[str | int]
    Typed = list[Any]
    """A path, and the class of the object there."""

_BYTES = "bytes"
_OPENAI_CLASS = re.compile(r"(openai\.types(?:\.[a-z]\w*)*):([A-Z]\w*)")
"""What may be imported because a record names it: a class of OpenAI's SDK that holds data, and nothing else."""


def dumped(kwargs: dict[str, Any], objects: list[Typed]) -> dict[str, Any]:
    """Return additional keyword arguments as JSON.

    Args:
        kwargs: The arguments.
        objects: Where the paths and classes of objects of OpenAI's SDK, and of bytes, in them go.

    Raises:
        InvalidMessageError: JSON cannot hold one of them.
    """
    return {name: _dumped(value, [name], objects) for name, value in kwargs.items()}


def restore(kwargs: dict[str, Any], objects: Iterable[Typed]) -> None:
    """Make objects of OpenAI's SDK, and bytes, of what `dumped` made of them, where they can be made.

    Raises:
        LookupError, TypeError, ValueError: There is nothing at these paths.
    """
    for path, name in objects:
        cls = _class(name)
        if name == _BYTES:
            replace_at(kwargs, path, partial(b64decode, validate=True))
        elif cls is not None:
            replace_at(kwargs, path, cls.model_validate)


def _dumped(value: Any, path: Path, objects: list[Typed]) -> Any:
    if isinstance(value, BaseModel):
        cls = type(value)
        name = f"{cls.__module__}:{cls.__qualname__}"
        if _OPENAI_CLASS.fullmatch(name):
            objects.append([path, name])
            return value.model_dump(mode="json", exclude_unset=True)
    elif isinstance(value, bytes):
        objects.append([path, _BYTES])
        return b64encode(value).decode()
    elif type(value) is dict:
        return {key: _dumped(item, [*path, key], objects) for key, item in value.items()}
    elif type(value) is list:
        return [_dumped(item, [*path, index], objects) for index, item in enumerate(value)]
    elif value is None or isinstance(value, (str, int, float)):
        return value
    return _as_llama_index_dumps(value)


def _as_llama_index_dumps(value: Any) -> Any:
    message = ChatMessage.model_construct(additional_kwargs={"value": value})
    try:
        dumped_message = message.model_dump(include={"additional_kwargs"})
        return to_jsonable_python(dumped_message["additional_kwargs"]["value"])
    except ValueError as error:
        raise InvalidMessageError("additional_kwargs", f"holds what JSON cannot ({error})") from error


def _class(name: str) -> type[BaseModel] | None:
    match = _OPENAI_CLASS.fullmatch(name)
    if match is None:
        return None
    try:
        cls = getattr(import_module(match[1]), match[2], None)
    except ImportError:
        return None
    return cls if isinstance(cls, type) and issubclass(cls, BaseModel) else None
