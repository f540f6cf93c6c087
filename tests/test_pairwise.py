"""A cover holds each pair of values, in far fewer cases than there are combinations."""

from __future__ import annotations

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from tests.pairwise import cover

_cases = st.lists(st.fixed_dictionaries({name: st.integers(0, 3) for name in "abc"}), max_size=40)


@given(cases=_cases)
def test_each_pair_is_in_a_chosen_case(cases: list[dict[str, int]]) -> None:
    chosen = cover(cases)
    assert chosen == sorted(set(chosen))
    for a, b in combinations("abc", 2):
        assert {(cases[number][a], cases[number][b]) for number in chosen} == {(case[a], case[b]) for case in cases}


def test_how_few_there_are() -> None:
    cases = [
        {"store": store, "adapter": adapter, "turns": turns, "call": call}
        for store, adapter, turns, call in product(range(7), range(3), range(3), range(2))
    ]
    assert len(cases) == 126
    assert len(cover(cases)) <= 24
    assert cover([{}, {}]) == [0]
    assert cover([{"a": 1}, {"a": 2}]) == [0, 1]
