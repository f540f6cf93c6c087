"""A record: one message as a store holds it, a JSON object with its role first.

| field | holds |
| --- | --- |
| `role` | always first: scripts and `role_of` look at the first bytes |
| `content`, `tool_calls`, `tool_call_id`, `name` | the message in OpenAI's shape |
| `usage` | what the provider counted for it, before `tokens` and `at`; see `usage.py` |
| `tokens` | the tokens of the message, directly before `at`, where tokens limited the window when it was written |
| `at` | the time of writing, in Unix milliseconds; the JavaScript SessionKit writes none |
| `langchain`, `llama_index`, `openai_agents` | anything more that a message of that framework says |

Any other field of a plain message is kept as it is. Two things have no field in OpenAI's shape but exist in more than
one framework: `reasoning_details` and `is_error`. They have the same names in a framework's field as in a plain
message; see `Message`.

Every record is JSON that any parser reads: no `NaN` or `Infinity`, no integer of more than 1,023 bits, no half of a
surrogate pair. Plain messages that hold such values are refused. Those of a framework hold a stand-in in its place, and
under the framework's field a list of notes, `values`. A note is `[path, kind]` or `[path, kind, more]`; the path leads
from the framework's message through its fields, keys and indexes to the value:

    {"role":"user","content":"half an emoji: \ufffd","langchain":{"values":[[["content"],"surrogates",[[15,55357]]]]}}

| kind | stands in the place | more |
| --- | --- | --- |
| `bytes` | the base64 of bytes | |
| `float` | `"NaN"`, `"Infinity"` or `"-Infinity"` | |
| `integer` | the hexadecimal digits of an integer, such as `"-0x1f"` | |
| `surrogates` | a text with U+FFFD for each lone surrogate | the index and the code unit of each |
| `key` | the path ends in a key with U+FFFD for each lone surrogate | the base64 of the key in UTF-8 |
| `left_out` | a mark such as `"[pandas.DataFrame left out]"` | |
| `document` | the fields of a `Document` of LangChain | |
| `openai.types…:Class` | the fields of an object of OpenAI's SDK | |

The notes are in the order in which they are to be applied. Earlier records have the paths of documents in `documents`,
and those of objects and bytes in `objects`.
"""

from __future__ import annotations

import json
import re
import time
from json.encoder import encode_basestring
from json.scanner import make_scanner
from numbers import Integral
from typing import TYPE_CHECKING, Any, NewType, NoReturn

from sessionkit_integrations.records.messages import DEVELOPER, ROLES
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief
from sessionkit_integrations.records.usage import usage_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.usage import Usage

Record = NewType("Record", bytes)
"""A message as a store holds it: the UTF-8 of one JSON object.

Examples:
    >>> Record(b'{"role":"user","content":"Hello!","at":1763800000123}')
"""

_ROLES = tuple(sorted(ROLES))  # a tuple, as `in` must also work for values without a hash
_USER, _ASSISTANT, _TOOL, _SYSTEM = (f'{{"role":"{role}",'.encode() for role in ("user", "assistant", "tool", "system"))
"""The first bytes of a record of each role."""
_USER_BYTES, _ASSISTANT_BYTES = len(_USER), len(_ASSISTANT)

_TOKENS = b',"tokens":'
_TOKENS_AND_TIME = re.compile(_TOKENS + rb'(\d{1,9}),"at":\d{1,15}\}\Z')
_LONGEST_ENDING = 48
"""Bytes of a record that hold its tokens and its time."""
_USAGE = b',"usage":{'
_LONGEST_USAGE = 2048
"""Bytes of a record that hold its usage, with a long name of a model, and what follows."""

_OPENINGS = {role: f'{{"role":"{role}","content":' for role in _ROLES}
ROLE_AND_CONTENT = 2
"""Number of fields of most messages."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _as_number(value: Any) -> float:
    """Return a number of another class than Python's own, such as NumPy's, as one of those."""
    return int(value) if isinstance(value, Integral) else float(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_number)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_SCAN = make_scanner(_DECODER)  # type: ignore[arg-type]  # typeshed names the type of the result here
"""Reads the value at a position of a text, as the decoder does, with one call less for each record."""


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, faster than `json.loads` and without Python's own constants.

    Raises:
        ValueError: It is not JSON; ``NaN`` and ``Infinity`` are not.
    """
    text = text if isinstance(text, str) else text.decode()
    try:
        value, end = _SCAN(text, 0)
    except (ValueError, StopIteration):
        value, end = None, -1
    # There is white space around it, or it is not JSON.
    return value if end == len(text) else _DECODER.decode(text)


def dump_json(value: Any) -> bytes:
    """Return the JSON text of a value that JSON can hold."""
    return _ENCODER.encode(value).encode()


def encode(
    fields: Mapping[str, Any], at: int, tokens: int | None = None, dump: Callable[[Any], bytes] = dump_json
) -> Record:
    """Return the record that holds ``fields``.

    Args:
        fields: A message in OpenAI's shape, with anything a framework adds to it, as a codec returns it: JSON can hold
            it.
        at: The time of writing, in Unix milliseconds.
        tokens: The number of tokens of the message; ``None`` if nobody counted them.
        dump: Returns the JSON text of a value.
    """
    if len(fields) == ROLE_AND_CONTENT and type(content := fields.get("content")) is str:  # as most
        opening = _OPENINGS.get(fields["role"])
        if opening is not None and (tokens is None or type(tokens) is int):
            counted = "" if tokens is None else f',"tokens":{tokens}'
            return _record_of_text(opening, content, counted, at)
    if tokens is not None:
        number = tokens if type(tokens) is int else _as_number(tokens)
        return Record(dump({"role": fields["role"], **fields, "tokens": number, "at": at}))
    return Record(dump({"role": fields["role"], **fields, "at": at}))


def records_of_texts(messages: Sequence[object], at: int, max_bytes: int) -> list[Record] | None:
    """Return the records of plain messages that are texts, as most are.

    Args:
        messages: The messages, of which nothing is known.
        at: The time of writing, in Unix milliseconds.
        max_bytes: Bytes that a record may have.

    Returns:
        The records, as `encode` makes them; ``None`` if a message is anything else, or is to be refused.
    """
    records = []
    for message in messages:
        if type(message) is not dict or len(message) != ROLE_AND_CONTENT:
            return None
        role, content = message.get("role"), message.get("content")
        if type(role) is not str or type(content) is not str or role not in ROLES or len(content) > max_bytes:
            return None
        try:
            record = _record_of_text(_OPENINGS[role], content, "", at)
        except UnicodeEncodeError:
            return None
        if len(record) > max_bytes:
            return None
        records.append(record)
    return records


def _record_of_text(opening: str, content: str, counted: str, at: int) -> Record:
    return Record(f'{opening}{encode_basestring(content)}{counted},"at":{at}}}'.encode())


def tokens_of(record: bytes) -> int:
    """Return the number of tokens that a record says it has, as every store counts it; 0 if nobody counted them."""
    counted = counted_tokens(record)
    return 0 if counted is None else counted


def counted_tokens(record: bytes) -> int | None:
    """Return the number of tokens that a record says it has, or ``None`` if nobody counted them.

    Scripts read the same last bytes: a record's own fields end there, and nothing that a message says can look like it.
    """
    start = record.rfind(_TOKENS, -_LONGEST_ENDING)
    if start < 0:  # as most, and a pattern takes five times as long to find out
        return None
    found = _TOKENS_AND_TIME.match(record, start)
    return None if found is None else int(found[1])


def usage_of(record: bytes) -> Usage | None:
    """Return what a provider counted for a record's message, or ``None`` if the record does not say so."""
    start = record.rfind(_USAGE, -_LONGEST_USAGE)
    if start < 0:
        return None
    try:
        # An object of the last fields only: if the mark were not at the record's own level, it would not end there.
        return usage_in(parse_json(b'{"":0' + record[start:]))
    except (ValueError, RecursionError):
        return None


def decode(record: bytes) -> Fields:
    """Return the fields of a record.

    Raises:
        ValueError: It is not a JSON object with a role.
    """
    return check_record(parse_json(record))


def check_record(value: Any) -> Fields:
    """Return the JSON value of a record as its fields.

    The role ``developer``, which OpenAI has beside ``system`` and in the same place, becomes ``system``.

    Raises:
        UnreadableRecordError: It is not an object with a role.
    """
    if not isinstance(value, dict):
        raise UnreadableRecordError("a record must be a JSON object")
    role = value.get("role")
    if role in _ROLES:
        return value
    if role != DEVELOPER:
        raise UnreadableRecordError(f"role must be one of {', '.join(_ROLES)}, got {brief(role)}")
    value["role"] = "system"
    return value


def role_of(record: bytes) -> str:
    """Return the role of a record, or an empty string if it cannot be read."""
    if record.startswith(_USER):  # a loop takes a quarter longer
        return "user"
    if record.startswith(_ASSISTANT):
        return "assistant"
    if record.startswith(_TOOL):
        return "tool"
    if record.startswith(_SYSTEM):
        return "system"
    try:
        found: str = decode(record)["role"]
    except (ValueError, RecursionError):
        return ""
    return found


def roles_of(records: Iterable[bytes]) -> list[str]:
    """Return the roles of records, as `role_of` does, without a call for each: every read asks for them."""
    return [
        "user"
        if record[:_USER_BYTES] == _USER
        else "assistant"
        if record[:_ASSISTANT_BYTES] == _ASSISTANT
        else role_of(record)
        for record in records
    ]


def time_written(record: bytes) -> int | None:
    """Return the time at which a record was written, in Unix milliseconds, if it says so."""
    try:
        at = decode(record).get("at")
    except (ValueError, RecursionError):
        return None
    return at if type(at) is int else None


def now() -> int:
    """Return the present time in Unix milliseconds, as records and stores note it."""
    return time.time_ns() // 1_000_000
