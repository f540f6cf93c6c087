"""Images, audio, video and files in the content parts of a message, in OpenAI's shape.

| media | as base64 | by URL | by id |
| --- | --- | --- | --- |
| image | `image_url` with a data URL | `image_url` | |
| audio | `input_audio` | `audio_url` | |
| video | `video_url` with a data URL | `video_url` | |
| file | `file` with a data URL as `file_data` | `file` with the URL as `file_data` | `file` with `file_id` |

What OpenAI's API itself has no part for is written as others do who speak its language: `audio_url` and `video_url`
are vLLM's, and a `file` by URL is OpenRouter's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Part = dict[str, Any]
Kind = Literal["image", "audio", "video", "file"]

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]+)*?;base64,", re.IGNORECASE)  # RFC 2397
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)  # RFC 3986
_ANY_TYPE = "application/octet-stream"
_AUDIO_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
}
_AUDIO_TYPES = {"mp3": "audio/mpeg"}
_KINDS_BY_URL: dict[str, Kind] = {"image_url": "image", "audio_url": "audio", "video_url": "video"}
_IMAGE_SIGNATURES = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
"""Types of images by the beginnings of their base64."""


@dataclass(frozen=True)
class Media:
    """An image, a sound, a video or a file of a message: by URL, in base64, or by the id that a provider gave it.

    Attributes:
        kind: What it is.
        url: Where it is.
        data: What it is, in base64.
        file_id: What a provider's file store calls it.
        mime_type: Its type, such as ``image/png``.
        name: Its file name.
        detail: How closely a model shall look at an image, as OpenAI has it: ``low``, ``high`` or ``auto``.
    """

    kind: Kind
    url: str | None = None
    data: str | None = None
    file_id: str | None = None
    mime_type: str | None = None
    name: str | None = None
    detail: str | None = None


def text_part(text: str) -> Part:
    """Return the content part that holds a text."""
    return {"type": "text", "text": text}


def is_text(part: Part) -> bool:
    """Return whether a content part holds a text."""
    return part.get("type") == "text" and isinstance(part.get("text"), str)


def to_part(media: Media) -> Part | None:
    """Return the content part for media, or ``None`` for media by id that are not files."""
    if media.kind == "file":
        return _file_part(media)
    if media.kind == "audio" and media.data is not None:
        audio = {"data": media.data}
        if media.mime_type:
            audio["format"] = audio_format(media.mime_type)
        return {"type": "input_audio", "input_audio": audio}
    url = _url_of(media)
    if url is None:
        return None
    kind = f"{media.kind}_url"
    where = {"url": url}
    if media.kind == "image" and media.detail is not None:
        where["detail"] = media.detail
    return {"type": kind, kind: where}


def to_media(part: Part) -> Media | None:
    """Return the media in a content part, or ``None`` if it holds none."""
    kind = part.get("type")
    if not isinstance(kind, str):
        return None
    value = part.get(kind)
    if kind in _KINDS_BY_URL:
        # OpenAI takes no URL in the place of the dict, but some of its kin do.
        where = value if isinstance(value, dict) else {"url": value}
        return _media_at(_KINDS_BY_URL[kind], where.get("url"), detail=text_or_none(where.get("detail")))
    if not isinstance(value, dict):
        return None
    if kind == "input_audio" and isinstance(value.get("data"), str):
        name = text_or_none(value.get("format"))
        return Media("audio", data=value["data"], mime_type=audio_type(name) if name else None)
    if kind == "file":
        return _file_of(value)
    return None


def audio_type(name: str) -> str:
    """Return the MIME type of an audio format, by the name that OpenAI gives it."""
    return _AUDIO_TYPES.get(name, f"audio/{name}")


def audio_format(mime_type: str) -> str:
    """Return OpenAI's name of an audio format."""
    return _AUDIO_FORMATS.get(mime_type) or mime_type.partition("/")[2]


def data_url(media: Media) -> str:
    """Return a data URL of media in base64."""
    mime_type = media.mime_type
    if mime_type is None and media.kind == "image":
        mime_type = next(
            (kind for start, kind in _IMAGE_SIGNATURES.items() if (media.data or "").startswith(start)), None
        )
    return f"data:{mime_type or _ANY_TYPE};base64,{media.data}"


def _file_of(value: dict[str, Any]) -> Media | None:
    name = text_or_none(value.get("filename"))
    if isinstance(value.get("file_id"), str):
        return Media("file", file_id=value["file_id"], name=name)
    data = value.get("file_data")
    if isinstance(data, str) and not _SCHEME.match(data):
        return Media("file", data=data, name=name)  # without the data URL that OpenAI asks for
    return _media_at("file", data, name=name)


def _file_part(media: Media) -> Part | None:
    if media.file_id is not None:
        where = {"file_id": media.file_id}
    else:
        url = _url_of(media)
        if url is None:
            return None
        where = {"file_data": url}
    if media.name is not None:
        where["filename"] = media.name
    return {"type": "file", "file": where}


def _url_of(media: Media) -> str | None:
    return media.url if media.data is None else data_url(media)


def _media_at(kind: Kind, url: object, *, name: str | None = None, detail: str | None = None) -> Media | None:
    if not isinstance(url, str):
        return None
    match = _DATA_URL.match(url)
    if match is None:
        return Media(kind, url=url, name=name, detail=detail)
    return Media(kind, data=url[match.end() :], mime_type=match[1] or None, name=name, detail=detail)


def text_or_none(value: object) -> str | None:
    """Return a value if it is a string, and ``None`` otherwise."""
    return value if isinstance(value, str) else None
