"""The arguments of tool calls: a JSON text in OpenAI's shape, a dict in the frameworks.

Models write the same JSON with or without spaces. Sent back as it was written, a prompt goes on being the one that a
provider has cached, and what one framework passes on to another stays equal. A message or block that is read therefore
keeps the texts beside its fields, where pydantic ignores them but copies and pickles them. When it is written, a text
is used if it still says what the arguments say.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.adapting.with_pydantic import parse_json
from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.strict import check_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import BaseModel

_HUGE = re.compile(r"\d[eE]\+?\d{3}|\d{308}")
"""A number that a float may not hold."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_TEXTS = "_argument_texts"
"""The name beside a pydantic object's fields under which the texts are kept."""


def read_arguments(text: str) -> dict[str, Any] | None:
    """Return the arguments that a text holds, or ``None`` if it is not a JSON object."""
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or (_HUGE.search(text) and not _is_within_limits(value)):
        return None
    return value


def write_arguments(arguments: dict[str, Any], texts: Iterable[str] = ()) -> str:
    """Return arguments as a JSON text: one of ``texts`` if it says the same, or the shortest.

    Args:
        arguments: The arguments, as JSON.
        texts: Texts that the arguments may have been read from.
    """
    shortest = _shortest(arguments)
    for text in texts:
        if text == shortest or _says(text, shortest):
            return text
    return shortest


def keep_texts(holder: BaseModel, texts: Sequence[str]) -> None:
    """Keep the texts of the arguments that a message or block holds."""
    vars(holder)[_TEXTS] = tuple(texts)


def kept_texts(holder: BaseModel) -> tuple[str, ...]:
    """Return the texts that `keep_texts` kept, or none."""
    texts: tuple[str, ...] = vars(holder).get(_TEXTS, ())
    return texts


def _is_within_limits(value: Any) -> bool:
    try:
        check_json(value, "")
    except InvalidMessageError:
        return False
    return True


def _says(text: str, shortest: str) -> bool:
    try:
        return _shortest(parse_json(text)) == shortest
    except (ValueError, RecursionError):
        return False


def _shortest(value: Any) -> str:
    return _ENCODER.encode(value)
