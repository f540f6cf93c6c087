"""Sessions for OpenAI's chat completions, and for servers that speak their language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.providers.contents import (
    arguments_text,
    assistant_message,
    base64_of,
    clean_name,
    convert_content,
    image_base64,
    leave_out_media,
    mime_type_of,
    parts_of,
    tool_name,
)
from sessionkit_integrations.providers.conversation import new_call_id, well_formed
from sessionkit_integrations.providers.usage import usage_of_response
from sessionkit_integrations.records.fields import reasoning_of, text_of_detail
from sessionkit_integrations.records.media import Media, Part, to_part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sessionkit_integrations.records.messages import Message

_ID = re.compile(r".{1,40}", re.DOTALL)
_NAME = re.compile(r"[^\s<|\\/>]{1,64}")
_NOT_IN_TOOL_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_AUDIO_FORMATS = ("wav", "mp3")
_DETAILS = ("auto", "low", "high")
_DONE = "stop"
_OWN_FIELDS = frozenset({"role", "content", "name", "tool_call_id", "tool_calls", "id", "type", "function", "custom"})
"""Fields of messages and calls that the API has itself."""
_REASONING = frozenset({"reasoning", "reasoning_content", "reasoning_details"})
"""Fields in which servers with OpenAI's API have reasoning."""


def to_openai(messages: Sequence[Message], *, keep: Collection[str] = ()) -> dict[str, Any]:
    r"""Return the keyword arguments for ``openai.OpenAI().chat.completions.create(model=…, **kwargs)``.

    The request follows the reference (platform.openai.com/docs/api-reference/chat/create) and the errors that the API
    returns:

    - Only the fields of that API are sent. `is_error`, reasoning and the like are left out, unless ``keep`` names them.
    - Each tool call is followed by its result; see `well_formed`. Ids of more than 40 characters are replaced.
    - The name of a speaker is left out if it has white space, one of ``<|\/>``, or more than 64 characters. In names of
      tools, characters other than letters, digits, ``_`` and ``-`` become ``_``. Arguments that are not a JSON object
      come under ``arguments``.
    - Images, audio (wav and mp3) and files are sent in user messages only, and only images by URL. Everything else is
      left out, and a text says so.

    Args:
        messages: A session. It is not changed.
        keep: Names of further fields to send, of messages and of their tool calls, as compatible servers ask for them:
            ``reasoning_content`` for DeepSeek, ``reasoning`` or ``reasoning_details`` for OpenRouter,
            ``extra_content`` for Google. Reasoning is sent in the shape that the name stands for, whichever it was
            stored in.

    Raises:
        InvalidMessageError: The session is empty.

    Examples:
        >>> to_openai(sessions.get_session("user123"), keep=["reasoning_content"])
    """
    if not messages:
        raise InvalidMessageError("messages", "are empty; add one before you ask")
    names = (keep,) if isinstance(keep, str) else tuple(keep)
    return {"messages": [_message(message, names) for message in well_formed(messages, _ID)]}


def from_openai(response: Any) -> Message:
    """Return the message to store for a chat completion.

    It has the text, a refusal as a part of its own, calls of functions and custom tools, ``usage``, and the additions
    of compatible servers: ``extra_content``, and ``reasoning_details``, ``reasoning_content`` or ``reasoning``.

    Args:
        response: A response of ``chat.completions.create`` or ``parse``. For a stream, pass the result of
            ``stream.get_final_completion()`` of ``client.chat.completions.stream(…)``. Only its first choice counts.

    Raises:
        InvalidMessageError: It has no choices, or says nothing although the model was not done, as after a content
            filter or at the token limit.

    Examples:
        >>> kwargs = to_openai(sessions.get_session("user123"))
        >>> response = openai_client.chat.completions.create(model="gpt-5.5", **kwargs)
        >>> sessions.send_message("user123", from_openai(response))
    """
    if not response.choices:
        raise InvalidMessageError("response", "has no choices")
    choice = response.choices[0]
    said = choice.message
    audio = getattr(said, "audio", None)
    content: Any = said.content or (audio.transcript if audio else "")
    refusal = getattr(said, "refusal", None)
    if refusal:
        content = [*parts_of({"content": content or None}), {"type": "refusal", "refusal": refusal}]
    return assistant_message(
        content,
        [_call_of(call) for call in said.tool_calls or ()],
        choice.finish_reason,
        finished=choice.finish_reason == _DONE,
        reasoning_details=_reasoning_of(said),
        extra_content=getattr(said, "extra_content", None),
        usage=usage_of_response(response),
    )


def _message(message: Mapping[str, Any], keep: Sequence[str]) -> dict[str, Any]:
    role = message["role"]
    fields = {"role": role, "content": _content(message), **_kept(_with_reasoning(message, keep), keep)}
    if role == "tool":
        fields["tool_call_id"] = message["tool_call_id"]
    elif _NAME.fullmatch(message.get("name") or ""):
        fields["name"] = message["name"]
    if message.get("tool_calls"):
        fields["content"] = fields["content"] or None
        fields["tool_calls"] = [{**_call(call), **_kept(call, keep)} for call in message["tool_calls"]]
    return fields


def _kept(fields: Mapping[str, Any], keep: Sequence[str]) -> dict[str, Any]:
    return {name: fields[name] for name in keep if name not in _OWN_FIELDS and fields.get(name) is not None}


def _with_reasoning(message: Mapping[str, Any], keep: Sequence[str]) -> Mapping[str, Any]:
    """Return an assistant message with its reasoning under the names that are asked for."""
    details = reasoning_of(dict(message)) if message["role"] == "assistant" else []
    if not details or _REASONING.isdisjoint(keep):
        return message
    text = "\n\n".join(filter(None, map(text_of_detail, details)))
    return {"reasoning": text, "reasoning_content": text, "reasoning_details": details, **message}


def _content(message: Mapping[str, Any]) -> str | list[Part]:
    content = message.get("content")
    parts = parts_of(message)
    if isinstance(content, str) and len(parts) == 1:
        return content
    if message["role"] == "assistant" and [part["type"] for part in parts] == ["refusal"]:
        # An assistant message holds texts or exactly one refusal.
        return [{"type": "refusal", "refusal": str(parts[0].get("refusal"))}]
    return convert_content(message, _media if message["role"] == "user" else leave_out_media) or ""


def _media(media: Media) -> Part | None:
    if media.kind == "image":
        return _image(media)
    if media.kind == "file" and media.file_id:
        return {"type": "file", "file": {"file_id": media.file_id}}
    data = base64_of(media)
    if data is None:
        return None
    if media.kind == "audio":
        part = to_part(Media("audio", data=data, mime_type=media.mime_type))
        return part if part and part["input_audio"].get("format") in _AUDIO_FORMATS else None
    if media.kind == "file":
        mime_type = mime_type_of(media)
        return to_part(Media("file", data=data, mime_type=mime_type, name=media.name or "file"))
    return None


def _image(media: Media) -> Part | None:
    url = media.url
    inline = image_base64(media)
    if inline:
        url = f"data:{inline[0]};base64,{inline[1]}"
    elif not url or not url.lower().startswith(("http://", "https://")):
        return None
    return to_part(Media("image", url=url, detail=media.detail if media.detail in _DETAILS else None))


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    name = clean_name(tool_name(call), _NOT_IN_TOOL_NAMES, 64)
    if call.get("type") == "custom":
        return {"id": call["id"], "type": "custom", "custom": {"name": name, "input": call["custom"]["input"]}}
    return {"id": call["id"], "type": "function", "function": {"name": name, "arguments": arguments_text(call)}}


def _call_of(call: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": call.id or new_call_id()}
    if call.type == "custom":
        fields |= {"type": "custom", "custom": {"name": call.custom.name, "input": call.custom.input}}
    else:
        function = {"name": call.function.name, "arguments": call.function.arguments or "{}"}
        fields |= {"type": "function", "function": function}
    extra = getattr(call, "extra_content", None)
    return {**fields, "extra_content": extra} if extra else fields


def _reasoning_of(said: Any) -> list[dict[str, Any]]:
    details = getattr(said, "reasoning_details", None)
    if details:
        return list(details)
    text = getattr(said, "reasoning_content", None) or getattr(said, "reasoning", None)
    return [{"type": "reasoning.text", "text": text}] if isinstance(text, str) and text else []
