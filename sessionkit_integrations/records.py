"""Messages as a store holds them: one JSON object each.

| field | holds |
| --- | --- |
| `role` | always first: scripts and `role_of` look at the first bytes |
| `content`, `tool_calls`, `tool_call_id`, `name` | the message in OpenAI's shape |
| `at` | when it was written, in Unix milliseconds; the JavaScript SessionKit writes none |
| `langchain`, `llama_index` | what a message of that framework says more than that |

Any other field of a plain message is kept as it is. Two things that OpenAI's shape has no field for, but more than one
framework has, are held under the same names in either framework's field as in a plain message: `reasoning_details` and
`is_error`; see `Message`.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from sessionkit_integrations.errors import CorruptSessionError, InvalidMessageError
from sessionkit_integrations.extent import MAX_MESSAGE_BYTES, check_extent, too_large
from sessionkit_integrations.messages import FRAMEWORKS, RESERVED_FIELDS, ROLES, Message, check_json, check_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)
Fields = dict[str, Any]
"""A record's content as a dict, before or after JSON."""

_OPENAI_FIELDS = frozenset({"role", "content", "tool_calls", "tool_call_id", "name"})
ORDINARY_FIELDS = _OPENAI_FIELDS | {"at"}
"""Fields of records that say nothing beyond OpenAI's shape."""
_SHARED_FIELDS = frozenset({"reasoning_details", "reasoning_content", "is_error"})
_KNOWN_FIELDS = _OPENAI_FIELDS | _SHARED_FIELDS | RESERVED_FIELDS
_RESERVED = tuple(RESERVED_FIELDS)
_ROLES = tuple(sorted(ROLES))  # a tuple can also be asked for what has no hash
_STARTS = tuple((f'{{"role":"{role}",'.encode(), role) for role in ("user", "assistant", "tool", "system"))
"""How records begin, the most frequent first."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse(json_text: str | bytes) -> Any:
    """Return the value that a JSON text holds: what `json.loads` does, in less time and without Python's own constants.

    Raises:
        ValueError: It is no JSON; ``NaN`` and ``Infinity`` are none.
    """
    text = json_text if isinstance(json_text, str) else json_text.decode()
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        value, end = None, -1
    # There is white space around it, or it is no JSON.
    return value if end == len(text) else _DECODER.decode(text)


class Reader(Protocol[M_co]):
    """How records are read as messages of a framework, or as what is to be shown of them."""

    def parse(self, record: bytes, /) -> Any:
        """Return the JSON value that a record holds.

        Raises:
            ValueError: It is no JSON.
        """
        ...

    def decode(self, fields: Fields) -> M_co:
        """Return the message that a record with ``fields``, which it may use up, holds.

        Raises:
            AttributeError, LookupError, TypeError, ValueError: The fields make no message.
        """
        ...


class Codec(Reader[M], Protocol[M]):
    """How the messages of one framework are written as records and read from them."""

    def encode(self, messages: Sequence[M]) -> Iterable[Fields]:
        """Return the fields of the records that hold ``messages``.

        Raises:
            InvalidMessageError: A message cannot be stored.
        """
        ...


class PlainCodec:
    """Messages as plain dicts in OpenAI's shape."""

    parse = staticmethod(parse)

    def encode(self, messages: Sequence[Message]) -> Iterable[Fields]:
        """See `Codec.encode`."""
        for message in messages:
            check_message(message)
            yield dict(message)

    def decode(self, fields: Fields) -> Message:
        """See `Codec.decode`."""
        content = fields.setdefault("content", None)
        if type(content) is not str and content is not None and not _is_list_of_parts(content):
            raise ValueError("its content is neither a text nor a list of parts")
        for name in _RESERVED:
            fields.pop(name, None)
        message: Any = fields
        return message  # type: ignore[no-any-return]  # TypedDicts cannot be built from unknown keys


def encode_all(codec: Codec[M], messages: Sequence[M], max_bytes: int = MAX_MESSAGE_BYTES) -> list[bytes]:
    """Return the records of a batch of messages, all written at the present time.

    Args:
        codec: How the messages are written.
        messages: The batch.
        max_bytes: How large a record may be, in bytes.

    Raises:
        InvalidMessageError: One of them cannot be stored.
    """
    at = now()
    messages = list(messages)  # it may be an iterator
    for message in messages:
        check_extent(message, max_bytes)
    records = [encode(fields, at) for fields in codec.encode(messages)]
    for record in records:
        if len(record) > max_bytes:
            raise too_large(len(record), max_bytes)
    return records


def encode(fields: Mapping[str, Any], at: int) -> bytes:
    """Return the record that holds ``fields``.

    Args:
        fields: A message in OpenAI's shape, and what a framework adds to it.
        at: The time of writing, in Unix milliseconds.

    Raises:
        InvalidMessageError: JSON cannot hold one of the fields.
    """
    record = {"role": fields["role"], **fields, "at": at}
    try:
        _check_fields(record)
        return _ENCODER.encode(record).encode()
    except RecursionError as error:
        raise InvalidMessageError("message", "is nested too deeply") from error
    except UnicodeEncodeError:
        _raise_lone_surrogate(fields)
    except InvalidMessageError:
        raise
    except ValueError as error:
        raise InvalidMessageError("message", f"cannot be written as JSON ({error})") from error


def decode_all(codec: Reader[M], records: Iterable[bytes], session_id: str) -> list[M]:
    """Return the messages that records hold.

    Raises:
        CorruptSessionError: One of them cannot be read.
    """
    messages: list[M] = []
    for position, record in enumerate(records):
        try:
            messages.append(codec.decode(_fields(codec.parse(record))))
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise CorruptSessionError(session_id, position, f"cannot be read as a message ({error})") from error
    return messages


def decode(record: bytes) -> Fields:
    """Return the fields of a record.

    Raises:
        ValueError: It is not a JSON object with one of the four roles.
    """
    return _fields(parse(record))


def reasoning_of(fields: Fields) -> list[Fields]:
    """Return what the model thought before a message, whoever wrote it, as dicts of ``reasoning_details``."""
    for framework in FRAMEWORKS:
        if framework in fields:
            details: list[Fields] = fields[framework].get("reasoning_details", [])
            return details
    details = fields.get("reasoning_details") or []
    if not details and isinstance(fields.get("reasoning_content"), str):
        return [reasoning_text(fields["reasoning_content"])]  # as DeepSeek's API has it, and many after it
    return [detail for detail in details if isinstance(detail, dict)]


def reasoning_text(text: str, signature: str | None = None) -> Fields:
    """Return the entry of ``reasoning_details`` that holds a text, and the provider's signature of it."""
    detail = {"type": "reasoning.text", "text": text}
    return detail if signature is None else {**detail, "signature": signature}


def text_of_detail(detail: Fields) -> str | None:
    """Return the text of an entry of ``reasoning_details``, or ``None`` if it has none that is readable."""
    text = detail.get("text", detail.get("summary"))
    return text if isinstance(text, str) else None


def is_error(fields: Fields) -> bool:
    """Return whether a tool message tells of a failure, whoever wrote it."""
    places = [fields, *(fields[framework] for framework in FRAMEWORKS if framework in fields)]
    return any(place.get("is_error") is True for place in places)


def other_fields(fields: Fields) -> Fields:
    """Return the fields of a record that only a plain message, or one of a later version, has.

    Those that say nothing are left out: dumped messages of OpenAI's SDK have an ``audio`` of ``None``, which
    integrations of the frameworks take for a sound.
    """
    return {name: value for name, value in fields.items() if value is not None and name not in _KNOWN_FIELDS}


def role_of(record: bytes) -> str:
    """Return the role of a record, or an empty string where it has none that can be read."""
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


def _fields(value: Any) -> Fields:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the bytes are at fault, not their type
    if value.get("role") not in _ROLES:
        raise ValueError(f"the role {value.get('role')!r} is none of {', '.join(_ROLES)}")
    return value


def _is_list_of_parts(content: object) -> bool:
    return isinstance(content, list) and all(isinstance(part, dict) for part in content)


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
    raise AssertionError("only called where one of the fields has one")
