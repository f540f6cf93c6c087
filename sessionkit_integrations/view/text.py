"""Texts as they can be shown: in pieces of a bearable length, and with nothing in them that cannot be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_UNSEEN = re.compile(
    "([\x00-\x08\x0b-\x1f\x7f-\x9f\xad"  # control characters but tab and line feed; soft hyphen
    "\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"  # of width 0, or changing the direction of what follows
    "\ufeff\ufff9-\ufffb\ud800-\udfff"  # byte order mark, annotations, lone surrogates
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f])"  # tags, in which texts hide
)
"""What is not seen itself but changes what is. Joiners are not among them: emoji and Persian need them."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\u2028\u2029]")


@dataclass(frozen=True)
class Length:
    """How much of a text is shown at once."""

    characters: int
    lines: int


LENGTHS = {
    "system": Length(280, 4),
    "user": Length(900, 14),
    "assistant": Length(900, 14),
    "tool": Length(400, 6),
}
"""How much is shown at once of what each role says."""
SHORT = Length(200, 3)
"""How much is shown at once of what is beside that, such as URLs."""
RECENT = 6
"""How many archived messages are shown at once."""


def seen(text: str) -> Iterator[tuple[str, bool]]:
    """Split a text into what can be seen and marks for what cannot, such as ``<U+202E>``.

    Returns:
        Texts, and whether each is a mark.
    """
    for index, piece in enumerate(_UNSEEN.split(text)):
        if index % 2:
            yield f"<U+{ord(piece):04X}>", True
        elif piece:
            yield piece, False


def cut(text: str, length: Length) -> tuple[str, str]:
    """Split a text into what is shown of it at once and the rest, which is empty unless it is worth cutting off."""
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


def count(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_of(number: int) -> str:
    """Return a number of bytes in words."""
    if number < 1000:  # noqa: PLR2004 - SI
        return count(number, "byte")
    return f"{number / 1000:,.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:,.1f} MB"  # noqa: PLR2004 - SI


def visible(text: str) -> str:
    """Return a text with what would steer a terminal made visible."""
    return _CONTROLS.sub(_escape, text)


def one_line(text: str) -> str:
    """Return a text as `visible` does, with its tabs and line breaks made visible, too."""
    return _BREAKS.sub(_escape, visible(text))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
