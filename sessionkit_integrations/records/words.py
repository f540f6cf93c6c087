"""Texts cut into the words that a search compares, in every script.

- Case, accents and forms of compatibility are folded: `Müller` and `MÜLLER` are `muller`.
- An identifier is a word as a whole and by its parts: `ORD-48213` is `ord-48213`, `ord` and `48213`; `getWeather` is
  `getweather`, `get` and `weather`.
- Scripts that put no spaces between words (Chinese, Japanese, Thai and others), and Korean, whose words carry their
  particles, are cut into single characters and pairs of neighbours.
- An emoji or another symbol is a word.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LONGEST_WORD = 200
"""Characters of the longest word; more are the bytes of something, in base64 or hexadecimal digits."""

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc"  # Hangul
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3100-\u312f\u31a0-\u31bf"  # Kana, Bopomofo
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
)
_JAMO = "[\u1100-\u115f\ua960-\ua97c]+[\u1160-\u11a7]+[\u11a8-\u11ff]*"
"""The letters of one Korean syllable, where a text has them one by one."""
_SOUND_MARKS = "\uff9e\uff9f"
_JOINERS = "\u200c\u200d"
_LOOSE = r"./:@#&+'’"
_TIGHT = r"_\-\u2010\u2011"
"""Characters that join the parts of an address, a number or a path, and the parts of an identifier within it."""
_CHUNKS = re.compile(r"\S+")
_SEGMENTS = re.compile(f"[^{_LOOSE}]+")
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
"""Marks without which a word is the same one: accents, and the vowel points of Arabic and Hebrew."""
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe", "’": "'", "\u2010": "-"}
)
_SHORT = 24
"""Characters of text without spaces whose words are remembered, as it may occur often."""
_MOST_KNOWN = 8192
"""Such texts whose words are remembered at most."""
_LAST = 0x1FFFF
"""The last character that is looked at for marks and symbols; all beyond it are Han."""


class Word(NamedTuple):
    """A word as a search compares it, and its place in the text.

    Attributes:
        text: The folded word.
        start: Index of its first character in the text.
        end: Index after its last one.
    """

    text: str
    start: int
    end: int


class _Patterns(NamedTuple):
    tokens: re.Pattern[str]
    run: re.Pattern[str]
    characters: re.Pattern[str]
    parts: re.Pattern[str]


def words_of(text: str, *, singles: bool = True, near: Callable[[str], object] | None = None) -> Iterator[Word]:
    """Yield the words of a text.

    Args:
        text: The text.
        near: Says of words in one text if one of them is looked for. Most of the others are then left out, which is
            faster.
        singles: Whether a run of a script without spaces is also cut into its characters. A query does without, so that
            it asks for pairs, unless a character stands alone.
    """
    for chunk in _CHUNKS.finditer(text):
        if near is None or len(chunk[0]) > _SHORT or near(_KNOWN[chunk[0]]):
            yield from _words(chunk[0], chunk.start(), singles=singles)


def cut(text: str) -> list[str]:
    """Return the words of a text without their places, which is faster."""
    words = cut_to_text(text)
    return words[1:-1].split("\n\n") if words else []


def cut_to_text(text: str) -> str:
    """Return the words of a text in one, each with a line break on both sides, which is faster still."""
    return "".join(map(_KNOWN.__getitem__, text.split()))


def fold(text: str) -> str:
    """Return a text without case, accents and forms of compatibility."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).translate(_LETTERS)


class _Known(dict[str, str]):
    """The words of texts without spaces, each with its line breaks; the words of short texts are remembered."""

    def __missing__(self, chunk: str) -> str:
        words = "".join(f"\n{word.text}\n" for word in _words(chunk))
        if len(chunk) <= _SHORT:
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[chunk] = words
        return words


_KNOWN = _Known()


def _words(chunk: str, start: int = 0, *, singles: bool = True) -> Iterator[Word]:
    """Yield the words of a text without spaces, which begins at a place; no word goes across a space."""
    for token in _patterns().tokens.finditer(chunk):
        before = start + token.start()
        for word, first, last in _cut(token[0], singles=singles):
            yield Word(word, before + first, before + last)


def _cut(token: str, *, singles: bool = True) -> Iterable[Word]:
    """Return the words that a token consists of, with their places in it."""
    if _patterns().run.match(token):
        return _cut_run(token, singles=singles)
    return _forms(token) if len(token) <= LONGEST_WORD else ()


def _cut_run(run: str, *, singles: bool) -> Iterator[Word]:
    before: Word | None = None
    found = 0
    for character in _patterns().characters.finditer(run):
        word = Word(fold(character[0]), *character.span())
        if before is not None:
            yield Word(before.text + word.text, before.start, word.end)
        if singles:
            yield word
        before = word
        found += 1
    if before is not None and found == 1 and not singles:
        yield before


def _forms(token: str) -> tuple[Word, ...]:
    """Return a token as a whole, what its punctuation joins, and the parts of that, each place once."""
    places = {(0, len(token)): None}
    for segment in _SEGMENTS.finditer(token):
        places[segment.span()] = None
        for part in _patterns().parts.finditer(token, *segment.span()):
            places[part.span()] = None
    return tuple(Word(folded, *place) for place in places if (folded := fold(token[slice(*place)])))


@cache
def _patterns() -> _Patterns:
    """Return the patterns, whose classes of characters are found when they are first needed."""
    marks, symbols = _class_of({"Mn", "Mc", "Me"}), _class_of({"So", "Sc"})
    marks += _JOINERS
    letter = rf"[^\W_{_SPACELESS}]"
    word = rf"{letter}+(?:[{marks}]+{letter}*)*"
    run = f"[{_SPACELESS}][{_SPACELESS}{marks}]*"
    tokens = rf"{run}|{word}(?:[{_LOOSE}{_TIGHT}]{{1,2}}{word})*|[{symbols}]"
    characters = rf"(?:{_JAMO}|[{_SPACELESS}])[{marks}{_SOUND_MARKS}]*"
    return _Patterns(*map(re.compile, (tokens, run, characters, _parts(marks))))


def _parts(marks: str) -> str:
    """Return the pattern of the parts of an identifier: digits, `Camel`, `camel` and `CAMEL`."""
    upper, lower = "[A-ZÀ-ÖØ-ÞΑ-ΩА-Я]", rf"[^\W\d_A-ZÀ-ÖØ-ÞΑ-ΩА-Я][{marks}]*"
    return rf"\d+|{upper}[{marks}]*(?:{lower})+|(?:{upper}[{marks}]*)+(?!{lower})|(?:{lower})+|{upper}"


def _class_of(categories: set[str]) -> str:
    """Return the characters of some categories as ranges of a pattern."""
    ranges: list[list[int]] = []
    for code in range(0x80, _LAST + 1):
        if unicodedata.category(chr(code)) in categories:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "$" * ("Sc" in categories) + "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
