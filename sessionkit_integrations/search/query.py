"""A query: the words to find, and the turns among which to look."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from sessionkit_integrations.records.messages import DEVELOPER, ROLES
from sessionkit_integrations.records.times import milliseconds
from sessionkit_integrations.records.words import cut_to_text, words_of
from sessionkit_integrations.stores.options import check_seconds
from sessionkit_integrations.stores.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_WORDS = 100
"""Words of a query that count, the first ones."""
SHORTEST_PART = 3
"""Characters of a word that is also found inside longer ones."""
WEIGHT_OF_PART = 0.5
"""Weight of a word inside a longer one beside 1 of a whole one, which counts as both."""
WEIGHT_OF_PAIR = 1.0
"""Weight of two words that follow each other as in the query."""


class Counts(NamedTuple):
    """The terms of a query in a text.

    Attributes:
        terms: How often each term occurs in it; those that do not are left out.
        length: The number of its words. The number of spaces may stand for it if no term occurs.
    """

    terms: Mapping[int, int]
    length: int


class _Term(NamedTuple):
    """A term of a query.

    Attributes:
        number: The index of its weight.
        said: The text that is counted in what `cut_to_text` returns.
        word: A word without which it is not there.
    """

    number: int
    said: str
    word: str


@dataclass(frozen=True)
class Query:
    """A checked query; see `SessionManager.search` for its arguments.

    A term is the index of one of `weights`: first come the words as a whole, then those that are also found inside
    longer ones, then pairs of neighbours, then all words in a row, which weigh as much as they are.

    Raises:
        TypeError, ValueError: An argument has a wrong type or value.
    """

    text: str
    roles: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    tool: str | None = None
    archived: bool = False
    limit: int = 10
    words: tuple[str, ...] = field(init=False)
    parts: tuple[str, ...] = field(init=False)
    pairs: tuple[str, ...] = field(init=False)
    rows: tuple[str, ...] = field(init=False)
    weights: tuple[float, ...] = field(init=False)
    _terms: Sequence[_Term] = field(init=False)

    def __post_init__(self) -> None:
        for name, value in (("query", self.text), ("tool", self.tool)):
            if not isinstance(value, str) and not (name == "tool" and value is None):
                raise TypeError(f"{name} must be a string, got {type(value).__name__}")
        if not isinstance(self.archived, bool):
            raise TypeError(f"archived must be True or False, got {type(self.archived).__name__}")
        if type(self.limit) is not int:
            raise TypeError(f"limit must be an integer, got {type(self.limit).__name__}")
        if self.limit < 1:
            raise ValueError(f"limit must be at least 1, got {self.limit}")
        _check_time("since", self.since)
        _check_time("until", self.until)
        object.__setattr__(self, "roles", _checked_roles(self.roles))
        said = [word.text for word in islice(words_of(self.text, singles=False), MAX_WORDS)]
        words = tuple(dict.fromkeys(said))
        parts = tuple(word for word in words if len(word) >= SHORTEST_PART)
        pairs = tuple(dict.fromkeys(map(_in_a_row, pairwise(said))))
        rows = (_in_a_row(said),) * (len(said) > 2)  # noqa: PLR2004 - fewer are a pair or a word
        weights = (1.0,) * len(words) + (WEIGHT_OF_PART,) * len(parts) + (WEIGHT_OF_PAIR,) * len(pairs)
        weights += (float(len(said)),) * len(rows)
        found = (*(_in_a_row((word,)) for word in words), *parts, *pairs, *rows)
        terms = [_Term(number, said, max(said.split(), key=len)) for number, said in enumerate(found)]
        made = {"words": words, "parts": parts, "pairs": pairs, "rows": rows, "weights": weights, "_terms": terms}
        for name, each in made.items():
            object.__setattr__(self, name, each)

    @property
    def lists(self) -> bool:
        """True if the query says nothing, so that turns are listed by time."""
        return not self.text.strip()

    @property
    def terms(self) -> Terms:
        """Terms that an index of a store is asked for."""
        pairs = tuple((first, second) for first, second in map(_apart, self.pairs))
        return Terms(self.words, self.parts, pairs, *map(tuple, map(_apart, self.rows)))

    def includes_time(self, at: int | None) -> bool:
        """Return whether a turn of a time, in Unix milliseconds, is looked at."""
        if self.since is None and self.until is None:
            return True
        since, until = milliseconds(self.since), milliseconds(self.until)
        return at is not None and (since is None or since <= at) and (until is None or at < until)

    def counts(self, text: str) -> Counts:
        """Return how often each term occurs in a text."""
        terms = self._terms
        if text.isascii():  # then words that it lacks are known before it is cut, in a tenth of the time
            folded = text.lower()
            terms = [term for term in terms if term.word in folded]
            if not terms:
                return Counts({}, text.count(" ") + 1)
        words = cut_to_text(text)
        found = {number: count for number, said, _ in terms if (count := words.count(said))}
        return Counts(found, words.count("\n") // 2)

    def matches(self, word: str) -> str | None:
        """Return the word of the query that a word is or contains, or ``None``."""
        return word if word in self.words else next((part for part in self.parts if part in word), None)


def _in_a_row(words: Sequence[str]) -> str:
    """Return words that follow each other, as `cut_to_text` has them."""
    return "\n\n".join(words).join("\n\n")


def _apart(row: str) -> list[str]:
    """Return the words of what `_in_a_row` returned."""
    return row[1:-1].split("\n\n")


def checked_timeout(timeout: float) -> float:
    """Return a number of seconds that a search may take.

    Raises:
        TypeError, ValueError: It is not a number above 0.
    """
    check_seconds("timeout", timeout)
    if math.isnan(timeout) or timeout <= 0:
        raise ValueError(f"timeout must be above 0, got {timeout}")
    return timeout


def _check_time(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, datetime):
        raise TypeError(f"{name} must be a datetime, got {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError(f"{name} must say its time zone, as in datetime.now(timezone.utc); got {value!r}")


def _checked_roles(roles: object) -> frozenset[str] | None:
    if roles is None:
        return None
    if isinstance(roles, str) or not isinstance(roles, Collection):
        raise TypeError(f'roles must be a collection of roles, as in ["user"], got {type(roles).__name__}')
    known = ROLES | {DEVELOPER}
    for role in roles:
        if not isinstance(role, str) or role not in known:
            raise ValueError(f"roles must be some of {', '.join(sorted(ROLES))}, got {role!r}")
    if not roles:
        raise ValueError("roles must name at least one role; None stands for all")
    return frozenset("system" if role == DEVELOPER else role for role in roles)
