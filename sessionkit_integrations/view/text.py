"""Texts as they can be shown: cut to a bearable length, and with a mark for each character that cannot be seen.

A character that has no shape can still hide a text from its reader, reorder what is beside it, or command a terminal.
Whatever shows a text of somebody else (a view, the command line, an error) shows each of these as a mark that names its
code point, such as ``<U+202E>``. They are

- control characters except tab and line feed, line and paragraph separators, and lone surrogates;
- what Unicode calls Default_Ignorable_Code_Point: characters of no width, directional ones, tags and fillers;
- interlinear annotation characters.

Joiners and variation selectors are among the ignorable ones, but emoji, Persian, Mongolian and Japanese names need
them. They stay where they change the character before them, and get a mark where they cannot: at the beginning, after
a space, and after another one, as in a run of them that encodes a hidden text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sessionkit_integrations.view.model import SessionData

_INVISIBLE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_JOINERS = "\u200c\u200d"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_MARKED = re.compile(
    f"(?=[{_INVISIBLE}{_JOINERS}{_SELECTORS}])"  # which rules out most characters at once
    f"([{_INVISIBLE}]|(?<![^\\s{_JOINERS}{_INVISIBLE}])[{_JOINERS}]"
    f"|(?<![^\\s{_JOINERS}{_SELECTORS}{_INVISIBLE}])[{_SELECTORS}])"
)
_MARKED_IN_LINE = re.compile(f"[\\t\\n]|{_MARKED.pattern}")


@dataclass(frozen=True)
class Length:
    """Largest part of a text that is shown at first."""

    characters: int
    lines: int


LENGTHS = {
    "system": Length(280, 4),
    "user": Length(900, 14),
    "assistant": Length(900, 14),
    "tool": Length(400, 6),
}
"""Length shown at first of the messages of each role."""
SHORT = Length(200, 3)
"""Length shown at first of everything else, such as URLs."""
RECENT = 6
"""Archived messages shown at first."""


def split_marks(text: str) -> Iterator[tuple[str, bool]]:
    """Split a text into visible pieces and the marks of characters that cannot be seen, such as ``<U+202E>``.

    Yields:
        Each piece, and whether it is a mark.
    """
    for index, piece in enumerate(_MARKED.split(text)):
        if index % 2:
            yield _mark(piece), True
        elif piece:
            yield piece, False


def visible(text: str) -> str:
    """Return a text with a mark for each character that cannot be seen or would command a terminal."""
    return _MARKED.sub(lambda match: _mark(match[0]), text)


def one_line(text: str) -> str:
    """Return a text as `visible` does, with marks for tabs and line feeds, too."""
    return _MARKED_IN_LINE.sub(lambda match: _mark(match[0]), text)


def visible_json(text: str) -> str:
    r"""Return a JSON text with the escape ``\uXXXX`` for each character that cannot be seen; its value is the same."""
    return _MARKED.sub(lambda match: json.dumps(match[0])[1:-1], text)


def cut(text: str, length: Length) -> tuple[str, str]:
    """Split a text into what is shown of it at first and the rest, which is empty unless it is worth cutting off."""
    end = length.characters
    for index, line in enumerate(re.finditer("\n", text[: length.characters]), 1):
        if index == length.lines:
            end = line.end()
            break
    rest = text[end:]
    if len(rest) <= length.characters // 4 and rest.count("\n") <= max(1, length.lines // 4):
        return text, ""
    word = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end)) + 1
    if word > end * 3 // 4:
        end = word
    return text[:end], text[end:]


def when(at: datetime) -> str:
    """Return a time in words."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def turns_of(view: SessionData) -> str:
    """Return the number of turns in the window, and how many there may be."""
    return count(view.turns, "turn") if view.window is None else f"{view.turns:,} of {count(view.window, 'turn')}"


def figures_of(view: SessionData) -> list[str]:
    """Return what is known of a session beside its messages, in words."""
    known, said = view.figures, []
    if known.forked_from is not None:
        said.append(f"fork of {known.forked_from}")
    if known.tokens is not None:
        said.append(f"{count(known.tokens, 'token')} in the window")
    if known.waiting_turns:
        said.append(f"{count(known.waiting_turns, 'turn')} to be summarised")
    for usage in known.usage:
        cached = f" ({usage.cached:,} cached)" if usage.cached else ""
        said.append(f"{usage.model or 'model not named'}: {usage.input:,} tokens in{cached}, {usage.output:,} out")
    return said


def summary_label(turns: int) -> str:
    """Return what tells a summary from other system messages."""
    return f"summary of {count(turns, 'turn')}"


def count(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_of(number: int) -> str:
    """Return a number of bytes in words."""
    if number < 1000:  # noqa: PLR2004 - SI
        return count(number, "byte")
    return f"{number / 1000:,.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:,.1f} MB"  # noqa: PLR2004 - SI


def _mark(character: str) -> str:
    return f"<U+{ord(character):04X}>"
