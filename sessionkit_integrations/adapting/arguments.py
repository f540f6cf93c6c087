"""The arguments of tool calls: a JSON text in OpenAI's shape, a dict in the frameworks."""

from __future__ import annotations

import json
import re
from typing import Any

from sessionkit_integrations.adapting.with_pydantic import parse_json
from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.messages import check_json

_HUGE = re.compile(r"\d[eE]\+?\d{3}|\d{308}")
"""A number that a float may not hold."""


class Arguments(dict[str, Any]):
    """Arguments that remember their text.

    Models write the same JSON with or without spaces. Sent back as it was written, a prompt goes on being the one that
    a provider has cached, and what one framework passes on to another stays equal.
    """

    __slots__ = ("text",)
    text: str


def arguments_of(text: str) -> Arguments | None:
    """Return the arguments that a text holds, or ``None`` where it is no JSON object."""
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or (_HUGE.search(text) and not _is_within_limits(value)):
        return None
    arguments = Arguments(value)
    arguments.text = text
    return arguments


def text_of(arguments: dict[str, Any], field: str) -> str:
    """Return the text of arguments: the one they were read from, unless they were changed.

    Args:
        arguments: The arguments.
        field: Their place in the message, for the error.

    Raises:
        InvalidMessageError: JSON cannot hold them.
    """
    try:
        check_json(arguments, field)
        text = _compact(arguments)
        written: str | None = getattr(arguments, "text", None)
        if written is not None and written != text and _compact(parse_json(written)) == text:
            return written
    except InvalidMessageError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidMessageError(field, f"cannot be written as JSON ({error})") from error
    return text


def _is_within_limits(value: Any) -> bool:
    try:
        check_json(value, "")
    except InvalidMessageError:
        return False
    return True


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
