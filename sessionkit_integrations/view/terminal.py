"""Sessions as rich renderables for terminals and pipes. Texts of messages are never taken for rich's markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from sessionkit_integrations.view.text import (
    LENGTHS,
    RECENT,
    SHORT,
    count,
    cut,
    figures_of,
    split_marks,
    summary_label,
    turns_of,
    when,
)
from sessionkit_integrations.window.turns import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from sessionkit_integrations.view.model import MessageView, Piece, SessionData
    from sessionkit_integrations.view.text import Length
    from sessionkit_integrations.window.turns import Place

_STYLES = {"system": "magenta", "user": "bold blue", "assistant": "bold green", "tool": "yellow"}
_HIDDEN: tuple[Place, ...] = ("archived", "outside")
"""Places whose messages the model does not see."""


def to_panel(view: SessionData) -> RenderableType:
    """Return a session as a panel, with long texts cut and a long archive left out but for its newest messages."""
    title = _text(view.session_id, "bold")
    title.truncate(60, overflow="ellipsis")
    counts = f"{turns_of(view)} in the window"
    if view.archived:
        counts += f" · {view.archived:,} archived"
    if outside := view.at("outside"):
        counts += f" · {len(outside):,} outside the window"
    lines = list(_lines(view)) or [Text("There are no messages.", "dim")]
    if said := figures_of(view):
        lines.insert(0, _text(" · ".join(said), "dim"))
    return Panel(Group(*lines), title=title, title_align="left", subtitle=Text(counts, "dim"), subtitle_align="left")


def to_chat(messages: Iterable[MessageView]) -> RenderableType:
    """Return messages in full, for a terminal: what is wrapped stays below its message."""
    return Group(*(line for message in messages for line in _in_full(message)))


def _in_full(message: MessageView) -> Iterator[RenderableType]:
    yield _header(message)
    for text in _body(message, full=True):
        yield Padding(text, (0, 0, 0, 2))


def to_lines(messages: Iterable[MessageView]) -> RenderableType:
    """Return messages in full, as lines that are not wrapped: for pipes."""
    lines = Text()
    for message in messages:
        lines.append_text(_header(message)).append("\n")
        for text in _body(message, full=True):
            for line in text.split("\n"):
                lines.append("  ").append_text(line).append("\n")
    lines.right_crop()
    return lines


def _lines(view: SessionData) -> Iterator[RenderableType]:
    preamble, archived, outside, window = (view.at(place) for place in PLACES)
    for message in preamble:
        yield from _message(message)
    if view.archived:
        yield _rule("archive · the model does not see these")
        shown = archived[-RECENT:] if view.archived > RECENT + 1 else archived
        if earlier := view.archived - len(shown):
            yield Text(f"… {count(earlier, 'earlier message')}", "dim italic")
        for message in shown:
            yield from _message(message)
    if outside:
        yield _rule("outside the window · the next write evicts these")
        for message in outside:
            yield from _message(message)
    if view.archived or outside:
        yield _rule("window · what the model sees", "green")
    for message in window:
        yield from _message(message)


def _rule(text: str, style: str = "dim") -> RenderableType:
    return Rule(Text(text, style), style=style, align="left")


def _message(message: MessageView) -> Iterator[RenderableType]:
    if message.role == "user":
        yield Text()
    header = _header(message)
    if message.at:
        header.append(f"  {when(message.at)}", "dim")
    yield header
    for text in _body(message):
        yield Padding(text, (0, 0, 0, 2))


def _header(message: MessageView) -> Text:
    header = Text().append(message.role, _STYLES[message.role])
    if message.summarized_turns is not None:
        header.append(f" {summary_label(message.summarized_turns)}", "bold magenta")
    elif message.place == "preamble":
        header.append(" pinned", "dim")
    if message.name:
        header.append(" ").append_text(_text(message.name, "bold"))
    if message.is_error:
        header.append(" failed", "red")
    if message.tool_call_id:
        header.append(" answers ", "dim").append_text(_text(message.tool_call_id, "dim"))
    return header


def _body(message: MessageView, *, full: bool = False) -> Iterator[Text]:
    """Yield the texts and calls of a message, cut to the lengths of its role unless they are wanted in full."""
    length, short = (None, None) if full else (LENGTHS[message.role], SHORT)
    style = "dim" if message.place in _HIDDEN else ""
    for piece in message.pieces:
        if piece.text:
            yield _piece(piece, length, short, style)
    for call in message.calls:
        yield (
            Text("calls ", "dim")
            .append_text(_text(call.name, "dim bold"))
            .append(" no result" if call.is_open else "", "red")
            .append(" ")
            .append_text(_cut(call.arguments, short, "dim"))
        )


def _piece(piece: Piece, length: Length | None, short: Length | None, style: str) -> Text:
    if piece.kind == "text":
        return _cut(piece.text, length, style)
    label = piece.label or piece.kind
    text = Text("[", "dim").append_text(_text(label, "red" if piece.kind == "refusal" else "dim")).append("] ")
    return text.append_text(_cut(piece.text, length if piece.kind == "refusal" else short, "dim"))


def _cut(text: str, length: Length | None, style: str) -> Text:
    shown, rest = (text, "") if length is None else cut(text, length)
    made = _text(shown, style)
    return made.append(f" … {count(len(rest), 'more character')}", "dim italic") if rest else made


def _text(text: str, style: str) -> Text:
    made = Text(style=style, overflow="fold")
    for piece, is_mark in split_marks(text):
        made.append(piece, "red" if is_mark else None)
    return made
