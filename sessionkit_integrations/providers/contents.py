"""The content of messages, part by part, for APIs that each take other kinds of parts."""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.records.media import Media, Part, data_url, text_part
from sessionkit_integrations.records.messages import Message, check_message
from sessionkit_integrations.records.parts import left_out, read_content

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""Images that OpenAI and Anthropic take: platform.openai.com/docs/guides/images-vision and
platform.claude.com/docs/en/build-with-claude/vision."""


def parts_of(message: Mapping[str, Any]) -> list[Part]:
    """Return the content of a message as parts, a refusal included."""
    content = message.get("content")
    parts: list[Part] = [text_part(content)] if isinstance(content, str) else list(content or ())
    if isinstance(message.get("refusal"), str):  # as OpenAI's own messages have it
        parts.append({"type": "refusal", "refusal": message["refusal"]})
    return parts


def convert_content(message: Mapping[str, Any], convert_media: Callable[[Media], Part | None]) -> list[Part]:
    """Return the content of a message with media as a provider takes them, and everything else as text.

    Blank texts are left out, as Anthropic refuses them ("text content blocks must contain non-whitespace text").
    Whatever else cannot be expressed leaves a note that says so.

    Args:
        message: The message.
        convert_media: Returns the provider's part for media, or ``None`` where it takes no such media.
    """
    converted: list[Part] = []
    for part, value in read_content({**message, "content": parts_of(message)}):
        if isinstance(value, str):
            converted += [text_part(value)] if value.strip() else []
        else:
            taken = None if value is None else convert_media(value)
            converted.append(taken or text_part(left_out(part, value)))
    return converted


def leave_out_media(_: Media) -> None:
    """Return ``None`` for all media, as for messages that cannot hold any."""


def base64_of(media: Media) -> str | None:
    """Return the base64 of media without line breaks, or ``None`` where it cannot be decoded."""
    data = "".join((media.data or "").split())
    try:
        return data if base64.b64decode(data, validate=True) else None
    except (binascii.Error, ValueError):
        return None


def mime_type_of(media: Media) -> str | None:
    """Return the MIME type of media: the one they name, or the one their content or their name tells."""
    if media.mime_type:
        return media.mime_type.lower()
    if media.data is not None and media.kind == "image":
        return data_url(media).removeprefix("data:").partition(";")[0]
    for name in (media.name, _path(media.url)):
        mime_type = mimetypes.guess_type(name or "")[0]
        if mime_type:
            return mime_type
    return None


def image_base64(media: Media) -> tuple[str, str] | None:
    """Return the MIME type and the base64 of an image if its type is one of `IMAGE_TYPES`."""
    mime_type, data = mime_type_of(media), base64_of(media)
    return (mime_type, data) if mime_type in IMAGE_TYPES and data is not None else None


def tool_name(call: Mapping[str, Any]) -> str:
    """Return the name of the tool that is called."""
    name: str = call[_kind(call)]["name"]
    return name


def clean_name(name: str, forbidden: re.Pattern[str], length: int) -> str:
    """Return the name of a tool as a provider takes it: it would refuse the whole session over another name."""
    return forbidden.sub("_", name)[:length] or "_"


def arguments_object(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call as a JSON object.

    Models do not always write one. Other texts come under ``arguments``, and the input of a custom tool under
    ``input``.
    """
    if _kind(call) == "custom":
        return {"input": call["custom"]["input"]}
    text: str = call["function"]["arguments"]
    if not text.strip():
        return {}
    arguments = _parse_object(text)
    return {"arguments": text} if arguments is None else arguments


def arguments_text(call: Mapping[str, Any]) -> str:
    """Return the arguments of a function's call as the text that they have, or as `arguments_object` gives them."""
    text: str = call["function"]["arguments"]
    return text if _parse_object(text) is not None else json.dumps(arguments_object(call), ensure_ascii=False)


def assistant_message(
    content: str | list[Part], calls: list[dict[str, Any]], finish_reason: object, *, finished: bool, **more: Any
) -> Message:
    """Return the message to store for a response.

    Args:
        content: The text or the parts of the response.
        calls: Its tool calls.
        finish_reason: The reason why it ended, for the error.
        finished: Whether the model was done, so that it may have said nothing on purpose.
        more: Further fields of the message. Empty ones are left out.

    Raises:
        InvalidMessageError: There is nothing to store, and the model was not done.
    """
    if not content and not calls and not finished:
        raise InvalidMessageError("response", f"says nothing and calls no tool; it ended with {finish_reason}")
    message: Any = {"role": "assistant", "content": content or (None if calls else "")}
    if calls:
        message["tool_calls"] = calls
    message.update({name: value for name, value in more.items() if value})
    check_message(message)
    return message  # type: ignore[no-any-return]  # TypedDicts cannot be built from unknown keys


def _parse_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text holds, or ``None`` if it holds none that a client would send."""
    try:
        value = json.loads(text)
        # Python also reads NaN and lone surrogates, which JSON does not have.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _kind(call: Mapping[str, Any]) -> str:
    return "custom" if call.get("type") == "custom" else "function"


def _path(url: str | None) -> str:
    try:
        return urlsplit(url or "").path
    except ValueError:
        return ""
