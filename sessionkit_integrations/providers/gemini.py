"""Sessions for Google's Gemini API, also on Vertex AI."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.providers.contents import (
    arguments_object,
    assistant_message,
    base64_of,
    clean_name,
    convert_content,
    leave_out_media,
    mime_type_of,
    tool_name,
)
from sessionkit_integrations.providers.conversation import (
    Turn,
    alternating,
    is_generated_id,
    new_call_id,
    well_formed,
)
from sessionkit_integrations.providers.usage import usage_of_response
from sessionkit_integrations.records.media import Kind, Media, Part, is_text, text_part, to_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sessionkit_integrations.records.messages import Message

_ID = re.compile(r".+", re.DOTALL)
_NOT_IN_TOOL_NAMES = re.compile(r"^(?=[^a-zA-Z_])|[^a-zA-Z0-9_.:-]")
_NAME_LENGTH = 64
_UNSIGNED = b"skip_thought_signature_validator"
_FORMAT = "google-gemini-v1"
_TYPES = {"image": "image/jpeg", "audio": "audio/mpeg", "video": "video/mp4"}
"""Types assumed for media that tell none, such as a video on YouTube."""
_IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_KINDS: dict[str, Kind] = {"image": "image", "audio": "audio", "video": "video"}
_DONE = "STOP"
_NOTHING: Part = {"text": "(no message)"}


def to_gemini(messages: Sequence[Message], config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the keyword arguments for ``google.genai.Client().models.generate_content(model=…, **kwargs)``.

    The request follows the reference (ai.google.dev/api/caching#Content, and function-calling and thought-signatures
    under ai.google.dev/gemini-api/docs) and the errors that the API returns:

    - All system messages become ``config["system_instruction"]``.
    - User and model alternate, and the user begins. Where an assistant's greeting opens the session, or a user said
      nothing, the user says "(no message)".
    - A turn with function calls is followed by one that begins with as many responses; see `well_formed`. The result
      is the ``output`` of the response or, if the tool failed, its ``error``. Media in it come after the responses. In
      names, characters other than letters, digits and ``_.:-`` become ``_``. Arguments that are not a JSON object come
      under ``arguments``.
    - Thought signatures go back on the parts that they came with. Gemini 3 refuses function calls without one, so the
      first call in a message of another provider gets the signature that Google gives for this case: see "migrating"
      under thought-signatures. Thoughts are not sent back.
    - Images (PNG, JPEG, WebP, HEIC, HEIF), audio, video, PDF files and texts are sent inline or by URL. Other types,
      data that cannot be decoded, and files by another provider's id are left out, and a text says so.

    Args:
        messages: A session. It is not changed.
        config: Further settings, such as ``{"tools": […]}``. Its ``system_instruction`` takes precedence over the
            session's system messages.

    Raises:
        InvalidMessageError: No message is from the user or a tool.

    Examples:
        >>> to_gemini([{"role": "user", "content": "Hello!"}])
        {'contents': [{'role': 'user', 'parts': [{'text': 'Hello!'}]}]}
    """
    system: list[str] = []
    said: list[Turn] = []
    for message in well_formed(messages, _ID):
        if message["role"] == "system":
            system += (part["text"] for part in convert_content(message, leave_out_media))
        elif message["role"] == "assistant":
            said.append(("assistant", _model_parts(message)))
        else:
            said.append(("user", _response_parts(message) if message["role"] == "tool" else _parts(message)))
    contents = [
        {"role": "user", "parts": sorted(parts, key=lambda part: "function_response" not in part)}
        if role == "user"
        else {"role": "model", "parts": parts}
        for role, parts in alternating(said, _NOTHING)
    ]
    settings = {**({"system_instruction": "\n\n".join(system)} if system else {}), **(config or {})}
    return {"contents": contents, "config": settings} if settings else {"contents": contents}


def from_gemini(response: Any) -> Message:
    """Return the message to store for a response of ``generate_content``.

    It has the text and media of the first candidate, function calls as tool calls, with a new id where Gemini gave
    none, ``usage``, and thoughts as ``reasoning_details``. Thought signatures of the message and of its calls are under
    ``extra_content``, as in Google's API in OpenAI's shape. Code that Gemini ran itself, and its output, become text.

    Args:
        response: A response of ``generate_content``. For a stream, pass all of its chunks, such as
            ``list(client.models.generate_content_stream(…))``.

    Raises:
        InvalidMessageError: It says nothing although the model was not done: the prompt or the answer was blocked, or
            the token limit was reached.

    Examples:
        >>> kwargs = to_gemini(sessions.get_session("user123"))
        >>> response = gemini_client.models.generate_content(model="gemini-3-flash-preview", **kwargs)
        >>> sessions.send_message("user123", from_gemini(response))
    """
    chunks = [response] if hasattr(response, "candidates") else list(response)
    candidates = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
    if not candidates:
        reasons = [chunk.prompt_feedback.block_reason for chunk in chunks if chunk.prompt_feedback]
        raise InvalidMessageError("response", f"has no candidates; the prompt was blocked for {_names(reasons)}")
    parts = [part for each in candidates if each.content for part in each.content.parts or ()]
    reasons = [each.finish_reason for each in candidates if each.finish_reason]
    content, thoughts, signature = _divide_parts(parts)
    return assistant_message(
        content,
        [_call_of(part) for part in parts if part.function_call],
        _names(reasons),
        finished=_names(reasons) == _DONE,
        reasoning_details=thoughts and [{"type": "reasoning.text", "text": thoughts, "format": _FORMAT}],
        extra_content=_signed(signature),
        usage=next(filter(None, map(usage_of_response, reversed(chunks))), None),  # which counts those before it
    )


def _divide_parts(parts: Iterable[Any]) -> tuple[str | list[Part], str, bytes | None]:
    """Return the content of a response, the thoughts in it, and the signature of either."""
    content: list[Part] = []
    thoughts = ""
    signature = None
    for part in parts:
        if part.function_call:
            continue
        signature = part.thought_signature or signature
        if part.thought:
            thoughts += part.text or ""
            continue
        converted = _part_of(part)
        if converted and content and content[-1]["type"] == converted["type"] == "text":
            content[-1] = text_part(content[-1]["text"] + converted["text"])
        elif converted:
            content.append(converted)
    if len(content) == 1 and content[0]["type"] == "text":
        return content[0]["text"], thoughts, signature
    return content, thoughts, signature


def _part_of(part: Any) -> Part | None:
    if part.text:
        return text_part(part.text)
    if part.executable_code:
        return text_part(f"\n```\n{part.executable_code.code}\n```\n")
    if part.code_execution_result:
        return text_part(f"\n```\n{part.code_execution_result.output or ''}\n```\n")
    if part.inline_data:
        mime_type: str = part.inline_data.mime_type
        data = base64.b64encode(part.inline_data.data).decode()
        kind = _KINDS.get(mime_type.partition("/")[0], "file")
        return to_part(Media(kind, data=data, mime_type=mime_type))
    return None


def _call_of(part: Any) -> dict[str, Any]:
    called = part.function_call
    call = {
        "id": called.id or new_call_id(),
        "type": "function",
        "function": {"name": called.name, "arguments": json.dumps(called.args or {}, ensure_ascii=False)},
    }
    signed = _signed(part.thought_signature)
    return {**call, "extra_content": signed} if signed else call


def _names(reasons: Sequence[Any]) -> str:
    return str(getattr(reasons[-1], "name", reasons[-1])) if reasons else "no reason given"


def _signed(signature: bytes | None) -> dict[str, Any] | None:
    return {"google": {"thought_signature": base64.b64encode(signature).decode()}} if signature else None


def _signature_of(fields: Mapping[str, Any]) -> bytes | None:
    try:
        signature = fields["extra_content"]["google"]["thought_signature"]
        return base64.b64decode(signature.replace("-", "+").replace("_", "/"), validate=True)
    except (AttributeError, KeyError, TypeError, binascii.Error, ValueError):
        return None


def _model_parts(message: Mapping[str, Any]) -> list[Part]:
    parts = _parts(message)
    signature = _signature_of(message)
    if parts and signature:
        parts[-1]["thought_signature"] = signature
    calls = [_call(call) for call in message.get("tool_calls") or ()]
    if calls:
        calls[0].setdefault("thought_signature", _UNSIGNED)
    return parts + calls


def _call(call: Mapping[str, Any]) -> Part:
    part: Part = {"function_call": {**_identity(call["id"], tool_name(call)), "args": arguments_object(call)}}
    signature = _signature_of(call)
    return {**part, "thought_signature": signature} if signature else part


def _response_parts(message: Mapping[str, Any]) -> list[Part]:
    parts = _parts(message)
    text = "\n".join(part["text"] for part in parts if "text" in part)
    response = {"error" if message.get("is_error") else "output": text}
    identity = _identity(message["tool_call_id"], message["name"])
    return [
        {"function_response": {**identity, "response": response}},
        *(part for part in parts if "text" not in part),
    ]


def _identity(call_id: str, name: str) -> dict[str, str]:
    """Return the name of a function and, unless it was generated here, the id of its call."""
    identity = {} if is_generated_id(call_id) else {"id": call_id}
    return {**identity, "name": clean_name(name, _NOT_IN_TOOL_NAMES, _NAME_LENGTH)}


def _parts(message: Mapping[str, Any]) -> list[Part]:
    converted = convert_content(message, _media)
    return [{"text": part["text"]} if is_text(part) else part for part in converted]


def _media(media: Media) -> Part | None:
    mime_type = mime_type_of(media) or _TYPES.get(media.kind, "")
    if not _takes(mime_type):
        return None
    data = base64_of(media)
    if data is not None:
        return {"inline_data": {"data": base64.b64decode(data), "mime_type": mime_type}}
    return {"file_data": {"file_uri": media.url, "mime_type": mime_type}} if media.url else None


def _takes(mime_type: str) -> bool:
    """Return whether Gemini reads files of a MIME type: its pages on images, audio, video and documents list them."""
    kind, _, subtype = mime_type.partition("/")
    if mime_type in _IMAGE_TYPES or mime_type == "application/pdf":
        return True
    return kind in ("audio", "video", "text") and bool(subtype)
