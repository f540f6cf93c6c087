"""Rankings by different measures, merged into one by the places that each gives.

Scores of different measures cannot be compared, but places can: an item gets ``1 / (60 + place)`` of each ranking that
has it (reciprocal rank fusion; 60 is the constant of the paper by Cormack, Clarke and Büttcher, 2009).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

T = TypeVar("T", bound="Hashable")

K = 60
"""Number that is added to each place, so that the first ones are not worth much more than those that follow."""


def fused(rankings: Sequence[Sequence[T]]) -> list[tuple[float, T]]:
    """Return all items of some rankings with their scores, the best first.

    Args:
        rankings: The rankings, each with its best item first and no item twice. Of items with equal scores, one of an
            earlier ranking comes first.
    """
    shares: dict[T, list[float]] = {}
    for ranking in rankings:
        for place, item in enumerate(ranking, 1):
            shares.setdefault(item, []).append(1 / (K + place))
    scores = [(math.fsum(share), item) for item, share in shares.items()]
    return sorted(scores, key=lambda scored: scored[0], reverse=True)
