"""Content parts of the Responses API as content parts of a record, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.media import data_url, is_text, text_part, to_media, to_part
from sessionkit_integrations.records.parts import contents_of, left_out, parts_in, read_content

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Media, Part

_PLACES = ("http://", "https://", "data:")
"""Beginnings of the URLs that the API takes."""
_AUTO = "auto"
_DETAILS = frozenset({"low", "high", "original", _AUTO})
"""The ways in which a model may look at an image. The API asks for one; other frameworks need not say it."""


def to_parts(content: Any) -> list[Part]:
    """Return the content parts of a record for the content of an item, one for each part of it."""
    if isinstance(content, str):
        return [text_part(content)] if content else []
    if isinstance(content, list):
        return [_to_part(each) for each in content]
    return [] if content is None else [_note(content)]


def own_parts(fields: Fields) -> list[Part]:
    """Return the content parts of a record as `to_parts` made them.

    Raises:
        UnreadableRecordError: It is not the content of a message.
    """
    parts = parts_in(fields.get("content") or None)
    if isinstance(fields.get("refusal"), str):
        parts.append({"type": "refusal", "refusal": fields["refusal"]})
    return parts


def foreign_parts(fields: Fields) -> list[Part]:
    """Return the content parts of a record that another framework wrote: texts, and media that the API takes.

    Raises:
        UnreadableRecordError: It is not the content of a message.
    """
    parts_in(fields.get("content"))  # or it is unreadable
    parts: list[Part] = []
    for part, value in read_content(fields):
        if part.get("type") == "refusal" and isinstance(value, str):
            parts.append({"type": "refusal", "refusal": value})
        elif isinstance(value, str):
            parts += [text_part(value)] if value else []
        else:
            taken = None if value is None or not _is_taken(value) else to_part(value)
            parts.append(taken or text_part(left_out(part, value)))
    if isinstance(fields.get("refusal"), str):
        parts.append({"type": "refusal", "refusal": fields["refusal"]})
    return parts


def input_part(part: Part) -> Part:
    """Return the part of the API's that a user or a tool says a part of a record with, by nature."""
    media = to_media(part)
    if media is None:
        return {"type": "input_text", "text": _text_of(part)}
    if media.kind == "image":
        return {"type": "input_image", "image_url": _url_of(media), "detail": _detail_of(media)}
    if media.kind == "file":
        name = {} if media.name is None else {"filename": media.name}
        if media.file_id is not None:
            return {"type": "input_file", "file_id": media.file_id, **name}
        return {"type": "input_file", "file_url" if media.data is None else "file_data": _url_of(media), **name}
    return part if media.kind == "audio" and media.data is not None else {"type": "input_text", "text": left_out(part)}


def output_part(part: Part) -> Part:
    """Return the part of the API's that a model says a part of a record with, by nature."""
    if part.get("type") == "refusal":
        return {"refusal": part.get("refusal"), "type": "refusal"}
    return {"annotations": [], "text": _text_of(part), "type": "output_text", "logprobs": []}


def screenshot(part: Part) -> Part:
    """Return the output of a computer that a part of a record shows, by nature."""
    media = to_media(part)
    return {"type": "computer_screenshot", "image_url": _text_of(part) if media is None else _url_of(media)}


def from_screenshot(output: Any) -> list[Part]:
    """Return the parts of a record that show the output of a computer."""
    url = output.get("image_url") if isinstance(output, dict) else None
    return [{"type": "image_url", "image_url": {"url": url}} if isinstance(url, str) else _note(output)]


def _to_part(part: Any) -> Part:
    if isinstance(part, str):
        return text_part(part)
    if not isinstance(part, dict):
        return _note(part)
    if part.get("type") == "refusal" and isinstance(part.get("refusal"), str):
        return {"type": "refusal", "refusal": part["refusal"]}
    contents = contents_of(part)
    if len(contents) != 1:
        return _note(part)
    (content,) = contents
    if isinstance(content, str):
        return text_part(content)
    if content.detail == _AUTO:
        content = replace(content, detail=None)
    return to_part(content) or text_part(left_out(part, content))


def _note(value: Any) -> Part:
    """Return the part that says that something cannot be shown."""
    named = isinstance(value, dict) and isinstance(value.get("type"), str)
    return text_part(left_out(value if named else {"type": "part"}))


def _text_of(part: Part) -> str:
    """Return the text of a part of a record, or a note instead of media."""
    return str(part["text"]) if is_text(part) else left_out(part, to_media(part))


def _url_of(media: Media) -> str | None:
    return media.url if media.data is None else data_url(media)


def _detail_of(media: Media) -> str:
    return media.detail if media.detail in _DETAILS else _AUTO


def _is_taken(media: Media) -> bool:
    if media.kind not in {"image", "file"}:
        return False
    return media.data is not None or media.file_id is not None or (media.url or "").lower().startswith(_PLACES)
