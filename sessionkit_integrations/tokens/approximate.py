"""The default counter: tokens estimated from the shape of a text, without a vocabulary.

A vocabulary such as OpenAI's ``o200k_base`` has a token for most words together with the space or the mark before them,
and cuts long words into pieces. Two ways to estimate their number follow from that.

**An ordinary text in ASCII** is a weighted sum of its words, digits, punctuation marks, lines and characters. To count
them, all letters are made one: counting a short pattern takes a fraction of a microsecond. The weights were fitted to
the counts of ``o200k_base`` for conversations, documentation, code and JSON.

**Any other text** is cut into pieces of about the size of a token, each of which counts as one: a word's first letters,
and each few letters after them; three digits; two punctuation marks; a run of spaces. In Chinese, Japanese and Korean,
where no space ends a word, characters count at a rate. A piece has a longest length, and a text with a long run of one
kind of character is not an ordinary one. So no text can make a long count short: neither a hundred thousand letters nor
as many spaces.
"""

from __future__ import annotations

import re
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from sessionkit_integrations.tokens.reading import count_message

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message


def _alphabet(rest: bytes, **classes: str) -> bytes:
    """Return the table that translates the characters of each class to its name, and all others to ``rest``."""
    names = {ord(character): ord(name) for name, characters in classes.items() for character in characters}
    return bytes(names.get(byte, rest[0]) for byte in range(256))


_WORDS = _alphabet(b" ", a=ascii_letters)
_SHAPES = _alphabet(b".", a=ascii_letters, n=digits, s=" \t", l="\r\n")
_NO_WORD, _NO_NUMBER, _RULE, _BLANK_LINES = b"a" * 20, b"n" * 12, b"." * 24, b"l" * 6
"""Shapes of runs that no ordinary text has."""
_MOST_CHARACTERS = 7
"""Characters of an ordinary text for each token, at most."""

_LETTER = "a-zß-öø-ÿ\u0180-\u024f\u1e00-\u1eff"  # Vietnamese letters, most of which have words of their own, as well
_CAPITAL = "A-ZÀ-ÖØ-Þ"
_EAST_ASIAN = "\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef"
_OTHER = "\ud800-\uf8ff\ufb00-\ufeff\U00010000-\U0010ffff"
"""Emoji, presentation forms, private use, half a surrogate pair, and whatever else is far from the letters."""
_PIECES = re.compile(
    rf"""
      [ _.("'/<-][{_CAPITAL}]?[{_LETTER}]{{1,9}}
    | [{_CAPITAL}][{_LETTER}]{{1,9}}
    | (?<![{_LETTER}])[{_LETTER}]{{1,9}}
    | [{_LETTER}]{{1,3}}                       # of a word longer than those
    | [ ][{_CAPITAL}]{{1,4}} | [{_CAPITAL}]{{1,3}}
    | [0-9]{{1,3}} | [ ](?=[0-9])
    | [ ]?[-=_*#~.]{{4,64}}[\r\n]*             # a line of dashes
    | [ ]?[!-/:-@\[-`{{-~]{{1,2}}[\r\n]*
    | [{_EAST_ASIAN}]+ | [{_OTHER}]+           # counted by _RATES as well; late, as most texts have none of them
    | [^\S\r\n]{{0,64}}[\r\n]{{1,16}}
    | [ ]{{1,128}}(?!\S) | \s{{1,16}}(?!\S)     # but for the last space, which belongs to the word
    | [ ]?[\u0370-\u03ff]{{1,3}}               # Greek
    | [ ]?[\u0400-\u052f]{{1,5}}               # Cyrillic
    | [ ]?[\u0530-\u05ff]{{1,3}}               # Armenian, Hebrew
    | [ ]?[\u0600-\u08ff]{{1,4}}               # Arabic and its relatives
    | [ ]?[\u0900-\u09ff]{{1,4}}               # Devanagari, Bengali
    | [ ]?[\u0a00-\u1dff]{{1,3}}               # from Gurmukhi to Khmer
    | [^\s]
    """,
    re.VERBOSE,
)
_RATES = ((re.compile(f"[{_EAST_ASIAN}]+"), 0.7), (re.compile(f"[{_OTHER}]+"), 1.4))
"""Runs of characters that are no words, and the tokens of one character."""


def approximate_tokens(message: Message) -> int:
    """Return about as many tokens as a message has in OpenAI's ``o200k_base``.

    This needs no package and no vocabulary, and takes a few microseconds for a short text. docs/tokens.md has a table
    of what it is off by.

    Examples:
        >>> approximate_tokens({"role": "user", "content": "What is the weather in Paris?"})
        10
    """
    return count_message(message, approximate_text)


def approximate_text(text: str) -> int:
    """Return about as many tokens as a text has."""
    if not text.isascii():
        return _count_pieces(text)
    characters = f" {text}".encode()
    words, shapes = characters.translate(_WORDS), characters.translate(_SHAPES)
    digit_count, dashes, lines = shapes.count(b"n"), shapes.count(b"...."), shapes.count(b"l")
    tokens = (  # written out, as a loop over patterns would take longer than the counting
        0.05 * len(text)
        + 0.78 * words.count(b" a")
        + 0.86 * digit_count
        + 0.35 * shapes.count(b".")
        + 0.63 * shapes.count(b"s.")  # a mark that does not follow a word
        - 0.96 * dashes  # of a line of marks, which is few tokens
        + 1.17 * lines
    )
    has_runs = (
        tokens * _MOST_CHARACTERS < len(text)
        or _NO_WORD in shapes
        or (digit_count >= len(_NO_NUMBER) and _NO_NUMBER in shapes)
        or (dashes * 4 >= len(_RULE) and _RULE in shapes)
        or (lines >= len(_BLANK_LINES) and _BLANK_LINES in shapes)
    )
    return _count_pieces(text) if has_runs else round(tokens)


def _count_pieces(text: str) -> int:
    """Return the tokens of a text in any script."""
    tokens = _PIECES.subn("", text)[1]  # which counts in two thirds of the time that a list of them would take
    return round(tokens + sum(_more(runs.findall(text), rate) for runs, rate in _RATES))


def _more(runs: list[str], rate: float) -> float:
    """Return the tokens of runs beyond the one that each of them counts as a piece."""
    return rate * sum(map(len, runs)) - len(runs)
