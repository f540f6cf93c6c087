"""Codecs: the messages of one framework written as records and read from them; see `record.py` for their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from sessionkit_integrations.errors import CorruptSessionError
from sessionkit_integrations.records.messages import DEVELOPER, ROLES, UNSEEN_FIELDS, Message, check_message
from sessionkit_integrations.records.ordinary import is_ordinary
from sessionkit_integrations.records.record import (
    ROLE_AND_CONTENT,
    Record,
    check_record,
    dump_json,
    encode,
    now,
    parse_json,
    records_of_texts,
)
from sessionkit_integrations.records.sealed import BY, SEALED, is_sealed, unopened
from sessionkit_integrations.records.sizes import MAX_MESSAGE_BYTES, check_bounds, too_large
from sessionkit_integrations.records.strict import check_fields
from sessionkit_integrations.records.unreadable import UnreadableRecordError
from sessionkit_integrations.records.usage import USAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sessionkit_integrations.records.fields import Fields

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)

_ROLE_TEXT_AND_TIME = 3
"""Number of fields of a text whose tokens nobody counted."""
NO_TEXT_DECODERS: Mapping[str, Callable[[Fields], NoReturn]] = {}
"""The `text_decoders` of a reader that reads texts as it reads everything else."""


class Reader(Protocol[M_co]):
    """Reads records as messages of a framework, or as what is to be shown of them."""

    def parse_json(self, record: bytes, /) -> Any:
        """Return the JSON value that a record holds.

        Raises:
            ValueError: It is not JSON.
        """
        ...

    @property
    def text_decoders(self) -> Mapping[str, Callable[[Fields], M_co]]:
        """Functions that do what `decode` does for texts, by role, and faster.

        Most records are texts: a role, a content that is a string, a time and perhaps a number of tokens.
        """
        ...

    def decode(self, fields: Fields) -> M_co:
        """Return the message that a record with ``fields``, which it may use up, holds.

        Raises:
            UnreadableRecordError: The fields make no message.
        """
        ...


class Codec(Reader[M], Protocol[M]):
    """Writes the messages of one framework as records, and reads them."""

    def dump_json(self, value: Any, /) -> bytes:
        """Return the JSON text of a value that JSON can hold."""
        ...

    def encode(self, messages: Sequence[M], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterable[Fields]:
        """Return the fields of the records that hold messages; JSON can hold them.

        Args:
            messages: The messages.
            max_bytes: Bytes that a record may have. A message that is larger by far is refused before anything of that
                size is made; the records themselves are checked later.

        Raises:
            InvalidMessageError: A message cannot be stored.
        """
        ...


def _decode_text(fields: Fields) -> Message:
    del fields["at"]
    if len(fields) > ROLE_AND_CONTENT:
        del fields["tokens"]
    message: Any = fields
    return message  # type: ignore[no-any-return]  # as below


class PlainCodec:
    """Messages as plain dicts in OpenAI's shape, which JSON must hold exactly."""

    parse_json = staticmethod(parse_json)
    dump_json = staticmethod(dump_json)
    text_decoders = dict.fromkeys(ROLES, _decode_text)

    def encode(self, messages: Sequence[Message], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterable[Fields]:
        """See `Codec.encode`."""
        for message in messages:
            if is_ordinary(message, max_bytes):
                yield dict(message)
                continue
            check_message(message)
            check_bounds(message, max_bytes)
            check_fields(message)
            fields: Fields = dict(message)
            if fields["role"] == DEVELOPER:
                fields["role"] = "system"
            if USAGE in fields:
                fields[USAGE] = fields.pop(USAGE)  # at the end, where it is looked for
            yield fields

    def decode(self, fields: Fields) -> Message:
        """See `Codec.decode`."""
        content = fields.setdefault("content", None)
        if type(content) is not str and content is not None and not _is_list_of_parts(content):
            raise UnreadableRecordError("content must be a string or a list of content parts")
        for name in UNSEEN_FIELDS.intersection(fields):
            del fields[name]
        message: Any = fields
        return message  # type: ignore[no-any-return]  # TypedDicts cannot be built from unknown keys


PLAIN = PlainCodec()


def encode_all(
    codec: Codec[M],
    messages: Sequence[M],
    max_bytes: int = MAX_MESSAGE_BYTES,
    count: Callable[[Message], int] | None = None,
    at: int | None = None,
) -> list[Record]:
    """Return the records of a batch of messages, all written at one time.

    Args:
        codec: The codec of their framework.
        messages: The batch.
        max_bytes: Bytes that a record may have.
        count: Returns the tokens of a message, which the record then says; ``None`` to count none.
        at: The time of writing, in Unix milliseconds; the present one if ``None``.

    Raises:
        InvalidMessageError: One of them cannot be stored, or its tokens cannot be counted.
    """
    at = now() if at is None else at
    batch = list(messages)  # as it may be an iterator
    if count is None and _is_plain(codec) and (texts := records_of_texts(batch, at, max_bytes)) is not None:
        return texts
    fields, dump = codec.encode(batch, max_bytes), codec.dump_json
    if count is None:
        records = [encode(each, at, None, dump) for each in fields]
    else:
        records = [encode(each, at, count(PLAIN.decode(dict(each))), dump) for each in fields]
    for record in records:
        if len(record) > max_bytes:
            raise too_large(len(record), max_bytes)
    return records


def decode_all(
    reader: Reader[M], records: Iterable[bytes], session_id: str, *, first: int = 0, archived: bool = False
) -> list[M]:
    """Return the messages that records hold.

    Args:
        reader: The reader of their messages.
        records: The records, in order.
        session_id: The session that they are of.
        first: Position in the session of the first one, for the error.
        archived: Whether they are of the archive, for the error.

    Raises:
        CorruptSessionError: One of them cannot be read.
        SealError: One of them is sealed.
    """
    messages: list[M] = []
    decode, parse, text_decoders = reader.decode, reader.parse_json, reader.text_decoders
    for position, record in enumerate(records, first):
        try:
            try:
                value = parse(record)
            except ValueError as error:
                raise UnreadableRecordError(f"it is not JSON: {error}") from error
            if (
                type(value) is dict
                and len(value) == _ROLE_TEXT_AND_TIME + ("tokens" in value)
                and "at" in value
                and type(value.get("content")) is str
                and type(role := value.get("role")) is str
                and (decode_text := text_decoders.get(role)) is not None
            ):
                messages.append(decode_text(value))
                continue
            fields = check_record(value)
            if SEALED in fields and is_sealed(fields):
                raise unopened(record, fields[BY], session_id, position, archived=archived)
            messages.append(decode(fields))
        except (UnreadableRecordError, RecursionError) as error:  # anything else is a fault of our own code
            problem = f"cannot be read as a message ({error})"
            raise CorruptSessionError(session_id, position, problem, archived=archived) from error
    return messages


def _is_plain(codec: object) -> bool:
    return isinstance(codec, PlainCodec)


def _is_list_of_parts(content: object) -> bool:
    return isinstance(content, list) and all(isinstance(part, dict) for part in content)
