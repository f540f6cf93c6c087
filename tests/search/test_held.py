"""Vectors that are held in memory: which are nearest, and when they are read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations import EmbeddingError
from sessionkit_integrations.search import held
from sessionkit_integrations.search.held import MOST_GONE, HeldVectors
from sessionkit_integrations.search.vectors import checked_vectors, similarities

ROWS = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=30)


@given(ROWS, st.integers(1, 8), st.integers(1, 9), st.sampled_from([-0.9601, 0.0001, 0.5003]))
def test_the_nearest_are_those_of_all(rows: list[tuple[int, int]], size: int, limit: int, least: float) -> None:
    vectors, (question,) = checked_vectors(rows, len(rows)), checked_vectors([[1, 2]], 1)
    owners = [f"s{number}" for number in range(len(rows))]
    kept = HeldVectors()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "BLOCK", 5)
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            kept.add(kept.last, min(start + size, len(rows)), owners[part], vectors[part])
    assert (len(kept), kept.last) == (len(rows), len(rows))
    found = kept.nearest(question, limit, least)
    expected = [cosine for cosine in similarities(question, vectors) if cosine > least]
    assert [cosine for cosine, _ in found] == pytest.approx(sorted(expected, reverse=True)[:limit], abs=1e-6)
    for cosine, owner in found:
        assert similarities(question, [vectors[int(owner[1:])]]) == [pytest.approx(cosine, abs=1e-6)]


def test_what_another_thread_read_is_held_once() -> None:
    kept = HeldVectors()
    for _ in range(2):
        kept.add(0, 2, ["a", "b"], [b"1234", b"5678"])
    assert (len(kept), kept.last) == (2, 2)


def test_another_source_and_too_many_that_are_gone_are_read_again() -> None:
    kept = HeldVectors()
    kept.refresh(1, 2)
    kept.add(0, 2, ["a"] * (MOST_GONE + 12), [b"1234"] * (MOST_GONE + 12))
    kept.refresh(1, 10)
    assert (len(kept), kept.last) == (MOST_GONE + 12, 2)
    kept.refresh(1, 9)
    assert (len(kept), kept.last) == (0, 0)
    kept.add(0, 2, ["a"], [b"1234"])
    kept.refresh(2, 1)
    assert (len(kept), kept.last) == (0, 0)
    assert kept.nearest(b"1234", 3, 0.0) == []


def test_vectors_of_other_lengths_are_refused() -> None:
    kept = HeldVectors()
    with pytest.raises(EmbeddingError, match="have 1 numbers, and the model now returns 2"):
        kept.add(0, 2, ["a", "b"], [b"12345678", b"1234"])
    kept.add(0, 1, ["a"], [b"1234"])
    with pytest.raises(EmbeddingError, match="have 1 numbers, and the model now returns 2"):
        kept.add(1, 2, ["b"], [b"12345678"])
    with pytest.raises(EmbeddingError, match="have 1 numbers, and the model now returns 2"):
        kept.nearest(b"12345678", 1, 0.0)
