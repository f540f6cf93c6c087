"""Limits of what a session may use in a time: the rule, which every store applies in the append's own step.

The rule is GCRA, the generic cell rate algorithm: a session has a *level* for each limit, which rises by what is
written and falls at an even rate, the whole limit in its time. What would lift it above the limit is refused. So the
whole number may be used at once, and no moment begins a new period in which it may be used again.

All numbers are integers, so that Python and the scripts of Redis, whose numbers are floating-point, agree to the last
digit. A level is counted in parts of which one message or token has ``cost`` and of which ``rate`` are given back in a
millisecond. The two are the period and the units, divided by what both can be divided by.

The clock is the writer's, and never goes back for a session: a writer who comes later with a clock that is behind is
counted as of the last write.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import QuotaExceededError

if TYPE_CHECKING:
    from collections.abc import Iterable

HIGHEST = 2**52
"""Highest level: the sum of two of them is exact as a floating-point number."""

PERIODS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
"""Milliseconds of each unit of time."""

_LEVEL = re.compile(r"([mt])(\d{1,16}):(\d{1,16}):(\d{1,16})")


@dataclass(frozen=True)
class Limit:
    """A number of messages or tokens in a time.

    Attributes:
        kind: ``"messages"`` or ``"tokens"``.
        units: Their number.
        period: The unit of time, one of `PERIODS`.
    """

    kind: str
    units: int
    period: str

    @cached_property
    def cost(self) -> int:
        """Parts of a level that one message or token has."""
        return self._milliseconds // math.gcd(self.units, self._milliseconds)

    @cached_property
    def rate(self) -> int:
        """Parts of a level that are given back in a millisecond."""
        return self.units // math.gcd(self.units, self._milliseconds)

    @cached_property
    def capacity(self) -> int:
        """Level above which is refused."""
        return self.units * self.cost

    @property
    def letter(self) -> str:
        """The letter under which stores keep the level."""
        return self.kind[0]

    @property
    def _milliseconds(self) -> int:
        return PERIODS[self.period]

    def __str__(self) -> str:
        return f"{self.units} {self.kind}/{self.period}"


@dataclass(frozen=True)
class Level:
    """State of a limit of a session.

    Attributes:
        letter: The letter of the limit's kind.
        parts: What is used.
        cost: Parts of one message or token. Where another limit has another cost, the number of messages or tokens
            stays.
        at: Time as of which it is used, in Unix milliseconds.
    """

    letter: str
    parts: int
    cost: int
    at: int


@dataclass(frozen=True)
class Claim:
    """Asks for what an append uses.

    Attributes:
        amounts: The number of messages or tokens for each limit.
        refusable: Whether the append is refused if a limit is passed; if not, it is only counted.
    """

    amounts: tuple[tuple[Limit, int], ...]
    refusable: bool


def admit(levels: Iterable[Level], claim: Claim, now: int) -> tuple[Level, ...]:
    """Return the levels of a session after an append.

    Args:
        levels: The levels before it.
        claim: What the append uses.
        now: The writer's time, in Unix milliseconds.

    Raises:
        QuotaExceededError: A limit would be passed, and the claim may be refused.
    """
    after = {level.letter: level for level in levels}
    waits = []
    for limit, amount in claim.amounts:
        clock, left = _left(after.get(limit.letter), limit, now)
        need = min(amount * limit.cost, HIGHEST)
        over = left + need - limit.capacity
        if over > 0:
            waits.append((math.ceil(over / limit.rate) + clock - now, limit))
        after[limit.letter] = Level(limit.letter, min(left + need, HIGHEST), limit.cost, clock)
    if waits and claim.refusable:
        raise exceeded(*max(waits, key=lambda wait: wait[0]))
    return tuple(after.values())


def exceeded(milliseconds: int, limit: Limit) -> QuotaExceededError:
    """Return the error of an append that is refused for so long."""
    return QuotaExceededError(str(limit), milliseconds / 1000)


def levels_text(levels: Iterable[Level]) -> str:
    """Return the text as which stores keep levels; ``common.lua`` has the same parts."""
    return "".join(f"{level.letter}{level.parts}:{level.cost}:{level.at};" for level in levels)


def levels_from(text: str) -> tuple[Level, ...]:
    """Return the levels that a text holds; what is damaged is left out."""
    found = (_LEVEL.fullmatch(part) for part in text.split(";"))
    levels = (Level(each[1], int(each[2]), int(each[3]), int(each[4])) for each in found if each)
    return tuple(level for level in levels if level.cost)


def _left(level: Level | None, limit: Limit, now: int) -> tuple[int, int]:
    """Return the time by the session's clock, and the parts that are still used then."""
    if level is None:
        return now, 0
    clock, parts = max(now, level.at), min(level.parts, HIGHEST)
    if level.cost != limit.cost:
        parts = min(math.ceil(parts / level.cost * limit.cost), HIGHEST)  # as scripts do it
    return clock, max(parts - (clock - level.at) * limit.rate, 0)
