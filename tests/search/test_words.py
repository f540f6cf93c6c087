"""Words of every script, as a search cuts them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.records.words import LONGEST_WORD, cut, fold, words_of


def pairs(text: str) -> list[str]:
    """Return the words of a query."""
    return [word.text for word in words_of(text, singles=False)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Crème brûlée", ["creme", "brulee"]),
        ("Straße, Ærø und Łódź", ["strasse", "aero", "und", "lodz"]),
        ("Donaudampfschifffahrt", ["donaudampfschifffahrt"]),
        ("Ёлка, мой РЕЙС", ["елка", "мои", "реис"]),
        ("Αθήνα ΟΔΟΣ οδός", ["αθηνα", "οδοσ", "οδοσ"]),
        ("كِتَابٌ كتـاب", ["كتاب", "كتاب"]),
        ("שָׁלוֹם", ["שלום"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ไทย", ["ไ", "ไท", "ท", "ทย", "ย"]),
        ("东京。", ["东", "东京", "京"]),
        ("ラーメン", ["ラ", "ラー", "ー", "ーメ", "メ", "メン", "ン"]),
        ("ｶﾞ", ["ガ"]),
        ("학교", ["학", "학교", "교"]),
        ("iPhone手机", ["iphone", "i", "phone", "手", "手机", "机"]),
        ("🎉 👩‍🚀 €5", ["🎉", "👩", "🚀", "€", "5"]),
        ("\uff21\uff22\uff23 \uff11\uff12", ["abc", "12"]),
    ],
)
def test_scripts(text: str, words: list[str]) -> None:
    assert cut(text) == words
    assert cut(unicodedata.normalize("NFD", text)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ORD-48213,", ["ord-48213", "ord", "48213"]),
        ('"get_weather"', ["get_weather", "get", "weather"]),
        ("getWeather", ["getweather", "get", "weather"]),
        ("HTTPServer2", ["httpserver2", "http", "server", "2"]),
        ("a.get_weather()", ["a.get_weather", "a", "get_weather", "get", "weather"]),
        ("ada@example.com", ["ada@example.com", "ada", "example", "com"]),
        ("3.14", ["3.14", "3", "14"]),
        ("std::vector", ["std::vector", "std", "vector"]),
        ("don’t", ["don't", "don", "t"]),
        ("Well... _this_ -- is: fine!", ["well", "this", "is", "fine"]),
        ("x" * LONGEST_WORD, ["x" * LONGEST_WORD]),
        ("x" * (LONGEST_WORD + 1), []),
    ],
)
def test_identifiers_are_words_as_a_whole_and_by_their_parts(text: str, words: list[str]) -> None:
    assert cut(text) == words


def test_a_query_asks_for_pairs_of_a_run_unless_a_character_stands_alone() -> None:
    assert pairs("东京都 京 tea") == ["东京", "京都", "京", "tea"]


@given(st.text())
def test_places_are_those_of_the_words(text: str) -> None:
    assert [word.text for word in words_of(text)] == cut(text)
    for word in words_of(text):
        assert word.text
        assert 0 <= word.start < word.end <= len(text)


@given(st.text(), st.text())
def test_what_a_text_says_is_found_in_it(before: str, text: str) -> None:
    asked = set(pairs(text))
    assert asked <= set(cut(text))
    assert asked <= set(cut(f"{before}\n{text}\n"))


@given(st.text())
def test_composition_makes_no_difference(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)


@given(st.text(), st.data())
def test_words_that_are_looked_for_are_found_where_they_are(text: str, data: st.DataObject) -> None:
    wanted = data.draw(st.sets(st.sampled_from(cut(text) or [""])))

    def near(words: str) -> bool:
        return any(f"\n{word}\n" in words for word in wanted)

    found = [word for word in words_of(text, near=near) if word.text in wanted]
    assert found == [word for word in words_of(text) if word.text in wanted]
