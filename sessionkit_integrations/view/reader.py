"""Records of any writer as messages to look at: nothing that a record says is left out, or called what it is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.codec import NO_TEXT_DECODERS, PLAIN
from sessionkit_integrations.records.fields import is_error, other_fields, reasoning_of, text_of_detail
from sessionkit_integrations.records.media import data_url, text_or_none, to_media
from sessionkit_integrations.records.record import parse_json
from sessionkit_integrations.records.summaries import summary_in
from sessionkit_integrations.view.model import Call, MessageView, Piece
from sessionkit_integrations.view.text import size_of

if TYPE_CHECKING:
    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Media

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class ViewReader:
    """Reads records as messages to look at."""

    parse_json = staticmethod(parse_json)
    text_decoders = NO_TEXT_DECODERS

    def decode(self, fields: Fields) -> MessageView:
        """See `Reader.decode`."""
        at, thought, failed, summary = fields.get("at"), reasoning_of(fields), is_error(fields), summary_in(fields)
        message: Fields = dict(PLAIN.decode(fields))
        pieces = [Piece("reasoning", text) for text in map(text_of_detail, thought) if text]
        content = message["content"]
        pieces.extend([Piece("text", content)] if isinstance(content, str) else map(_piece, content or ()))
        more = other_fields(message)
        if isinstance(more.get("refusal"), str):  # as OpenAI's own messages have it
            pieces.append(Piece("refusal", more.pop("refusal")))
        calls, others = _calls(message.get("tool_calls"))
        if others:
            more["tool_calls"] = others
        more = {name: value for name, value in more.items() if value not in ([], {})}
        if more:
            pieces.append(Piece("other", _json(more), "more fields"))
        return MessageView(
            message["role"],
            tuple(pieces),
            calls,
            text_or_none(message.get("name")),
            text_or_none(message.get("tool_call_id")),
            failed,
            _time(at),
            None if summary is None else summary.turns,
        )


def _piece(part: dict[str, Any]) -> Piece:
    kind = text_or_none(part.get("type"))
    if kind == "text" and isinstance(part.get("text"), str):
        return Piece("text", part["text"])
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return Piece("refusal", part["refusal"])
    media = to_media(part)
    return Piece("other", _json(part), kind or "part") if media is None else Piece("media", _about(media), media.kind)


def _about(media: Media) -> str:
    """Return the name of media and either their place or their type and size."""
    if media.data is None:
        about = [media.url or media.file_id or ""]
    else:
        beginning = replace(media, data=media.data[:16])  # which tells the type of an image
        mime_type = media.mime_type
        if mime_type is None and media.kind == "image":
            mime_type = data_url(beginning)[len("data:") :].partition(";")[0]
        about = [mime_type or "", size_of(len(media.data.rstrip("=")) * 3 // 4)]
    return " · ".join(text for text in (media.name, *about) if text)


def _calls(value: Any) -> tuple[tuple[Call, ...], list[Any]]:
    """Return the tool calls of a message, and everything among them that is not one: other writers check nothing."""
    calls: list[Call] = []
    others: list[Any] = []
    for each in value if isinstance(value, list) else [value] if value else []:
        call = _call(each)
        if call is None:
            others.append(each)
        else:
            calls.append(call)
    return tuple(calls), others


def _call(value: Any) -> Call | None:
    if not isinstance(value, dict):
        return None
    kind, text = ("custom", "input") if value.get("type") == "custom" else ("function", "arguments")
    function = value.get(kind)
    if not isinstance(function, dict):
        return None
    name, arguments = text_or_none(function.get("name")), text_or_none(function.get(text))
    return None if name is None or arguments is None else Call(text_or_none(value.get("id")), name, arguments)


def _time(at: Any) -> datetime | None:
    if type(at) is not int:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=at)
    except OverflowError:
        return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
