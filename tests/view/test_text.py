"""Marks of what cannot be seen, and texts that are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.view.text import Length, cut, one_line, split_marks, visible, visible_json
from tests.view.unseen import UNSEEN

WRITTEN = (
    "tab\tand\nline",
    "مرحبا",
    "می\u200cخواهم",  # noqa: RUF001 - Persian
    "क्\u200dष",
    "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3",
    "ᠮᠣᠩᠭᠣᠯ\u180b",
    "葛\U000e0100城",
    "Ünïcödé",
    "日本語 한국어",
)
"""Texts in which nothing is hidden, though some hold joiners and variation selectors."""


@pytest.mark.slow
def test_every_character_that_cannot_be_seen_has_a_mark() -> None:
    for character in map(chr, range(0x110000)):
        mark = f"<U+{ord(character):04X}>" if character in UNSEEN else character
        assert visible(character) == mark
        assert one_line(character) == (f"<U+{ord(character):04X}>" if character in "\t\n" else mark)


def test_no_text_keeps_a_character_that_hides_or_commands() -> None:
    never = "".join(sorted(UNSEEN))
    assert set(visible(f"a{never}b")) & UNSEEN <= set("\u200c\u200d") | {chr(0x180B), *map(chr, range(0xFE00, 0xFE10))}
    for character in "\x1b\x9b\x07\r\x00\u202e\u2066\u200b\u200f\u2028\ufeff\U000e0041\ud800":
        assert character not in visible(f"a{character}b{character}")


@pytest.mark.parametrize("text", WRITTEN)
def test_writing_is_left_alone(text: str) -> None:
    assert visible(text) == text
    assert list(split_marks(text)) == [(text, False)]


@pytest.mark.parametrize("hidden", ["\ufe00\ufe01\ufe0f", "\U000e0100\U000e01ef", "\u200d\u200c\u200c", "\u180b\ufe0f"])
def test_runs_of_joiners_and_selectors_cannot_encode_a_text(hidden: str) -> None:
    marks = [f"<U+{ord(character):04X}>" for character in hidden]
    assert visible(f"😀{hidden}!") == f"😀{hidden[0]}{''.join(marks[1:])}!"
    for before in ("", " ", "\n", "\u200b"):
        assert visible(before + hidden).endswith("".join(marks))


@given(st.text() | st.text(st.sampled_from("a \n\u200b\u200c\u200d\ufe0f\u202e\U000e0100")))
def test_marks_stand_for_one_character_each(text: str) -> None:
    pieces = list(split_marks(text))
    assert "".join(chr(int(piece[3:-1], 16)) if is_mark else piece for piece, is_mark in pieces) == text
    assert "".join(piece for piece, _ in pieces) == visible(text)
    assert one_line(text) == visible(text).replace("\n", "<U+000A>").replace("\t", "<U+0009>")


@given(st.text() | st.text(st.sampled_from(sorted(UNSEEN))))
def test_json_keeps_its_value(text: str) -> None:
    written = visible_json(json.dumps([text], ensure_ascii=False))
    assert json.loads(written) == json.loads(json.dumps([text]))  # which joins two halves of one character
    assert visible(written) == written


@given(st.text(st.sampled_from("ab \n\U0001f600"), max_size=200), st.integers(1, 40), st.integers(1, 6))
def test_cutting_loses_nothing_and_is_not_done_for_little(text: str, characters: int, lines: int) -> None:
    shown, rest = cut(text, Length(characters, lines))
    assert shown + rest == text
    assert len(shown) <= characters + characters // 4
    assert bool(shown) or not text
    if len(text) <= characters and text.count("\n") < lines:
        assert not rest
