"""The default counter: tokens estimated from the shape of a text, without a vocabulary.

A vocabulary such as OpenAI's ``o200k_base`` has a token for most short words together with the space before them, and
cuts longer words into pieces. So a text is cut into pieces of about that size, each of which counts as one token: up to
so many letters of a script, three digits, two punctuation marks, the line breaks between two lines. Characters of
Chinese, Japanese and Korean, whose words have no such shape, are counted by a rate.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sessionkit_integrations.tokens.reading import count_message

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message

_LOWER = "a-z\u00df-\u00f6\u00f8-\u024f"
_EAST_ASIAN = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_EAST_ASIAN_TOKENS = 0.65
"""Tokens of a character of Chinese, Japanese or Korean."""
_PIECES = re.compile(
    rf"""
      (?<=[{_LOWER}])[{_LOWER}]{{1,4}}       # the rest of a long word
    | [ _.]?[A-Z\u00c0-\u00de]?[{_LOWER}]{{1,8}}
    | [ ]?[A-Z]{{1,2}}
    | [0-9]{{1,3}}
    | [ ]?[!-/:-@\[-`{{-~]{{1,2}}
    | \s*[\r\n]+
    | [ ]+(?=[ ])
    | [ ]?[\u0370-\u03ff]{{1,3}}             # Greek
    | [ ]?[\u0400-\u052f]{{1,5}}             # Cyrillic
    | [ ]?[\u0590-\u05ff]{{1,3}}             # Hebrew
    | [ ]?[\u0600-\u07ff]{{1,4}}             # Arabic
    | [ ]?[\u0900-\u097f]{{1,4}}             # Devanagari
    | [ ]?[\u0980-\u1fff]{{1,3}}             # other scripts of India and Southeast Asia
    | [^\s{_EAST_ASIAN}]
    """,
    re.VERBOSE,
)
_EAST_ASIAN_RUN = re.compile(f"[{_EAST_ASIAN}]+")


def approximate_tokens(message: Message) -> int:
    """Return about as many tokens as OpenAI's ``o200k_base`` makes of a message.

    It needs no package and no vocabulary, and takes a few microseconds for a short text.
    """
    return count_message(message, approximate_text)


def approximate_text(text: str) -> int:
    """Return about as many tokens as a text has."""
    tokens = len(_PIECES.findall(text))
    if text.isascii():
        return tokens
    return tokens + round(_EAST_ASIAN_TOKENS * (len(text) - len(_EAST_ASIAN_RUN.sub("", text))))
