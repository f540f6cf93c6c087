"""Rankings that are merged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.search.fusion import K, fused

rankings = st.lists(st.lists(st.integers(0, 9), unique=True, max_size=8), max_size=4)


def test_each_ranking_gives_a_share_by_the_place() -> None:
    assert fused([["a", "b"], ["b", "c"]]) == [
        (pytest.approx(1 / 62 + 1 / 61), "b"),
        (1 / 61, "a"),
        (1 / 62, "c"),
    ]
    assert K == 60
    assert fused([]) == []


def test_equals_keep_the_order_of_the_rankings() -> None:
    assert [item for _, item in fused([["words", "more words"], ["meaning"]])] == ["words", "meaning", "more words"]


@given(rankings)
def test_every_item_is_there_once_and_the_best_comes_first(found: list[list[int]]) -> None:
    merged = fused(found)
    assert sorted(item for _, item in merged) == sorted({item for ranking in found for item in ranking})
    scores = [score for score, _ in merged]
    assert scores == sorted(scores, reverse=True)


@given(rankings, st.randoms(use_true_random=False))
def test_the_order_of_the_rankings_changes_no_score(found: list[list[int]], chance: object) -> None:
    mixed = list(found)
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # Hypothesis calls its type otherwise
    assert dict(map(reversed, fused(found))) == dict(map(reversed, fused(mixed)))  # type: ignore[arg-type]


@given(rankings)
def test_what_is_ahead_in_every_ranking_is_ahead(found: list[list[int]]) -> None:
    ahead = [ranking for ranking in found if ranking[:1] != [0]]
    order = [item for _, item in fused([[10, *ranking] for ranking in ahead])]
    assert order[:1] == [10] * bool(ahead)
