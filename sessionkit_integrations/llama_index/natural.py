"""LlamaIndex's content blocks as content parts and reasoning of a record, and back.

A part makes one block without further ado, its *natural* form. That form is made once more while a block is written,
and the record notes only how the block differs from it: a type that LlamaIndex guessed is not stored, one that the
caller gave is. So whatever LlamaIndex adds to a block by itself, the same block comes back, and no rule of it is
repeated here.
"""

from __future__ import annotations

from dataclasses import replace
from io import IOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from sessionkit_integrations.adapting.arguments import kept_texts
from sessionkit_integrations.adapting.differences import compare, take
from sessionkit_integrations.adapting.letters import CALL, CITABLE, DATA_URL, OWN, OWN_SHOWN, PART, REASONING
from sessionkit_integrations.llama_index.blocks import DATA, dump_block, read_file, text_block
from sessionkit_integrations.records.fields import reasoning_text, text_of_detail
from sessionkit_integrations.records.media import (
    Media,
    audio_format,
    audio_type,
    data_url,
    text_or_none,
    text_part,
    to_media,
    to_part,
)
from sessionkit_integrations.records.parts import Content, left_out
from sessionkit_integrations.records.stand_ins import is_utf8
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.adapting.differences import Block, Difference
    from sessionkit_integrations.records.media import Kind, Part
    from sessionkit_integrations.records.notes import Note

_MEDIA: dict[type, tuple[Kind, str, str]] = {
    ImageBlock: ("image", "image", "image_mimetype"),
    AudioBlock: ("audio", "audio", "format"),
    VideoBlock: ("video", "video", "video_mimetype"),
    DocumentBlock: ("file", "data", "document_mimetype"),
}
"""Kinds of media, and the names of the fields that hold the data and their type."""
_HOLDING = {CitableBlock, CitationBlock}
_CITED = {TextBlock, ImageBlock, DocumentBlock}
_NO_TITLE = "input_document"
"""Title that LlamaIndex gives a document that has none."""


class EncodedBlock(NamedTuple):
    """A block as a record holds it.

    Attributes:
        letter: The source of the block; see `content`.
        parts: Its content parts.
        value: Its reasoning, its call, the JSON of the block itself, or what the parts of a citable block do not tell.
        changes: The difference between the block and its natural form: one change or none.
        notes: Notes of values in it that JSON cannot hold, whose paths begin at the block.
    """

    letter: str
    parts: Sequence[Part] = ()
    value: Any = None
    changes: Sequence[Difference] = ()
    notes: Sequence[Note] = ()


def encode_block(block: Any, index: int, max_bytes: int) -> EncodedBlock:
    """Return a block as a record holds it.

    Args:
        block: The block, or whatever was assigned instead of one.
        index: Its place in the message.
        max_bytes: Bytes that a record may have.

    Raises:
        InvalidMessageError: It is too large by far, or nested too deeply.
    """
    if type(block) is TextBlock and type(block.text) is str and is_utf8(block.text):
        return EncodedBlock(PART, [text_part(block.text)])
    if isinstance(block, str):
        block = text_block(block)
    elif not isinstance(block, BaseModel):
        block = text_block(left_out({"type": type(block).__name__}))
    if isinstance(getattr(block, DATA.get(type(block), ""), None), IOBase):
        block = _read_file(block)
    fields, notes = dump_block(block, max_bytes)
    encode = _ENCODERS.get(type(block))
    if encode is _encode_media and notes:
        encode = None  # validation would change what stands for the values
    encoded = encode(block, fields, index, max_bytes) if encode else None
    if encoded is None:
        parts = _shown(block, fields, max_bytes)
        encoded = EncodedBlock(OWN_SHOWN if parts else OWN, parts, fields)
    return encoded._replace(notes=notes)


def decode_part(part: Part, letter: str = PART) -> Any:
    """Return the natural block for a content part that a LlamaIndex message was written as."""
    media = to_media(part)
    if media is None:
        return decode_content(Content(part, text_or_none(part.get("text"))))
    if letter == DATA_URL:
        media = replace(media, data=None, url=data_url(media))
    return decode_content(Content(part, media))


def decode_content(content: Content) -> Any:
    """Return the natural block for a piece of a message's content: a note where LlamaIndex has no block for it."""
    value = content.value
    if isinstance(value, str):
        return text_block(value)
    block = None if value is None else _media_block(value)
    return text_block(left_out(content.part, value)) if block is None else block


def decode_citable(rest: object, parts: Iterator[Part]) -> CitableBlock:
    """Return the citable block that holds the next parts; ``rest`` is its value, as `encode_block` returned it.

    Raises:
        UnreadableRecordError: They make no such block.
    """
    values = expect(rest, list, "citable block")
    if len(values) != 3:  # noqa: PLR2004 - a title, a source, and the number of parts
        raise UnreadableRecordError("a citable block must have three values")
    title, source, count = values
    content = [decode_part(part) for part in take(parts, count)]
    try:
        return CitableBlock(title=title, source=source, content=content)
    except ValueError as error:
        raise UnreadableRecordError(f"parts make no citable block ({error})") from error


def decode_thinking(detail: Block) -> ThinkingBlock | None:
    """Return the natural block for a dict of ``reasoning_details``, or ``None`` if it has no text."""
    text = text_of_detail(detail)
    if text is None:
        return None
    signature = detail.get("signature")
    information = {} if signature is None else {"signature": signature}
    return ThinkingBlock(content=text, additional_information=information)


def _encode_text(block: Any, fields: Block, _index: int, _max_bytes: int) -> EncodedBlock | None:
    return EncodedBlock(PART, [text_part(fields["text"])]) if isinstance(block.text, str) else None


def _encode_call(block: Any, fields: Block, _index: int, _max_bytes: int) -> EncodedBlock | None:
    is_valid = (
        isinstance(fields.get("tool_name"), str)
        and isinstance(fields.get("tool_call_id", ""), str)
        and isinstance(block.tool_kwargs, (dict, str))
    )
    return EncodedBlock(CALL, value=(fields, kept_texts(block))) if is_valid else None


def _encode_thinking(block: Any, fields: Block, index: int, max_bytes: int) -> EncodedBlock | None:
    if not isinstance(block.content, str) or not isinstance(block.additional_information, dict):
        return None
    signature = fields["additional_information"].get("signature")
    is_text = isinstance(block.additional_information.get("signature"), str)
    detail = reasoning_text(fields["content"], signature if is_text else None)
    thought: Any = decode_thinking(detail)
    natural = dump_block(thought, max_bytes).values
    return EncodedBlock(REASONING, value=detail, changes=compare(index, natural, fields))


def _encode_citable(block: Any, fields: Block, _index: int, max_bytes: int) -> EncodedBlock | None:
    """Return the parts that a citable block holds, or ``None`` where parts cannot tell all of it."""
    if not isinstance(block.content, list) or not block.content:
        return None  # nothing of it would be left to show where it was
    if not isinstance(block.title, str) or not isinstance(block.source, str):
        return None
    inner = [encode_block(each, index, max_bytes) for index, each in enumerate(block.content)]
    if any(type(each) not in _CITED for each in block.content):
        return None
    if any(each.letter != PART or each.changes or each.notes for each in inner):
        return None
    parts = [part for each in inner for part in each.parts]
    return EncodedBlock(CITABLE, parts, [fields["title"], fields["source"], len(parts)])


def _encode_media(block: Any, fields: Block, index: int, max_bytes: int) -> EncodedBlock | None:
    """Return the part that holds media, or ``None`` where there is no such part."""
    media = _media_of(type(block), fields) if "path" not in fields else None
    part = None if media is None else to_part(media)
    if part is None:
        return None
    letter = DATA_URL if fields.get("url", "").startswith("data:") else PART
    changes = compare(index, dump_block(decode_part(part, letter), max_bytes).values, fields)
    return EncodedBlock(letter, [part], changes=changes)


def _read_file(block: Any) -> Any:
    """Return the block of what is in an open file, or the same block if it cannot be read."""
    name = DATA[type(block)]
    try:
        return type(block).model_validate({**vars(block), name: read_file(getattr(block, name))})
    except ValueError:
        return block


def _shown(block: Any, fields: Block, max_bytes: int) -> list[Part]:
    """Return the content parts that other readers see for a block that no parts can tell all of."""
    cls = type(block)
    if cls in {CachePoint, ThinkingBlock}:
        return []
    inner = getattr(block, "cited_content" if cls is CitationBlock else "content", None)
    held = inner if isinstance(inner, list) else [] if inner is None else [inner]
    parts = [part for each in held for part in encode_block(each, 0, max_bytes).parts] if cls in _HOLDING else []
    return parts or [text_part(_note(cls, fields))]


def _note(cls: type, fields: Block) -> str:
    if cls in _MEDIA:
        path = text_or_none(fields.get("path"))
        return left_out({}, Media(_MEDIA[cls][0], name=Path(path).name if path else None))
    if isinstance(fields.get("text"), (int, float)):
        return str(fields["text"])
    kind = text_or_none(fields.get("block_type")) or cls.__name__
    return left_out({"type": kind, "name": fields.get("title") or fields.get("tool_name")})


def _media_of(cls: type, fields: Block) -> Media | None:
    """Return the media of a block, or ``None`` if fields were assigned that are not texts."""
    kind, data, type_name = _MEDIA[cls]
    mime_type = fields.get(type_name)
    names = ("url", "title", "detail", data, type_name)
    if not all(isinstance(fields.get(name, ""), str) for name in names):
        return None
    if kind == "audio" and mime_type:
        mime_type = audio_type(mime_type)
    title = fields.get("title")
    return Media(
        kind,
        url=fields.get("url"),
        data=fields.get(data) or None,
        mime_type=mime_type,
        name=None if title == _NO_TITLE else title,
        detail=fields.get("detail"),
    )


def _media_block(media: Media) -> Any:
    if media.file_id is not None:
        return None
    cls, (_, data, type_name) = next(each for each in _MEDIA.items() if each[1][0] == media.kind)
    mime_type = media.mime_type
    if media.kind == "audio" and mime_type:
        mime_type = audio_format(mime_type)
    fields: Block = {data: media.data.encode(errors="replace") if media.data else None, type_name: mime_type}
    if media.kind == "file":
        fields["title"] = media.name
    if media.kind == "image":
        fields["detail"] = media.detail
    try:
        return cls(**fields, url=media.url)
    except ValueError:
        block = cls(**fields)
        block.url = media.url  # not validated: OpenAI takes more for a URL than LlamaIndex does
        return block


_ENCODERS: dict[type, Callable[..., EncodedBlock | None]] = {
    TextBlock: _encode_text,
    ToolCallBlock: _encode_call,
    ThinkingBlock: _encode_thinking,
    CitableBlock: _encode_citable,
    **dict.fromkeys(_MEDIA, _encode_media),
}
