"""The lines of the benchmark's table."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.measuring import Ratio, contest, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.measuring import Effort, Side

_COMPARE = {"≤": operator.le, "<": operator.lt, "≥": operator.ge}


@dataclass(frozen=True)
class Target:
    """A target for a ratio or, where there is none, for our own figure.

    Attributes:
        relation: ``≤``, ``<`` or ``≥``.
        limit: What it is compared to.
    """

    relation: str
    limit: float

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:.3g}"

    def is_met_by(self, value: float) -> bool:
        """Return whether a value meets the target."""
        return bool(_COMPARE[self.relation](value, self.limit))


@dataclass(frozen=True)
class Line:
    """A measurement of us and of one other.

    Attributes:
        row: The row of targets that it belongs to.
        what: What was measured.
        unit: Of the figures.
        ours: Our figure; ``None`` where the other could not be measured.
        other: What we are compared to.
        theirs: Its figure.
        ratio: How ours compares with theirs.
        target: What the ratio is to be, or our figure where there is no ratio.
        note: What else is to be said.
        keeper: Whose reading this is, and
        turns: after how long a conversation: what the plot shows.
    """

    row: str
    what: str
    unit: str = ""
    ours: float | None = None
    other: str = ""
    theirs: float | None = None
    ratio: Ratio | None = None
    target: Target | None = None
    note: str = ""
    keeper: str = ""
    turns: int = 0

    @property
    def is_met(self) -> bool | None:
        """The verdict on the target; ``None`` where there is none."""
        value = self.ours if self.ratio is None else self.ratio.value
        return None if self.target is None or value is None else self.target.is_met_by(value)


@dataclass(frozen=True)
class Versus:
    """The package that a line compares us to.

    Attributes:
        name: What the table calls it.
        target: What the ratio is to be.
        note: What else is to be said.
    """

    name: str
    target: Target | None = None
    note: str = ""


def compared(row: str, what: str, unit: str, ours: Sequence[float], theirs: Sequence[float], versus: Versus) -> Line:
    """Return a line of two sides' figures."""
    return Line(
        row, what, unit, median(ours), versus.name, median(theirs), ratio(ours, theirs), versus.target, versus.note
    )


async def timed(row: str, what: str, ours: Side, others: Mapping[Versus, Side], effort: Effort) -> list[Line]:
    """Return the lines of a contest between us and others, none of which takes so long that we find cold caches."""
    times = await contest({"": ours, **{versus.name: side for versus, side in others.items()}}, effort)
    figures = {name: [seconds * 1e6 for seconds in each] for name, each in times.items()}
    return [compared(row, what, "µs", figures[""], figures[versus.name], versus) for versus in others]


def counted(row: str, what: str, unit: str, ours: float, theirs: float, versus: Versus) -> Line:
    """Return a line of two figures that are exact."""
    exact = Ratio(ours / theirs, ours / theirs, ours / theirs)
    return Line(row, what, unit, ours, versus.name, theirs, exact, versus.target, versus.note)


def in_microseconds(times: Sequence[float]) -> list[float]:
    """Return times that are given in seconds."""
    return [seconds * 1e6 for seconds in times]


def left_out(row: str, other: str, missing: Sequence[str]) -> Line:
    """Return the line of a peer that is not here."""
    return Line(row, "not measured", other=other, note=f"not installed: {', '.join(missing)}")
