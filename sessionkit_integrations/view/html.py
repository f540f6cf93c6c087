"""Sessions as HTML for notebooks: one element with its style, no script, and nothing that is loaded from elsewhere.

All that comes from a message, an id or a name goes through `_text`, which escapes it. Without the style, as where a
notebook is not trusted, it is still a readable list.
"""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

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
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.view.model import Call, MessageView, Piece, SessionData
    from sessionkit_integrations.view.text import Length
    from sessionkit_integrations.window.turns import Place

_PREVIEW = 60
"""Characters of a call's arguments that are seen before it is opened."""
_LIGHT = (
    "--sk-back: #ffffff; --sk-fore: #1f2328; --sk-dim: #636c76; --sk-rule: #d8dee4; --sk-soft: #f6f8fa;"
    "--sk-user: #0969da; --sk-assistant: #1a7f37; --sk-tool: #9a6700; --sk-system: #8250df; --sk-bad: #cf222e;"
    "--sk-user-back: #eef6ff; color-scheme: light"
)
_DARK = (
    "--sk-back: #161b22; --sk-fore: #e6edf3; --sk-dim: #9198a1; --sk-rule: #30363d; --sk-soft: #1f262e;"
    "--sk-user: #58a6ff; --sk-assistant: #56d364; --sk-tool: #e3b341; --sk-system: #bc8cff; --sk-bad: #ff7b72;"
    "--sk-user-back: #172a42; color-scheme: dark"
)
# JupyterLab says its theme, whatever the browser's is.
_THEMES = (
    f".sessionkit-view {{ {_LIGHT} }} @media (prefers-color-scheme: dark) {{ .sessionkit-view {{ {_DARK} }} }} "
    f'[data-jp-theme-light="true"] .sessionkit-view {{ {_LIGHT} }} '
    f'[data-jp-theme-light="false"] .sessionkit-view {{ {_DARK} }} '
)


def to_html(view: SessionData) -> str:
    """Return a session as HTML."""
    return "".join(_session(view))


def _session(view: SessionData) -> Iterator[str]:
    preamble, archived, outside, window = (view.at(place) for place in PLACES)
    yield f'<div class="sessionkit-view"><style>{_style()}</style>'
    yield f'<div class="sk-head"><b class="sk-id" dir="auto">{_text(view.session_id)}</b> '
    yield f'<span class="sk-dim">{turns_of(view)} in the window · '
    yield f"{count(len(window), 'message')}"
    if view.archived:
        yield f" · {view.archived:,} archived"
    if outside:
        yield f" · {len(outside):,} outside the window"
    yield "</span>"
    if said := figures_of(view):
        yield f'<div class="sk-dim sk-figures" dir="auto">{_text(" · ".join(said))}</div>'
    yield "</div>"
    yield from _messages(preamble)
    if view.archived:
        yield _line("archived", "archive · the model does not see these")
        yield from _archive(archived, view.earlier)
    if outside:
        yield _line("outside", "outside the window · the model does not see these; the next write evicts them")
        yield from _messages(outside)
    if view.archived or outside:
        yield _line("window", "window · what the model sees, after the pinned messages")
    yield from _messages(window)
    if not view.messages:
        yield '<div class="sk-empty sk-dim">There are no messages.</div>'
    yield "</div>"


def _archive(archived: Sequence[MessageView], not_read: int) -> Iterator[str]:
    if not_read:
        yield f'<div class="sk-dim">{count(not_read, "earlier message")} not shown here</div>'
    folded = archived[:-RECENT] if len(archived) > RECENT + 1 else ()
    if folded:
        yield f'<details class="sk-earlier"><summary>{count(len(folded), "earlier message")}</summary>'
        yield from _messages(folded)
        yield "</details>"
    yield from _messages(archived[len(folded) :])


def _line(place: Place, text: str) -> str:
    return f'<div class="sk-line sk-to-{place}"><span>{text}</span></div>'


def _messages(messages: Sequence[MessageView]) -> Iterator[str]:
    for message in messages:
        yield from _message(message)


def _message(message: MessageView) -> Iterator[str]:
    yield f'<div class="sk-message sk-{message.role} sk-in-{message.place}"><div class="sk-by">'
    yield f'<b class="sk-role">{message.role}</b> '
    if message.summarized_turns is not None:
        yield f'<span class="sk-tag sk-summary">{summary_label(message.summarized_turns)}</span> '
    elif message.place == "preamble":
        yield '<span class="sk-tag">pinned</span> '
    if message.name:
        yield f'<span class="sk-name" dir="auto">{_text(message.name)}</span> '
    if message.is_error:
        yield '<span class="sk-tag sk-failed">failed</span> '
    if message.tool_call_id:
        yield f'<span class="sk-dim sk-answers">answers <span dir="auto">{_text(message.tool_call_id)}</span></span> '
    if message.at:
        yield f'<span class="sk-dim sk-at" title="{message.at.isoformat(timespec="milliseconds")}">'
        yield f"{when(message.at)}</span>"
    yield "</div>"
    for piece in message.pieces:
        yield from _piece(piece, LENGTHS[message.role])
    for call in message.calls:
        yield from _call(call)
    yield "</div>"


def _piece(piece: Piece, length: Length) -> Iterator[str]:
    if piece.kind in {"reasoning", "other"}:
        label = "reasoning" if piece.kind == "reasoning" else _text(piece.label)
        style = "sk-text" if piece.kind == "reasoning" else "sk-text sk-code"
        yield f'<details class="sk-fold"><summary dir="auto">{label}</summary>{_block(piece.text, style)}</details>'
    elif piece.kind == "media":
        yield f'<div class="sk-media"><span class="sk-tag">{_text(piece.label)}</span> <div>'
        yield from _long(piece.text, SHORT)
        yield "</div></div>"
    else:
        if piece.kind == "refusal":
            yield '<span class="sk-tag sk-failed">refusal</span>'
        yield from _long(piece.text, length)


def _long(text: str, length: Length) -> Iterator[str]:
    shown, rest = cut(text, length)
    yield _block(shown, "sk-text")
    if rest:
        yield f'<details class="sk-more"><summary>{count(len(rest), "more character")}</summary>'
        yield f"{_block(rest, 'sk-text')}</details>"


def _call(call: Call) -> Iterator[str]:
    line = " ".join(call.arguments[: _PREVIEW * 4].split())
    preview = line[:_PREVIEW] + ("…" if len(line) > _PREVIEW or len(call.arguments) > _PREVIEW * 4 else "")
    yield '<details class="sk-fold sk-call"><summary>calls '
    yield f'<b class="sk-name" dir="auto">{_text(call.name)}</b> '
    if call.is_open:
        yield '<span class="sk-tag sk-failed">no result</span> '
    yield f'<span class="sk-code sk-dim sk-preview" dir="auto">{_text(preview)}</span></summary>'
    yield _block(call.arguments, "sk-text sk-code sk-arguments")
    if call.id:
        yield f'<div class="sk-dim">call <span dir="auto">{_text(call.id)}</span></div>'
    yield "</details>"


def _block(text: str, style: str) -> str:
    return f'<div class="{style}" dir="auto">{_text(text)}</div>' if text else ""


def _text(text: str) -> str:
    return "".join(
        f'<span class="sk-mark">{escape(piece)}</span>' if is_mark else escape(piece)
        for piece, is_mark in split_marks(text)
    )


@cache
def _style() -> str:
    text = files("sessionkit_integrations.view").joinpath("view.css").read_text("utf-8")
    return _THEMES + " ".join(text.split())
