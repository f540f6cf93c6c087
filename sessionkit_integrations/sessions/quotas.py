"""Quotas: what a session may use in a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import QuotaExceededError
from sessionkit_integrations.records.record import now, role_of, tokens_of
from sessionkit_integrations.stores.limits import HIGHEST, PERIODS, Claim, Limit, admit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.stores.values import SessionInfo

_LIMIT = re.compile(r"(\d[\d_]{0,15})/([a-z]+)")


@dataclass(frozen=True)
class Quota:
    """User messages and tokens that each session may use, as a number in a second, a minute, an hour or a day.

    The whole number may be used at once; it is given back at an even rate. Only what has a user message in it is
    refused, with `QuotaExceededError`, so that a turn in progress can end. All else is counted.

    Args:
        messages: User messages, such as ``"20/minute"``; any number if ``None``.
        tokens: Tokens of all messages, as the manager's ``count_tokens`` counts them, such as ``"100000/day"``; any
            number if ``None``.

    Raises:
        TypeError: A limit is not a string.
        ValueError: A limit is not of that form, or there is none.

    Examples:
        >>> sessions = SessionManager(quota=Quota(messages="20/minute", tokens="100000/day"))
    """

    messages: str | None = None
    tokens: str | None = None

    def __post_init__(self) -> None:
        if not self.limits:
            raise ValueError('a quota must limit something: Quota(messages="20/minute", tokens="100000/day")')

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """The limits that there are."""
        given = (("messages", self.messages), ("tokens", self.tokens))
        return tuple(_parsed(kind, text) for kind, text in given if text is not None)

    def claim(self, records: Sequence[Record], *, refusable: bool = True) -> Claim | None:
        """Return what an append of records uses; ``None`` if that is limited by nothing.

        Args:
            records: The records.
            refusable: Whether it is refused where it has a user message; if not, it is only counted.

        Raises:
            QuotaExceededError: It uses more than a whole limit, so that no wait would help.
        """
        users = sum(role_of(record) == "user" for record in records)
        refusable = refusable and users > 0
        amounts = []
        for limit in self.limits:
            amount = users if limit.kind == "messages" else sum(map(tokens_of, records))
            if refusable and amount > limit.units:
                raise QuotaExceededError(str(limit), None)
            if amount or refusable:
                amounts.append((limit, amount))
        return Claim(tuple(amounts), refusable) if amounts else None

    def check(self, info: SessionInfo | None) -> None:
        """Check that a user message would not be refused now.

        Args:
            info: The session's figures, as `SessionManager.describe` returns them.

        Raises:
            QuotaExceededError: It would.
        """
        levels = () if info is None else info.levels
        admit(levels, Claim(tuple((limit, 1) for limit in self.limits), refusable=True), now())


def _parsed(kind: str, text: object) -> Limit:
    if not isinstance(text, str):
        raise TypeError(f'{kind} must be a str such as "20/minute", got {type(text).__name__}')
    found = _LIMIT.fullmatch(text.strip())
    units = int(found[1].replace("_", "")) if found else 0
    if found is None or units < 1 or found[2] not in PERIODS:
        raise ValueError(f'{kind} must be a number in a {", ".join(PERIODS)}, such as "20/minute"; got {text!r}')
    limit = Limit(kind, units, found[2])
    if 2 * limit.capacity > HIGHEST:
        raise ValueError(f"{kind} must be a rounder or a smaller number, got {text!r}")
    return limit
