"""Sessions to look at: in a notebook, in a terminal, or as data. What to show is decided here, how in ``view_*.py``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.records.codec import PlainCodec, decode_all
from sessionkit_integrations.records.fields import is_error, other_fields, reasoning_of, text_of_detail
from sessionkit_integrations.records.media import data_url, text_or_none, to_media
from sessionkit_integrations.records.record import parse_json, role_of
from sessionkit_integrations.view.model import Call, MessageView, Piece, SessionData
from sessionkit_integrations.view.text import size_of
from sessionkit_integrations.window.turns import evict, number_turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from sessionkit_integrations.records.fields import Fields
    from sessionkit_integrations.records.media import Media
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.view.model import Place
    from sessionkit_integrations.window.turns import Window

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, repr=False)
class SessionView(SessionData):
    """A session as it was when it was read: what the model sees and what it does not. Notebooks show it as a chat.

    In a terminal, ``rich.print(view)`` does (extra ``cli``). Looking at a session loads nothing that its messages name.
    """

    @classmethod
    def of(cls, session_id: str, active: Iterable[Record], archived: Iterable[Record], window: Window) -> SessionView:
        """Return the view of a session.

        Args:
            session_id: The session.
            active: Its active records.
            archived: Its archived records.
            window: The window to apply.

        Raises:
            CorruptSessionError: A record cannot be read.
        """
        records = list(active)
        shown = decode_all(_ViewCodec(), records, session_id)
        numbers = number_turns(map(role_of, records))
        _, outside = evict(range(len(records)), window, lambda index: shown[index].role)
        beyond = frozenset(outside)
        preamble = [message for message, number in zip(shown, numbers, strict=True) if number == 0]
        return cls(
            session_id,
            window.turns,
            (
                *_placed(preamble, "preamble"),
                *_placed(decode_all(_ViewCodec(), archived, session_id), "archived"),
                *_placed([shown[index] for index in outside], "beyond"),
                *_placed(
                    [shown[index] for index, number in enumerate(numbers) if number and index not in beyond], "window"
                ),
            ),
        )

    def __repr__(self) -> str:
        counts = ", ".join(f"{place}={len(self.at(place))}" for place in ("preamble", "archived", "beyond", "window"))
        return f"SessionView({self.session_id!r}, {counts})"

    def _repr_html_(self) -> str:
        from sessionkit_integrations.view.html import to_html  # noqa: PLC0415 - terminals do without it

        return to_html(self)

    def __rich__(self) -> RenderableType:
        try:
            from sessionkit_integrations.view.terminal import to_panel  # noqa: PLC0415 - rich is optional
        except ImportError as error:
            raise MissingDependencyError("Showing a session in a terminal", "cli") from error
        return to_panel(self)


class _ViewCodec:
    """Reads records of any framework as messages to show."""

    parse_json = staticmethod(parse_json)

    def decode(self, fields: Fields) -> MessageView:
        at, thought, failed = fields.get("at"), reasoning_of(fields), is_error(fields)
        message: Fields = dict(PlainCodec().decode(fields))
        pieces = [Piece("reasoning", text) for text in map(text_of_detail, thought) if text]
        content = message["content"]
        pieces.extend([Piece("text", content)] if isinstance(content, str) else map(_piece, content or ()))
        more = other_fields(message)
        if isinstance(more.get("refusal"), str):  # as OpenAI's own messages have it
            pieces.append(Piece("refusal", more.pop("refusal")))
        calls, unreadable = _calls(message.get("tool_calls"))
        if unreadable:
            more["tool_calls"] = unreadable
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
        )


def _placed(messages: Sequence[MessageView], place: Place) -> Iterable[MessageView]:
    return (replace(message, place=place) for message in messages)


def _piece(part: dict[str, Any]) -> Piece:
    kind = text_or_none(part.get("type"))
    if kind == "text" and isinstance(part.get("text"), str):
        return Piece("text", part["text"])
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return Piece("refusal", part["refusal"])
    media = to_media(part)
    return Piece("other", _json(part), kind or "part") if media is None else Piece("media", _about(media), media.kind)


def _about(media: Media) -> str:
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
    """Return the tool calls of a message, and what is among them that is none: other writers check nothing."""
    calls, unreadable = [], []
    for call in value if isinstance(value, list) else [value] if value else []:
        try:
            kind, text = ("custom", "input") if call.get("type") == "custom" else ("function", "arguments")
            name, arguments = text_or_none(call[kind]["name"]), text_or_none(call[kind][text])
        except (AttributeError, LookupError, TypeError):
            name = arguments = None
        if name is None or arguments is None:
            unreadable.append(call)
        else:
            calls.append(Call(text_or_none(call.get("id")), name, arguments))
    return tuple(calls), unreadable


def _time(at: Any) -> datetime | None:
    if type(at) is not int:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=at)
    except OverflowError:
        return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
