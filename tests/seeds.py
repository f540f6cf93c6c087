"""Seeds of tests that draw values without Hypothesis."""

from __future__ import annotations

import random

from hypothesis import settings


def new_seed() -> int:
    """Return 0, or another one each time where a run explores, as Hypothesis then does (``make explore``)."""
    return 0 if settings().derandomize else random.randrange(2**32)  # noqa: S311
