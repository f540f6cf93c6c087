"""Times side by side: each side takes its turn in one process, so that all meet the same machine."""

from __future__ import annotations

import gc
import inspect
import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Side = Callable[[], Any]
"""A callable to measure; an awaitable that it returns is awaited."""

LEAST = 3
"""Measurements of a side, however long they take."""

WARM_UP = 3
RESAMPLES = 200
SEED = 5


@dataclass(frozen=True)
class Effort:
    """The effort to spend on measuring a side.

    Attributes:
        repetitions: How often it is measured.
        seconds: How long at most, but at least `LEAST` times.
    """

    repetitions: int
    seconds: float


@dataclass(frozen=True)
class Ratio:
    """The median of one side in proportion to another's.

    Attributes:
        value: The ratio of the medians.
        low: Where the interval begins that holds the ratio of 95 % of resamples of both sides (the bootstrap).
        high: Where it ends.
    """

    value: float
    low: float
    high: float


Clock = Callable[[], float]
"""A clock that gives seconds."""

processor_seconds: Clock = time.process_time
"""The seconds that this process has computed, in all its threads."""


async def contest(
    sides: Mapping[str, Side], effort: Effort, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Return how many seconds each side took on a clock, time after time."""
    if not sides:
        return {}
    for side in sides.values():
        for _ in range(min(WARM_UP, effort.repetitions)):
            if await _seconds(side, clock) > effort.seconds / LEAST:
                break
    times: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    gc.collect()
    gc.disable()
    try:
        for repetition in range(effort.repetitions):
            # What comes after something large finds cold caches, so they take turns at that as well.
            start = repetition % len(names)
            for name in names[start:] + names[:start]:
                if len(times[name]) < LEAST or sum(times[name]) < effort.seconds:
                    times[name].append(await _seconds(sides[name], clock))
    finally:
        gc.enable()
    return times


async def _seconds(side: Side, clock: Clock) -> float:
    start = clock()
    result = side()
    if inspect.isawaitable(result):
        await result
    return clock() - start


def in_turn(sides: Sequence[Side]) -> Side:
    """Return what does one after the other, and then again from the first."""
    supply = itertools.cycle(sides)

    def following() -> Any:
        return next(supply)()

    return following


def repeated(side: Side, times: int) -> Side:
    """Return what does the same some times."""

    def repeat() -> None:
        for _ in range(times):
            side()

    return repeat


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Return how one side compares with another."""
    chance = random.Random(SEED)  # noqa: S311 - the same resamples each time

    def resampled(values: Sequence[float]) -> float:
        return median(chance.choices(values, k=len(values)))

    ratios = sorted(resampled(ours) / resampled(theirs) for _ in range(RESAMPLES))
    edge = RESAMPLES // 40
    return Ratio(median(ours) / median(theirs), ratios[edge], ratios[-1 - edge])
