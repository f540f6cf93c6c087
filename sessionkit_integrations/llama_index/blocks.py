"""LlamaIndex's content blocks as content parts, reasoning and tool calls of a record, and back.

| letter in a record's ``order`` | block | comes from |
| --- | --- | --- |
| `r` | `ThinkingBlock` | the next dict of ``reasoning_details`` |
| `p` | `TextBlock`, `ImageBlock`, `AudioBlock`, `VideoBlock`, `DocumentBlock` | the next content part |
| `u` | the same but for texts, whose URL is a data URL | the next content part |
| `s` | `CitableBlock` | the next content parts, as many as the block holds |
| `c` | `ToolCallBlock` | the next tool call |
| `o` | any other, media by path among them | the block itself |

Reasoning, then parts, then calls: where the blocks are in this order, a record needs no ``order``.
"""

from __future__ import annotations

from dataclasses import replace
from io import IOBase
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from llama_index.core.base.llms.types import (
    AudioBlock,
    CitableBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    VideoBlock,
)
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from sessionkit_integrations.adapting.differences import change, changed
from sessionkit_integrations.adapting.with_pydantic import maker
from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.llama_index.values import dumped as kwargs_dumped
from sessionkit_integrations.llama_index.values import restore
from sessionkit_integrations.records.fields import reasoning_text, text_of_detail
from sessionkit_integrations.records.media import (
    Media,
    audio_format,
    audio_type,
    data_url,
    text_part,
    to_media,
    to_part,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.adapting.differences import Block, Change
    from sessionkit_integrations.records.media import Kind, Part

_TEXT = maker(TextBlock(text=""))
_ANY_BLOCK: TypeAdapter[Any] = TypeAdapter(ContentBlock)
_BLOCK_TYPES = tuple(cls.model_fields["block_type"].default for cls in get_args(get_args(ContentBlock)[0]))
_MEDIA: dict[type, tuple[Kind, str, str]] = {
    ImageBlock: ("image", "image", "image_mimetype"),
    AudioBlock: ("audio", "audio", "format"),
    VideoBlock: ("video", "video", "video_mimetype"),
    DocumentBlock: ("file", "data", "document_mimetype"),
}
"""Kinds of media, and the names of the fields that hold the data and their type."""
_OBJECTS = "objects"
"""Where a thinking block notes what JSON cannot tell of its additional information."""
_NO_TITLE = "input_document"
"""What LlamaIndex calls a document that has no title."""


def dump(block: Any) -> Block:
    """Return a block as JSON.

    Raises:
        InvalidMessageError: JSON cannot hold it.
    """
    dumped = block.model_dump(exclude_none=True)
    if isinstance(block, ThinkingBlock):
        return _dump_thinking(dumped)
    try:
        try:
            encoded: Block = to_jsonable_python(dumped)
        except UnicodeDecodeError:
            # The raw bytes of an open file: made of bytes, the same block holds them in base64.
            encoded = to_jsonable_python(type(block).model_validate(dumped).model_dump(exclude_none=True))
    except ValueError as error:
        raise InvalidMessageError(f"blocks.{block.block_type}", f"holds what JSON cannot ({error})") from error
    return encoded


def _dump_thinking(dumped: Block) -> Block:
    objects: list[Any] = []
    try:
        dumped["additional_information"] = kwargs_dumped(dumped["additional_information"], objects)
    except InvalidMessageError as error:
        raise InvalidMessageError("blocks.thinking", str(error)) from error
    return {**dumped, _OBJECTS: objects} if objects else dumped


def is_known(fields: Block) -> bool:
    """Return whether this version of LlamaIndex has blocks such as `dump` made ``fields`` of."""
    return fields.get("block_type") in _BLOCK_TYPES


def load(fields: Block) -> Any:
    """Return the block that `dump` made ``fields`` of.

    Raises:
        ValueError: There is no such block.
    """
    kind = fields["block_type"]
    path = fields.pop("path", None)
    # Blocks within a block are loaded by themselves, and what they are put into is validated without them.
    if kind == "citable":
        block = _ANY_BLOCK.validate_python({**fields, "content": []})
        block.content = [load(inner) for inner in fields["content"]]
    elif kind == "citation":
        block = _ANY_BLOCK.validate_python({**fields, "cited_content": ""})
        block.cited_content = load(fields["cited_content"])
    else:
        objects = fields.pop(_OBJECTS, None)
        block = _ANY_BLOCK.validate_python(fields)
        if objects is not None:
            restore(block.additional_information, objects)
    if path is not None:
        # Not validated: the file may be gone by now, and with it would be all of the session.
        block.path = path if kind == "document" else Path(path)
    return block


def text_block(text: str) -> TextBlock:
    """Return the block that holds a text."""
    return _TEXT({"block_type": "text", "text": text})


def part_of(block: Any, index: int, changes: list[Change]) -> tuple[str, Part] | None:
    """Return the letter of a block and the content part that holds it, or ``None`` if there is no such part.

    Args:
        block: The block.
        index: Its place in the message.
        changes: Where what the part cannot tell goes.

    Raises:
        InvalidMessageError: JSON cannot hold it.
    """
    if type(block) is TextBlock:
        return "p", text_part(block.text)
    if type(block) not in _MEDIA:
        return None
    if isinstance(getattr(block, _MEDIA[type(block)][1]), IOBase):
        block = type(block).model_validate(block.model_dump(exclude_none=True))  # of an open file: what is in it
    fields = dump(block)
    part = to_part(_media_of(block, fields)) if "path" not in fields else None
    if part is None:
        return None
    letter = "u" if str(fields.get("url", "")).startswith("data:") else "p"
    changes += change(index, dump(block_of(part, letter)), fields)
    return letter, part


def block_of(part: Part, letter: str = "p") -> Any:
    """Return the block for a content part, or ``None`` where LlamaIndex has none."""
    kind = part["type"]
    if kind in {"text", "refusal"}:
        return TextBlock(text=part[kind])
    media = to_media(part)
    if media is None:
        return None
    if letter == "u":
        media = replace(media, data=None, url=data_url(media))
    return _media_block(media)


def with_change(block: Any, difference: Change | None) -> Any:
    """Return a block after its change; see `changed`."""
    return block if difference is None else load(changed(dump(block), difference))


def citable_of(block: CitableBlock) -> tuple[list[Part], list[Any]] | None:
    """Return the content parts that a citable block holds, and the rest of it; ``None`` where parts cannot tell all."""
    if not block.content:
        return None  # nothing of it would be left to show where it was
    changes: list[Change] = []
    held = [part_of(inner, index, changes) for index, inner in enumerate(block.content)]
    parts = [each[1] for each in held if each is not None and each[0] == "p"]
    if changes or len(parts) < len(held):
        return None
    return parts, [block.title, block.source, len(parts)]


def citable_block(rest: list[Any], parts: Iterator[Part]) -> CitableBlock:
    """Return the block; see `citable_of`."""
    title, source, count = rest
    return CitableBlock(title=title, source=source, content=[block_of(part) for part in islice(parts, count)])


def reasoning_of_block(block: ThinkingBlock, index: int, changes: list[Change]) -> Block | None:
    """Return the dict of ``reasoning_details`` for a block, or ``None`` if it has no text; see `part_of`."""
    if block.content is None:
        return None
    signature = block.additional_information.get("signature")
    detail = reasoning_text(block.content, signature if isinstance(signature, str) else None)
    changes += change(index, dump(thinking_block(detail)), dump(block))
    return detail


def thinking_block(detail: Block) -> ThinkingBlock | None:
    """Return the block for a dict of ``reasoning_details``, or ``None`` if it has no text."""
    text = text_of_detail(detail)
    if text is None:
        return None
    signature = detail.get("signature")
    information = {} if signature is None else {"signature": signature}
    return ThinkingBlock(content=text, additional_information=information)


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
    cls, (_, data, type_name) = next(each for each in _MEDIA.items() if each[1][0] == media.kind)
    mime_type = media.mime_type
    if media.kind == "audio" and mime_type:
        mime_type = audio_format(mime_type)
    fields: Block = {data: media.data.encode() if media.data else None, type_name: mime_type}
    if media.kind == "file":
        fields["title"] = media.name
    if media.kind == "image":
        fields["detail"] = media.detail
    if media.file_id is not None:
        return None
    try:
        return cls(**fields, url=media.url)
    except ValueError:
        block = cls(**fields)
        block.url = media.url  # not validated: OpenAI takes more for a URL than LlamaIndex does
        return block
