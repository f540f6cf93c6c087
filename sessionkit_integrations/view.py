"""Sessions to look at: in a notebook, in a terminal, or as data. What to show is decided here, how in ``view_*.py``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.parts import data_url, text_or_none, to_media
from sessionkit_integrations.records import (
    PlainCodec,
    decode_all,
    is_error,
    other_fields,
    parse,
    reasoning_of,
    role_of,
    text_of_detail,
)
from sessionkit_integrations.view_text import size_of
from sessionkit_integrations.window import evict, number_turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from sessionkit_integrations.messages import Role
    from sessionkit_integrations.parts import Media
    from sessionkit_integrations.records import Fields
    from sessionkit_integrations.window import Window

Place = Literal["preamble", "archived", "beyond", "window"]
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Piece:
    """A part of what a message says.

    Attributes:
        kind: ``text``; ``refusal``; ``reasoning``, what the model thought before it answered; ``media``, an image, a
            sound, a video or a file; or ``other``, a part or fields that this package does not know.
        text: The text. Of media: what they are, with their URL, or their type and size. Of others: JSON.
        label: What kind of media or of part it is, such as ``image``.
    """

    kind: Literal["text", "refusal", "reasoning", "media", "other"]
    text: str
    label: str = ""


@dataclass(frozen=True)
class Call:
    """A tool call: the id that its result answers, the name of the tool, and its arguments as the model wrote them."""

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True)
class MessageView:
    """A message as it is shown.

    Attributes:
        role: Who speaks.
        pieces: What it says: its content, part by part, and the reasoning before it.
        calls: The tools that it calls.
        name: The name of the speaker or of the tool.
        tool_call_id: The call that it answers.
        is_error: Whether it tells of a tool's failure.
        at: When it was written, if the record says so.
        place: Whether it is in the ``preamble``, in the ``window``, ``archived``, or ``beyond`` the window: still among
            the active messages, because whoever wrote last has a larger window.
    """

    role: Role
    pieces: tuple[Piece, ...]
    calls: tuple[Call, ...] = ()
    name: str | None = None
    tool_call_id: str | None = None
    is_error: bool = False
    at: datetime | None = None
    place: Place = "window"


@dataclass(frozen=True, repr=False)
class SessionView:
    """A session as it was when it was read: what the model sees of it, and what not. Notebooks show it as a chat.

    In a terminal, ``rich.print(view)`` does (extra ``cli``). Looking at a session loads nothing that its messages name.

    Attributes:
        session_id: The session.
        window: The window that was applied, in turns.
        messages: Its messages in the order in which they are shown: the preamble, what is archived, what is beyond the
            window, and what is in it.
    """

    session_id: str
    window: int
    messages: tuple[MessageView, ...]

    @classmethod
    def of(cls, session_id: str, active: Iterable[bytes], archived: Iterable[bytes], window: Window) -> SessionView:
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

    def at(self, place: Place) -> tuple[MessageView, ...]:
        """Return the messages in a place."""
        return tuple(message for message in self.messages if message.place == place)

    @property
    def turns(self) -> int:
        """How many turns are in the window."""
        return max(number_turns(message.role for message in self.messages if message.place == "window"), default=0)

    def __repr__(self) -> str:
        counts = ", ".join(f"{place}={len(self.at(place))}" for place in ("preamble", "archived", "beyond", "window"))
        return f"SessionView({self.session_id!r}, {counts})"

    def _repr_html_(self) -> str:
        from sessionkit_integrations.view_html import to_html  # noqa: PLC0415 - terminals do without it

        return to_html(self)

    def __rich__(self) -> RenderableType:
        try:
            from sessionkit_integrations.view_terminal import to_panel  # noqa: PLC0415 - rich is optional
        except ImportError as error:
            raise MissingDependencyError("Showing a session in a terminal", "cli") from error
        return to_panel(self)


class _ViewCodec:
    """Reads records of any framework as messages to show."""

    parse = staticmethod(parse)

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
