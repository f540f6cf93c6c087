"""The shapes that LangChain's content blocks have, and what of a record each is made of.

LangChain has had several shapes for the same thing, and passes on the providers' shapes. Each is a `Shape`, whose
letter is held in a record's ``order``; see `adapting.differences`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sessionkit_integrations.adapting import letters
from sessionkit_integrations.records.fields import reasoning_text
from sessionkit_integrations.records.media import Media, Part, is_text, text_or_none, text_part, to_media, to_part
from sessionkit_integrations.records.unreadable import UnreadableRecordError, brief, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations.adapting.differences import Block


@dataclass(frozen=True)
class Shape:
    """One shape of a block.

    Attributes:
        letter: The letter that stands for it in a record.
        types: The types of the blocks that may have it.
        source: What it is made of: a content part, an entry of ``reasoning_details`` or a tool call.
        to_source: Given a block, returns that source, or of a tool call its id and name; ``None`` if the block has
            another shape.
        to_block: Given a source, returns the block that it makes by nature. It raises `UnreadableRecordError` if it
            makes none.
    """

    letter: str
    types: tuple[str, ...]
    source: Literal["part", "detail", "call"]
    to_source: Callable[[Block], Any]
    to_block: Callable[[Any], Block]


def _natural_block(part: Part) -> Block:
    """Return the block for a content part: the part itself, where the models of all integrations take it.

    They do so with texts and images. Sounds, videos and files they take as LangChain's standard blocks alone.
    """
    if text_or_none(part.get("type")) in _TAKEN_AS_THEY_ARE:
        return part
    media = to_media(part)
    return part if media is None or media.file_id is not None else _standard_block(media)


def _thinking_block(detail: Block) -> Block:
    """Return reasoning as Anthropic's block, which keeps its signature."""
    return {"type": "thinking", "thinking": _text(detail, "text"), **_known(signature=detail.get("signature"))}


def _part(block: Block) -> Part | None:
    """Return the part that a block in OpenAI's shape is, without what else it says."""
    kind = block["type"]
    if kind == "text":
        return text_part(block["text"]) if is_text(block) else None
    if kind == "refusal":
        return {"type": kind, kind: block[kind]} if isinstance(block.get(kind), str) else None
    return {"type": kind, kind: block[kind]} if isinstance(block.get(kind), dict) and to_media(block) else None


def _natural_part(block: Block) -> Part | None:
    part = _part(block)
    return part if part is not None and _natural_block(part) is part else None


def _part_of_url(block: Block) -> Part | None:
    media = to_media(block) if isinstance(block.get("image_url"), str) else None
    return to_part(media) if media else None


def _url_block(part: Part) -> Block:
    return {"type": "image_url", "image_url": _text(part.get("image_url"), "url")}


def _part_of_plain_text(block: Block) -> Part | None:
    return text_part(block["text"]) if isinstance(block.get("text"), str) else None


def _plain_text_block(part: Part) -> Block:
    return {"type": "text-plain", "text": _text(part, "text"), "mime_type": "text/plain"}


def _part_of_standard(block: Block) -> Part | None:
    extras = block.get("extras")
    name = block.get("filename") or (extras.get("filename") if isinstance(extras, dict) else None)
    return _media_part(block, url="url", data="base64", file_id="file_id", name=name)


def _standard_block(media: Media) -> Block:
    block = _known(type=media.kind, url=media.url, base64=media.data, file_id=media.file_id, mime_type=media.mime_type)
    return block | _known(filename=media.name)


_V0_SOURCES = {"url": "url", "base64": "data", "id": "id"}


def _part_of_v0(block: Block) -> Part | None:
    source_type = block.get("source_type")
    names = dict.fromkeys(_V0_SOURCES, "")
    if not isinstance(source_type, str) or source_type not in names:
        return None
    names[source_type] = _V0_SOURCES[source_type]
    return _media_part(block, url=names["url"], data=names["base64"], file_id=names["id"], name=block.get("filename"))


def _v0_block(media: Media) -> Block:
    given = {"url": media.url, "base64": media.data, "id": media.file_id}
    source_type = next(name for name, value in given.items() if value is not None)
    where = {"source_type": source_type, _V0_SOURCES[source_type]: given[source_type]}
    return {"type": media.kind, **where, **_known(mime_type=media.mime_type, filename=media.name)}


def _part_of_anthropic(block: Block) -> Part | None:
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    if source.get("type") == "text":
        return text_part(source["data"]) if isinstance(source.get("data"), str) else None
    kind = "image" if block["type"] == "image" else "file"
    fields = {**source, "type": kind, "mime_type": source.get("media_type")}
    return _media_part(fields, url="url", data="data", file_id="file_id", name=block.get("title"))


def _anthropic_block(part: Part) -> Block:
    if is_text(part):
        source = {"type": "text", "media_type": "text/plain", "data": part["text"]}
        return {"type": "document", "source": source}
    media = _media(part)
    if media.data is not None:
        source = {"type": "base64", "data": media.data, **_known(media_type=media.mime_type)}
    elif media.url is not None:
        source = {"type": "url", "url": media.url}
    else:
        source = {"type": "file", **_known(file_id=media.file_id)}
    return {"type": "image" if media.kind == "image" else "document", "source": source, **_known(title=media.name)}


def _part_of_gemini(block: Block) -> Part | None:
    mime_type = block.get("mime_type")
    kind = mime_type.partition("/")[0] if isinstance(mime_type, str) else ""
    fields = {**block, "type": kind if kind in {"image", "audio", "video"} else "file"}
    return _media_part(fields, url="file_uri", data="data", file_id="", name=None)


def _gemini_block(media: Media) -> Block:
    return {"type": "media", **_known(mime_type=media.mime_type, data=media.data, file_uri=media.url)}


def _detail_of_reasoning(block: Block) -> Block | None:
    extras = block.get("extras")
    signature = text_or_none(extras.get("signature")) if isinstance(extras, dict) else None
    return reasoning_text(block["reasoning"], signature) if isinstance(block.get("reasoning"), str) else None


def _reasoning_block(detail: Block) -> Block:
    extras = {"signature": detail["signature"]} if "signature" in detail else None
    return {"type": "reasoning", "reasoning": _text(detail, "text"), **_known(extras=extras)}


_BETWEEN_SUMMARIES = "\n\n"


def _detail_of_summary(block: Block) -> Block | None:
    """Of reasoning as OpenAI's Responses API has it."""
    items = block.get("summary")
    texts = [item.get("text") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        return None
    return {"type": "reasoning.summary", "summary": _BETWEEN_SUMMARIES.join(map(str, texts))}


def _summary_block(detail: Block) -> Block:
    texts = _text(detail, "summary").split(_BETWEEN_SUMMARIES)
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in texts]}


def _detail_of_thinking(block: Block) -> Block | None:
    thought = block.get("thinking")
    return reasoning_text(thought, text_or_none(block.get("signature"))) if isinstance(thought, str) else None


def _detail_of_redacted(block: Block) -> Block | None:
    data = block.get("data")
    return {"type": "reasoning.encrypted", "data": data} if isinstance(data, str) else None


def _redacted_block(detail: Block) -> Block:
    return {"type": "redacted_thinking", "data": _text(detail, "data")}


def _detail_of_bedrock(block: Block) -> Block | None:
    content = block.get("reasoning_content")
    if not isinstance(content, dict) or not isinstance(content.get("text"), str):
        return None
    return reasoning_text(content["text"], text_or_none(content.get("signature")))


def _bedrock_block(detail: Block) -> Block:
    content = {"text": _text(detail, "text"), **_known(signature=detail.get("signature"))}
    return {"type": "reasoning_content", "reasoning_content": content}


def _id_and_name(block: Block) -> tuple[Any, Any]:
    return block.get("id"), block.get("name")


def _tool_use_block(call: Any) -> Block:
    return {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["args"]}


def _tool_call_block(call: Any) -> Block:
    return {"type": "tool_call", "id": call["id"], "name": call["name"], "args": call["args"]}


def _media_part(fields: Block, *, url: str, data: str, file_id: str, name: object) -> Part | None:
    """Return the part for media that are held under these names, or ``None`` if there is none."""
    media = Media(
        fields["type"],
        url=text_or_none(fields.get(url)),
        data=text_or_none(fields.get(data)),
        file_id=text_or_none(fields.get(file_id)),
        mime_type=text_or_none(fields.get("mime_type")) or None,
        name=text_or_none(name),
    )
    return to_part(media)


def _media(part: Part) -> Media:
    media = to_media(part)
    if media is None:
        raise UnreadableRecordError(f"a part of the type {brief(part.get('type'))} must hold media")
    return media


def _text(fields: object, name: str) -> str:
    return expect(expect(fields, dict, "source of a block").get(name), str, f"{name} of a block")


def _of_media(make: Callable[[Media], Block]) -> Callable[[Part], Block]:
    return lambda part: make(_media(part))


def _known(**fields: Any) -> Block:
    return {name: value for name, value in fields.items() if value is not None}


_TAKEN_AS_THEY_ARE = frozenset({"text", "refusal", "image_url"})
_OPENAI = (*sorted(_TAKEN_AS_THEY_ARE), "input_audio", "file", "audio_url", "video_url")
_DATA = ("image", "audio", "video", "file")

NATURAL = Shape(letters.PART, _OPENAI, "part", _natural_part, _natural_block)
SHAPES = (
    NATURAL,
    Shape(letters.PART_AS_IT_IS, _OPENAI, "part", _part, lambda part: part),
    Shape(letters.IMAGE_URL_AS_TEXT, ("image_url",), "part", _part_of_url, _url_block),
    Shape(letters.STANDARD_V0, _DATA, "part", _part_of_v0, _of_media(_v0_block)),
    Shape(letters.STANDARD, _DATA, "part", _part_of_standard, _of_media(_standard_block)),
    Shape(letters.ANTHROPIC, ("image", "document"), "part", _part_of_anthropic, _anthropic_block),
    Shape(letters.GEMINI, ("media",), "part", _part_of_gemini, _of_media(_gemini_block)),
    Shape(letters.PLAIN_TEXT, ("text-plain",), "part", _part_of_plain_text, _plain_text_block),
    Shape(letters.REASONING, ("reasoning",), "detail", _detail_of_reasoning, _reasoning_block),
    Shape(letters.SUMMARY, ("reasoning",), "detail", _detail_of_summary, _summary_block),
    Shape(letters.THINKING, ("thinking",), "detail", _detail_of_thinking, _thinking_block),
    Shape(letters.REDACTED_THINKING, ("redacted_thinking",), "detail", _detail_of_redacted, _redacted_block),
    Shape(letters.BEDROCK_REASONING, ("reasoning_content",), "detail", _detail_of_bedrock, _bedrock_block),
    Shape(letters.TOOL_USE, ("tool_use",), "call", _id_and_name, _tool_use_block),
    Shape(letters.CALL, ("tool_call",), "call", _id_and_name, _tool_call_block),
)
