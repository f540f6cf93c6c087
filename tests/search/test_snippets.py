"""Snippets: the piece of a turn that matches best, and its marks."""

from __future__ import annotations

import copy
import html
import pickle
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.search import snippets
from sessionkit_integrations.search.query import Query
from sessionkit_integrations.search.snippets import LENGTH, Snippet, snippet_of

if TYPE_CHECKING:
    from collections.abc import Callable

FILLER = "and so on, for a while, " * 20


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("peanuts", "No PEANUTS, please.", "No **PEANUTS**, please."),
        ("creme brulee", "Crème brûlée!", "**Crème** **brûlée**!"),
        ("weather", "I call get_weather now", "I call **get_weather** now"),
        ("get_weather", "I call get_weather now", "I call **get_weather** now"),
        ("schiff", "Dampfschifffahrt", "**Dampfschifffahrt**"),
        ("京都", "东京都。", "东**京都**。"),
        ("都市", "京都市内", "京**都市**内"),
        ("b\tc", "a\nb\tc", "a **b** **c**"),
        ("coffee", "no tea", "no tea"),
        ("", "any\ntea", "any tea"),
    ],
)
def test_what_matched_is_marked(query: str, text: str, marked: str) -> None:
    assert str(snippet_of([text], Query(query))) == marked


def test_the_piece_has_most_of_the_words() -> None:
    text = f"tea here {FILLER}tea with milk and sugar there {FILLER}milk"
    snippet = snippet_of(["tea", text, "milk"], Query("milk tea sugar"))
    assert str(snippet).startswith("…")
    assert "**tea** with **milk** and **sugar** there" in str(snippet)
    assert str(snippet).endswith("…")
    assert len(snippet.text) <= LENGTH + 2


def test_an_empty_query_cuts_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snippets, "words_of", None)
    assert snippet_of(["any tea", "milk"], Query("")) == Snippet("any tea")


def test_marks_are_of_the_callers_choice() -> None:
    snippet = snippet_of(["<b> tea & milk"], Query("tea milk"))
    assert snippet == Snippet("<b> tea & milk", ((4, 7), (10, 14)))
    assert snippet.marked("<mark>", "</mark>", html.escape) == "&lt;b&gt; <mark>tea</mark> &amp; <mark>milk</mark>"
    assert list(snippet.pieces()) == [("<b> ", False), ("tea", True), (" & ", False), ("milk", True)]
    assert snippet.marked("", "") == snippet.text


@pytest.mark.parametrize(
    "look",
    [str, repr, hash, asdict, copy.copy, copy.deepcopy, lambda snippet: pickle.loads(pickle.dumps(snippet))],  # noqa: S301 - our own
)
def test_a_snippet_that_is_made_later_is_like_any_other(look: Callable[[Snippet], Any]) -> None:
    made = Snippet("tea & milk", ((0, 3),))
    calls: list[Snippet] = []

    def make() -> Snippet:
        calls.append(made)
        return made

    later = Snippet.later(make)
    assert calls == []
    assert look(later) == look(made)
    assert (later, later.text, later.marks) == (made, made.text, made.marks)
    assert vars(later) == vars(made)
    assert calls == [made]


def test_a_snippet_has_no_other_attributes() -> None:
    later = Snippet.later(lambda: Snippet("tea"))
    with pytest.raises(AttributeError, match="'Snippet' object has no attribute 'texts'"):
        later.texts  # noqa: B018 - which is the point
    with pytest.raises(AttributeError, match="'Snippet' object has no attribute 'text'"):
        Snippet.__new__(Snippet).text  # noqa: B018 - nothing makes it


@given(st.lists(st.text(max_size=400), max_size=3), st.text(max_size=20))
def test_marks_are_in_order_and_within(texts: list[str], query: str) -> None:
    snippet = snippet_of(texts, Query(query))
    assert len(snippet.text) <= LENGTH + 2
    assert "\n" not in snippet.text
    places = [place for mark in snippet.marks for place in mark]
    assert places == sorted(set(places))
    assert all(0 <= place <= len(snippet.text) for place in places)
    assert "".join(piece for piece, _ in snippet.pieces()) == snippet.text
