"""Covers of combinations: each value of a parameter with each value of every other, not all values with all others."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

Choice = tuple[str, "Hashable"]


def cover(cases: Sequence[Mapping[str, Hashable]]) -> list[int]:
    """Return the numbers of cases that hold every pair of values that any case holds, in order.

    Each time the case with the most pairs that are missing is taken, the first of several.

    Args:
        cases: The value of each parameter, by its name.
    """
    pairs = [set(combinations(sorted(case.items(), key=_name), min(2, len(case)))) for case in cases]
    missing = set[tuple[Choice, ...]]().union(*pairs)
    chosen = []
    while missing:
        best = max(range(len(cases)), key=lambda number: (len(pairs[number] & missing), -number))
        missing -= pairs[best]
        chosen.append(best)
    return sorted(chosen)


def _name(choice: Choice) -> str:
    return choice[0]
