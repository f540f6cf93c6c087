"""A record: one message as a store holds it, a JSON object with its role first.

| field | holds |
| --- | --- |
| `role` | always first: scripts and `role_of` look at the first bytes |
| `content`, `tool_calls`, `tool_call_id`, `name` | the message in OpenAI's shape |
| `at` | the time of writing, in Unix milliseconds; the JavaScript SessionKit writes none |
| `langchain`, `llama_index` | anything more that a message of that framework says |

Any other field of a plain message is kept as it is. Two things have no field in OpenAI's shape but exist in more than
one framework: `reasoning_details` and `is_error`. They have the same names in a framework's field as in a plain
message; see `Message`.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NewType, NoReturn

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.messages import ROLES, check_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionkit_integrations.records.fields import Fields

Record = NewType("Record", bytes)
"""A message as a store holds it: the UTF-8 of one JSON object."""

_ROLES = tuple(sorted(ROLES))  # a tuple, as `in` must also work for values without a hash
_STARTS = tuple((f'{{"role":"{role}",'.encode(), role) for role in ("user", "assistant", "tool", "system"))
"""The first bytes of a record of each role, the most frequent first."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, faster than `json.loads` and without Python's own constants.

    Raises:
        ValueError: It is not JSON; ``NaN`` and ``Infinity`` are not.
    """
    text = text if isinstance(text, str) else text.decode()
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        value, end = None, -1
    # There is white space around it, or it is not JSON.
    return value if end == len(text) else _DECODER.decode(text)


def encode(fields: Mapping[str, Any], at: int) -> Record:
    """Return the record that holds ``fields``.

    Args:
        fields: A message in OpenAI's shape, with anything a framework adds to it.
        at: The time of writing, in Unix milliseconds.

    Raises:
        InvalidMessageError: JSON cannot hold one of the fields.
    """
    record = {"role": fields["role"], **fields, "at": at}
    try:
        _check_fields(record)
        return Record(_ENCODER.encode(record).encode())
    except RecursionError as error:
        raise InvalidMessageError("message", "is nested too deeply") from error
    except UnicodeEncodeError:
        _raise_lone_surrogate(fields)
    except InvalidMessageError:
        raise
    except ValueError as error:
        raise InvalidMessageError("message", f"cannot be written as JSON ({error})") from error


def decode(record: bytes) -> Fields:
    """Return the fields of a record.

    Raises:
        ValueError: It is not a JSON object with one of the four roles.
    """
    return check_record(parse_json(record))


def check_record(value: Any) -> Fields:
    """Return the JSON value of a record as its fields.

    Raises:
        ValueError: It is not an object with one of the four roles.
    """
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the bytes are at fault, not their type
    if value.get("role") not in _ROLES:
        raise ValueError(f"the role {value.get('role')!r} is none of {', '.join(_ROLES)}")
    return value


def role_of(record: bytes) -> str:
    """Return the role of a record, or an empty string if it cannot be read."""
    for start, role in _STARTS:
        if record.startswith(start):
            return role
    try:
        found: str = decode(record)["role"]
    except (ValueError, RecursionError):
        return ""
    return found


def now() -> int:
    """Return the present time in Unix milliseconds, as records and stores note it."""
    return time.time_ns() // 1_000_000


def _check_fields(record: Fields) -> None:
    for name, value in record.items():
        if not isinstance(name, str):
            raise InvalidMessageError(repr(name), "is not a string, as names of fields are in JSON")
        check_json(value, name)


def _raise_lone_surrogate(fields: Mapping[str, Any]) -> NoReturn:
    for name, value in fields.items():
        try:
            json.dumps({name: value}, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise InvalidMessageError(name, "holds a lone surrogate, which UTF-8 cannot encode") from error
    raise AssertionError("only called if one of the fields has one")
