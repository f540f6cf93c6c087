"""Sessions as rich panels for terminals. Texts of messages are never taken for rich's markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from sessionkit_integrations.view.text import LENGTHS, RECENT, SHORT, count, cut, seen, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from sessionkit_integrations.view.model import MessageView, Piece, Place, SessionData
    from sessionkit_integrations.view.text import Length

_STYLES = {"system": "magenta", "user": "bold blue", "assistant": "bold green", "tool": "yellow"}
_UNSEEN: tuple[Place, ...] = ("archived", "beyond")


def to_panel(view: SessionData) -> RenderableType:
    """Return a session as a panel."""
    title = _text(view.session_id, "bold")
    title.truncate(60, overflow="ellipsis")
    counts = f"{view.turns:,} of {count(view.window, 'turn')} in the window"
    if archived := view.at("archived"):
        counts += f" · {len(archived):,} archived"
    if beyond := view.at("beyond"):
        counts += f" · {len(beyond):,} beyond the window"
    lines = list(_lines(view)) or [Text("There are no messages.", "dim")]
    return Panel(Group(*lines), title=title, title_align="left", subtitle=Text(counts, "dim"), subtitle_align="left")


def _lines(view: SessionData) -> Iterator[RenderableType]:
    preamble, archived, beyond, window = (view.at(place) for place in ("preamble", "archived", "beyond", "window"))
    for message in preamble:
        yield from _message(message)
    if archived:
        yield _rule("archive · the model does not see these")
        if len(archived) > RECENT + 1:
            yield Text(f"… {count(len(archived) - RECENT, 'earlier message')}", "dim italic")
            archived = archived[-RECENT:]
        for message in archived:
            yield from _message(message)
    if beyond:
        yield _rule("beyond the window · the next write evicts these")
        for message in beyond:
            yield from _message(message)
    if archived or beyond:
        yield _rule("window · what the model sees", "green")
    for message in window:
        yield from _message(message)


def _rule(text: str, style: str = "dim") -> RenderableType:
    return Rule(Text(text, style), style=style, align="left")


def _message(message: MessageView) -> Iterator[RenderableType]:
    if message.role == "user":
        yield Text()
    by = Text(message.role, _STYLES[message.role])
    if message.place == "preamble":
        by.append(" pinned", "dim")
    if message.name:
        by.append(" ").append_text(_text(message.name, "bold"))
    if message.is_error:
        by.append(" failed", "red")
    if message.tool_call_id:
        by.append(" answers ", "dim").append_text(_text(message.tool_call_id, "dim"))
    if message.at:
        by.append(f"  {when(message.at)}", "dim")
    yield by
    style = "dim" if message.place in _UNSEEN else ""
    for piece in message.pieces:
        if piece.text:
            yield _indented(_piece(piece, LENGTHS[message.role], style))
    for call in message.calls:
        line = Text("calls ", "dim").append_text(_text(call.name, "dim bold")).append(" ")
        yield _indented(line.append_text(_cut(call.arguments, SHORT, "dim")))


def _piece(piece: Piece, length: Length, style: str) -> Text:
    if piece.kind == "text":
        return _cut(piece.text, length, style)
    label = piece.label or piece.kind
    text = Text("[", "dim").append_text(_text(label, "red" if piece.kind == "refusal" else "dim")).append("] ")
    return text.append_text(_cut(piece.text, length if piece.kind == "refusal" else SHORT, "dim"))


def _indented(text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, 2))


def _cut(text: str, length: Length, style: str) -> Text:
    shown, rest = cut(text, length)
    made = _text(shown, style)
    return made.append(f" … {count(len(rest), 'more character')}", "dim italic") if rest else made


def _text(text: str, style: str) -> Text:
    made = Text(style=style, overflow="fold")
    for piece, is_mark in seen(text):
        made.append(piece, "red" if is_mark else None)
    return made
