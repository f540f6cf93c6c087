"""The ranking beside BM25 over all turns at once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.search.ranking import K1, B, Ranking

WEIGHTS = (1.0, 0.5, 1.0)
Turn = tuple[dict[int, int], int, "int | None"]

turns = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 2), st.integers(1, 3), max_size=3),
        st.integers(0, 4),
        st.none() | st.integers(0, 3),
    ).map(lambda turn: (turn[0], sum(turn[0].values()) + turn[1], turn[2])),
    max_size=30,
)


def naive(documents: list[Turn], limit: int) -> list[tuple[float, int]]:
    """Return the best turns with their scores, each by its number."""
    scored = []
    for number, (counts, length, at) in enumerate(documents):
        score = 0.0
        for term, count in counts.items():
            found_in = sum(term in other for other, _, _ in documents)
            idf = math.log(1 + (len(documents) - found_in + 0.5) / (found_in + 0.5))
            mean = sum(each for _, each, _ in documents) / len(documents)
            score += WEIGHTS[term] * idf * count * (K1 + 1) / (count + K1 * (1 - B + B * length / mean))
        if counts:
            scored.append((-round(score, 9), -(-1 if at is None else at), number))
    return [(-score, number) for score, _, number in sorted(scored)[:limit]]


@given(turns, st.integers(1, 5))
def test_the_best_turns_are_those_of_bm25_over_all(documents: list[Turn], limit: int) -> None:
    ranking = Ranking[int](WEIGHTS, limit)
    for number, (counts, length, at) in enumerate(documents):
        ranking.add(counts, length, at, number)
    assert [(round(score, 9), number) for score, number in ranking.best()] == naive(documents, limit)


def test_scores_are_those_of_the_formula() -> None:
    ranking = Ranking[str]((1.0,), 2)
    ranking.add({0: 1}, 4, 1, "one")
    ranking.add({0: 3}, 6, 2, "three")
    ranking.add({}, 5, 3, "none")
    (first, third), (second, one) = ranking.best()
    assert (third, one) == ("three", "one")
    assert first == pytest.approx(math.log(1.6) * 3 * 2.2 / (3 + 1.2 * (0.25 + 0.75 * 6 / 5)))
    assert second == pytest.approx(math.log(1.6) * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 4 / 5)))


def test_without_terms_the_newest_are_the_best() -> None:
    ranking = Ranking[str]((), 3)
    for at, name in ((5, "new"), (None, "unknown"), (1, "old"), (5, "same"), (3, "middle")):
        ranking.add({}, 9, at, name)
    assert ranking.best() == [(0.0, "new"), (0.0, "same"), (0.0, "middle")]


def test_turns_that_can_be_none_of_the_best_are_not_kept() -> None:
    ranking = Ranking[int]((1.0, 1.0), 10)
    for number in range(10_000):
        ranking.add({0: 1 + number % 3, 1: 1}, 10 + number % 50, number, number)
    assert ranking.kept == 30
    assert len(ranking.best()) == 10
