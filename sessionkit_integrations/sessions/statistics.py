"""Statistics of sessions: what was said, by whom, how long it took, and what it used."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from sessionkit_integrations.records.usage import Usage


@dataclass(frozen=True)
class ToolStatistics:
    """Use of a tool.

    Attributes:
        calls: How often it was called.
        failures: Results of it that say they are errors.
    """

    calls: int = 0
    failures: int = 0


@dataclass(frozen=True)
class AnswerTimes:
    """Seconds from a question to the last answer of its turn.

    Turns that were written at once, such as a question that was stored with its answer, have none.

    Attributes:
        count: The turns that have one.
        mean: Their mean; like the others ``None`` if there are no such turns.
        median: The time that half of them took at most.
        p95: The time that 95 of 100 of them took at most.
        longest: The longest.
    """

    count: int = 0
    mean: float | None = None
    median: float | None = None
    p95: float | None = None
    longest: float | None = None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> AnswerTimes:
        """Return the figures of some times."""
        if not seconds:
            return cls()
        ordered = sorted(seconds)
        mean = math.fsum(ordered) / len(ordered)
        return cls(len(ordered), mean, _quantile(ordered, 50), _quantile(ordered, 95), ordered[-1])


@dataclass(frozen=True)
class DayStatistics:
    """Statistics of the turns that began on a day.

    Attributes:
        day: The day, in UTC.
        turns: Their number.
        messages: The number of their messages.
        tokens: The tokens of their messages.
        usage: Tokens that providers counted, one for each model.
    """

    day: date
    turns: int
    messages: int
    tokens: int
    usage: tuple[Usage, ...]


@dataclass(frozen=True)
class Statistics:
    """Statistics of one session, or of all sessions of a store.

    Attributes:
        sessions: The sessions that have any of it.
        turns: Their turns, in the window and in the archive.
        messages: The number of messages by role.
        tokens: Tokens of the messages, as `SessionManager` counts them.
        usage: Tokens that providers counted, one for each model.
        tools: The tools that were called, by name.
        answer_times: The times that answers took.
        days: The days on which turns began, oldest first; turns whose time is not known are on none.
        unreadable: Sessions that could not be read. They are left out.
    """

    sessions: int
    turns: int
    messages: Mapping[str, int]
    tokens: int
    usage: tuple[Usage, ...]
    tools: Mapping[str, ToolStatistics]
    answer_times: AnswerTimes
    days: tuple[DayStatistics, ...]
    unreadable: int = 0

    def cost(self, price: Callable[[Usage], float]) -> float:
        """Return what the usage costs.

        Args:
            price: Returns the price of one model's usage.
        """
        return math.fsum(map(price, self.usage))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as values of JSON. Its lists of dicts go into a pandas ``DataFrame``.

        Examples:
            >>> pandas.DataFrame(sessions.statistics().to_dict()["days"])
        """
        tools = [{"tool": name, **asdict(tool)} for name, tool in self.tools.items()]
        return {
            "sessions": self.sessions,
            "turns": self.turns,
            "messages": dict(self.messages),
            "tokens": self.tokens,
            "usage": [asdict(usage) for usage in self.usage],
            "tools": tools,
            "answer_times": asdict(self.answer_times),
            "days": [_day(each) for each in self.days],
            "unreadable": self.unreadable,
        }


def _day(statistics: DayStatistics) -> dict[str, Any]:
    """Return a day as a row of numbers, with the usage of all models together."""
    fields = {name: value for name, value in vars(statistics).items() if name != "usage"}
    counts = ("input", "output", "cached", "reasoning")
    used = {name: sum(getattr(usage, name) for usage in statistics.usage) for name in counts}
    return {**fields, "day": statistics.day.isoformat(), **used}


def _quantile(ordered: Sequence[float], percent: int) -> float:
    """Return the value that so many of a hundred are at most."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
