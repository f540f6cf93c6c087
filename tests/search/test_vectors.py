"""Vectors of texts: the pieces that get one, and the checks of what a model returns."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import EmbeddingError
from sessionkit_integrations.records.search_texts import Searched
from sessionkit_integrations.search.vectors import (
    LONGEST_PIECE,
    MOST_PIECES,
    checked_vectors,
    pieces_of,
    similarities,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)


def said(*texts: str) -> Searched:
    return Searched("user", None, texts, ())


def numbers(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 4}f", vector)


@given(st.lists(st.text(), max_size=4))
def test_pieces_say_what_the_message_says(texts: list[str]) -> None:
    pieces = pieces_of(said(*texts))
    assert "".join(" ".join(each.text for each in pieces).split()) == "".join("\n".join(texts).split())
    assert all(each.text.strip() == each.text != "" for each in pieces)
    assert len({each.digest for each in pieces}) == len({each.text for each in pieces})


def test_long_texts_are_cut_between_words_and_at_some_point() -> None:
    words = " ".join(f"word{number}" for number in range(1000))
    pieces = [each.text for each in pieces_of(said(words))]
    assert " ".join(pieces) == words
    assert len(pieces) == 4
    assert max(map(len, pieces)) <= LONGEST_PIECE
    endless = [each.text for each in pieces_of(said("x" * 100_000))]
    assert endless == ["x" * LONGEST_PIECE] * MOST_PIECES
    assert pieces_of(said("  ", "\n")) == []


def test_a_digest_is_of_the_text_alone() -> None:
    (one,), (same,), (other,) = (
        pieces_of(said("tea")),
        pieces_of(Searched("tool", 5, ("tea",), ("x",))),
        pieces_of(said("Tea")),
    )
    assert one.digest == same.digest != other.digest
    assert len(one.digest) == 16
    assert len(pieces_of(said("\ud83d half a pair"))) == 1


@pytest.mark.parametrize(
    "returned", [[[3, 4], [0, -2]], [[3.0, 4.0], [0.0, -2.0]], ((3, 4), (0, -2)), [np.array([3, 4]), np.array([0, -2])]]
)
def test_vectors_are_kept_with_length_1(returned: Any) -> None:
    assert [numbers(each) for each in checked_vectors(returned, 2)] == [pytest.approx((0.6, 0.8)), (0, -1)]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int8", "uint8"])
def test_arrays_are_vectors(kind: str) -> None:
    assert [numbers(each) for each in checked_vectors(np.array([[3, 4], [0, 0]], kind), 2)] == [
        pytest.approx((0.6, 0.8)),
        (0, 0),
    ]


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_any_finite_numbers_make_a_vector_of_length_1(row: list[float]) -> None:
    (vector,) = checked_vectors([row], 1)
    length = math.hypot(*numbers(vector))
    assert length == pytest.approx(1 if any(row) else 0, abs=1e-6)
    assert similarities(vector, [vector]) == [pytest.approx(length, abs=1e-6)]


@pytest.mark.parametrize(
    ("returned", "count", "problem"),
    [
        ([[1, 2]], 2, "a vector for each text, got 1 for 2"),
        ([[1, 2], [3, 4]], 1, "a vector for each text, got 2 for 1"),
        ([[1, 2], [3]], 2, "vectors of one length"),
        ([1, 2], 2, "a list of vectors, each a list of numbers; got a list of int64 with 1 dimensions"),
        ([[[1]]], 1, "a list of vectors"),
        ([["1", "2"]], 1, "a list of numbers"),
        ([[True, False]], 1, "a list of numbers"),
        ([[1j]], 1, "a list of numbers"),
        ([[1, None]], 1, "a list of numbers"),
        (None, 1, "got a NoneType"),
        ("text", 1, "got a str"),
        ({"data": []}, 1, "got a dict"),
        ([[]], 1, "vectors without numbers"),
        ([[1, math.nan]], 1, "not finite"),
        ([[1, -math.inf]], 1, "not finite"),
    ],
)
def test_all_else_is_an_error_that_says_why(returned: Any, count: int, problem: str) -> None:
    with pytest.raises(EmbeddingError, match=problem):
        checked_vectors(returned, count)


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=5))
def test_similarities_are_cosines(rows: list[list[float]]) -> None:
    vectors = checked_vectors(rows, len(rows))
    expected = [math.fsum(a * b for a, b in zip(numbers(vectors[0]), numbers(each), strict=True)) for each in vectors]
    assert similarities(vectors[0], vectors) == pytest.approx(expected, abs=1e-6)
    assert all(-1 <= each <= 1 for each in similarities(vectors[0], vectors))
    assert similarities(vectors[0], []) == []


def test_vectors_of_different_lengths_are_not_compared() -> None:
    (question,), (kept,) = checked_vectors([[1, 2, 3]], 1), checked_vectors([[1, 2]], 1)
    with pytest.raises(EmbeddingError, match=r"have 2 numbers, and the model now returns 3: .* Embed\(model, name=…\)"):
        similarities(question, [kept])
