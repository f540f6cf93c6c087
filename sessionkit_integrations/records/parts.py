"""Content parts of every shape, read as texts and media.

Plain messages have parts in the shape of OpenAI's chat API or of another API: OpenAI's Responses API
(``input_text``, ``input_image``, ``input_file``), Anthropic's (``source``), Gemini's (``media``), Bedrock's Converse
API (a field instead of a type), the Model Context Protocol's (``mimeType``), or LangChain's standard blocks. Readers of
none of these still get what the parts hold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionkit_integrations.records.media import Kind, Media, Part, text_or_none, text_part, to_media
from sessionkit_integrations.records.unreadable import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Contents = list[str | Media]

CALLS = frozenset({"tool_use", "tool_call", "function_call"})
"""Types of parts that a message has besides its tool calls, which say the same."""
_REASONING = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Types of parts that are not content: readers that take reasoning take it from another field."""
_KINDS: dict[object, Kind] = {"image": "image", "audio": "audio", "video": "video"}
_TEXT = ("text", "refusal")
_URL = ("url", "file_uri")
_DATA = ("data", "base64")
_FILE_ID = ("file_id", "id")
_MIME_TYPE = ("mime_type", "media_type", "mimeType")
_NAME = ("filename", "title", "name")
_CONVERSE = ("document", "image", "audio", "video")
_CONVERSE_TYPES = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Media types by the formats of Bedrock's documents."""


class Content(NamedTuple):
    """A piece of a message's content.

    Attributes:
        part: The content part that it is from.
        value: A text, media, or ``None`` for a part of no shape that is known here.
    """

    part: Part
    value: str | Media | None


def read_content(fields: Mapping[str, Any]) -> list[Content]:
    """Return the content of a message, piece by piece.

    Audio and a call of a function, which stand in the place of content in OpenAI's messages, are part of it. Tool calls
    and reasoning are not, unless the message has nothing else.

    Args:
        fields: The message in OpenAI's shape.
    """
    content = fields.get("content")
    items = content if isinstance(content, list) else []
    parts = [text_part(content)] if isinstance(content, str) else list(map(_as_part, items))
    if not content:
        for name, text in (("audio", "transcript"), ("function_call", "")):
            if isinstance(instead := fields.get(name), dict):
                parts.append({"type": name, "name": instead.get("name"), "text": instead.get(text)})
    calls = fields.get("tool_calls")
    elsewhere = _REASONING | CALLS if calls else _REASONING
    pieces = [each for part in parts if text_or_none(part.get("type")) not in elsewhere for each in _pieces(part)]
    return pieces if pieces or calls else [Content(part, None) for part in parts]


def parts_in(content: object) -> list[Part]:
    """Return the parts that the content of a record consists of; a text is one.

    Raises:
        UnreadableRecordError: It is not the content of a message.
    """
    if content is None or isinstance(content, str):
        return [] if content is None else [text_part(content)]
    return [expect(part, dict, "content part") for part in expect(content, list, "content")]


def contents_of(part: Part) -> Contents:
    """Return the texts and media that a content part holds, in order; none where its shape is not known here."""
    kind = part.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    media = to_media(part)
    if media is not None:
        return [media]
    if kind is None:
        return _read_converse(part)
    return read(part) if read else []


def left_out(part: Part, media: Media | None = None) -> str:
    """Return the note that stands for what a reader cannot express.

    Args:
        part: The content part.
        media: The media in it, if those are what cannot be expressed.
    """
    if media is None:
        name = text_or_none(part.get("name"))
        return f"[{part.get('type')} {name} left out]" if name else f"[{part.get('type')} left out]"
    what = f"{media.kind} {media.name}" if media.name else media.kind
    where = media.url or media.file_id
    return f"[{what} left out: {where}]" if where else f"[{what} left out]"


def _as_part(item: object) -> Part:
    """Return an item of a message's content as a content part; others than ours write texts among them."""
    if isinstance(item, str):
        return text_part(item)
    return item if isinstance(item, dict) else {"type": type(item).__name__}


def _pieces(part: Part) -> list[Content]:
    contents: list[str | Media | None] = [*contents_of(part)] or [None]
    return [Content(part, each) for each in contents]


def _read_text(part: Part) -> Contents:
    return [part[name] for name in _TEXT if isinstance(part.get(name), str)][:1]


def _read_input_image(part: Part) -> Contents:
    media = to_media({"type": "image_url", "image_url": part.get("image_url")})
    if media is None:
        media = Media("image", file_id=text_or_none(part.get("file_id")))
    return _if_any(replace(media, detail=text_or_none(part.get("detail"))))


def _read_input_file(part: Part) -> Contents:
    media = to_media({"type": "file", "file": {**part, "file_data": part.get("file_data") or part.get("file_url")}})
    return [] if media is None else [media]


def _read_inner(part: Part) -> Contents:
    content = part.get("content")
    if isinstance(content, str):
        return [content] if content.strip() else []
    inner = content if isinstance(content, list) else []
    return [each for item in inner if isinstance(item, dict) for each in contents_of(item)]


def _read_search_result(part: Part) -> Contents:
    heading = ": ".join(text for text in (text_or_none(part.get("title")), text_or_none(part.get("source"))) if text)
    inner = _read_inner(part)
    return [heading, *inner] if heading and inner else inner


def _read_data(part: Part) -> Contents:
    """Read media of Anthropic, Gemini, the Model Context Protocol or LangChain, some of which hold a text instead."""
    source = part.get("source")
    if isinstance(source, dict):
        kind = source.get("type")
        if kind == "content":
            return _read_inner(source)
        if kind == "text":
            return [source["data"]] if isinstance(source.get("data"), str) else []
        return _read_data({**source, "title": part.get("title"), "type": part.get("type")})
    mime_type = _first(part, _MIME_TYPE)
    kind = (mime_type or "").partition("/")[0] if part.get("type") == "media" else part.get("type")
    media = Media(
        _KINDS.get(kind, "file"),
        url=_first(part, _URL),
        data=_first(part, _DATA),
        file_id=_first(part, _FILE_ID) if part.get("source_type") == "id" else _first(part, _FILE_ID[:1]),
        mime_type=mime_type,
        name=_first(part, _NAME),
    )
    return _if_any(media) or [text for text in _read_text(part) if text]


def _read_converse(part: Part) -> Contents:
    """Read a text or media of Bedrock's Converse API."""
    kind = next((each for each in _CONVERSE if isinstance(part.get(each), dict)), None)
    if kind is None:
        return _read_text(part)
    fields: Part = part[kind]
    source = fields.get("source")
    if not isinstance(source, dict):
        return []
    place = source.get("s3Location")
    name, suffix = text_or_none(fields.get("name")), text_or_none(fields.get("format"))
    media = Media(
        _KINDS.get(kind, "file"),
        url=text_or_none(place.get("uri")) if isinstance(place, dict) else None,
        data=text_or_none(source.get("bytes")),
        mime_type=_CONVERSE_TYPES.get(suffix or "") if kind == "document" else suffix and f"{kind}/{suffix}",
        name=f"{name}.{suffix}" if name and suffix else name,
    )
    return _if_any(media) or _read_text(source) or _read_inner(source)


def _if_any(media: Media) -> Contents:
    return [media] if media.url or media.data or media.file_id else []


def _first(part: Part, names: tuple[str, ...]) -> str | None:
    """Return the first value that is a text, but for empty ones, of those that a part has under some names."""
    return next((part[name] for name in names if isinstance(part.get(name), str) and part[name]), None)


_READERS: dict[str, Callable[[Part], Contents]] = {
    **dict.fromkeys(("input_text", "output_text", "refusal", "text"), _read_text),
    **dict.fromkeys(("audio", "document", "file", "image", "media", "text-plain", "video"), _read_data),
    "input_file": _read_input_file,
    "input_image": _read_input_image,
    "search_result": _read_search_result,
    "tool_result": _read_inner,
}
