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

from sessionkit_integrations.adapting.differences import compare, take
from sessionkit_integrations.adapting.letters import CALL, CITABLE, DATA_URL, OWN, OWN_SHOWN, PART, REASONING
from sessionkit_integrations.llama_index.blocks import dump_block, text_block
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
from sessionkit_integrations.records.unreadable import UnreadableRecordError, expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.adapting.differences import Block, Difference
    from sessionkit_integrations.records.media import Kind, Part

_MEDIA: dict[type, tuple[Kind, str, str]] = {
    ImageBlock: ("image", "image", "image_mimetype"),
    AudioBlock: ("audio", "audio", "format"),
    VideoBlock: ("video", "video", "video_mimetype"),
    DocumentBlock: ("file", "data", "document_mimetype"),
}
"""Kinds of media, and the names of the fields that hold the data and their type."""
_NO_TITLE = "input_document"
"""Title that LlamaIndex gives a document that has none."""


class EncodedBlock(NamedTuple):
    """A block as a record holds it.

    Attributes:
        letter: The source of the block; see `content`.
        parts: Its content parts.
        value: Its reasoning, its call, the JSON of the block itself, or what the parts of a citable block do not tell.
        changes: The difference between the block and its natural form: one change or none.
    """

    letter: str
    parts: Sequence[Part] = ()
    value: Any = None
    changes: Sequence[Difference] = ()


def encode_block(block: Any, index: int) -> EncodedBlock:
    """Return a block as a record holds it.

    Args:
        block: The block.
        index: Its place in the message.

    Raises:
        InvalidMessageError: JSON cannot hold it.
    """
    cls = type(block)
    encoded = None
    if cls is TextBlock:
        return EncodedBlock(PART, [text_part(block.text)])
    if cls is ToolCallBlock:
        return EncodedBlock(CALL, value=block)
    if cls is ThinkingBlock:
        encoded = _encode_thinking(block, index)
    elif cls is CitableBlock:
        encoded = _encode_citable(block)
    elif cls in _MEDIA:
        encoded = _encode_media(block, index)
    if encoded is None:
        parts = _shown(block)
        encoded = EncodedBlock(OWN_SHOWN if parts else OWN, parts, dump_block(block))
    return encoded


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


def _encode_thinking(block: ThinkingBlock, index: int) -> EncodedBlock | None:
    if block.content is None:
        return None
    signature = block.additional_information.get("signature")
    detail = reasoning_text(block.content, signature if isinstance(signature, str) else None)
    changes = compare(index, dump_block(decode_thinking(detail)), dump_block(block))
    return EncodedBlock(REASONING, value=detail, changes=changes)


def _encode_citable(block: CitableBlock) -> EncodedBlock | None:
    """Return the parts that a citable block holds, or ``None`` where parts cannot tell all of it."""
    if not block.content:
        return None  # nothing of it would be left to show where it was
    inner = [encode_block(each, index) for index, each in enumerate(block.content)]
    if any(each.letter != PART or each.changes for each in inner):
        return None
    parts = [part for each in inner for part in each.parts]
    return EncodedBlock(CITABLE, parts, [block.title, block.source, len(parts)])


def _shown(block: Any) -> list[Part]:
    """Return the content parts that other readers see for a block that no parts can tell all of."""
    cls = type(block)
    if cls is CitationBlock:
        inner = [block.cited_content]
    elif cls is CitableBlock:
        inner = block.content
    elif cls in {CachePoint, ThinkingBlock}:
        return []
    else:
        inner = []
    parts = [part for each in inner for part in encode_block(each, 0).parts]
    return parts or [text_part(_note(block))]


def _note(block: Any) -> str:
    if type(block) not in _MEDIA:
        return left_out({"type": block.block_type, "name": getattr(block, "title", None)})
    path = getattr(block, "path", None)
    name = Path(path).name if path else None
    return left_out({}, Media(_MEDIA[type(block)][0], name=name))


def _encode_media(block: Any, index: int) -> EncodedBlock | None:
    """Return the part that holds media, or ``None`` where there is no such part."""
    if isinstance(getattr(block, _MEDIA[type(block)][1]), IOBase):
        block = type(block).model_validate(block.model_dump(exclude_none=True))  # of an open file: what is in it
    fields = dump_block(block)
    part = to_part(_media_of(block, fields)) if "path" not in fields else None
    if part is None:
        return None
    letter = DATA_URL if str(fields.get("url", "")).startswith("data:") else PART
    changes = compare(index, dump_block(decode_part(part, letter)), fields)
    return EncodedBlock(letter, [part], changes=changes)


def _media_of(block: Any, fields: Block) -> Media:
    kind, data, type_name = _MEDIA[type(block)]
    mime_type = fields.get(type_name)
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
