"""A short piece of a turn that shows what matched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.records.words import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sessionkit_integrations.search.query import Query

LENGTH = 160
"""Characters of a snippet, without what shows that the text goes on."""
_MORE = "…"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTEXT = 40
"""Characters before the first match."""


@dataclass(frozen=True)
class Snippet:
    """A piece of a text, in one line, and the places in it that matched.

    Its string has two asterisks on both sides of each of them.

    Attributes:
        text: The piece.
        marks: The indexes of each match in it: of its first character, and after its last one.

    Examples:
        >>> snippet = Snippet("no peanuts, please", ((3, 10),))
        >>> str(snippet)
        'no **peanuts**, please'
        >>> snippet.marked("<mark>", "</mark>", html.escape)
        'no <mark>peanuts</mark>, please'
    """

    text: str
    marks: tuple[tuple[int, int], ...] = field(default_factory=tuple)

    @classmethod
    def later(cls, make: Callable[[], Snippet]) -> Snippet:
        """Return a snippet that is made when it is first looked at, as few are of many that are found."""
        snippet = cls.__new__(cls)
        vars(snippet)["_make"] = make
        return snippet

    def __getattr__(self, name: str) -> Any:
        own = vars(self)
        make = own.get("_make")
        if make is not None and name in {"text", "marks"}:
            own.update(vars(make()))
            own.pop("_make", None)  # it may hold a whole turn, and another thread may have been here as well
        if name not in own:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        return own[name]

    def __reduce__(self) -> tuple[type[Snippet], tuple[Any, ...]]:
        return type(self), (self.text, self.marks)

    def __str__(self) -> str:
        return self.marked()

    def marked(self, before: str = "**", after: str = "**", escape: Callable[[str], str] = str) -> str:
        """Return the text with its matches marked.

        Args:
            before: What comes before a match.
            after: What comes after it.
            escape: Changes each piece of the text, as `html.escape` does.
        """
        return "".join(
            f"{before}{escape(piece)}{after}" if is_match else escape(piece) for piece, is_match in self.pieces()
        )

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """Yield the pieces of the text in order, each with whether it matched."""
        position = 0
        for start, end in self.marks:
            if position < start:
                yield self.text[position:start], False
            yield self.text[start:end], True
            position = end
        if position < len(self.text):
            yield self.text[position:], False


def snippet_of(texts: Iterable[str], query: Query, length: int = LENGTH) -> Snippet:
    """Return the piece of some texts with most of a query's words; the beginning of the first text if it has none.

    Args:
        texts: The texts of a turn, in order.
        query: The query.
        length: Characters that the piece has at most.
    """
    best, most = Snippet(""), -1
    matched = cache(query.matches)
    near = re.compile("|".join(map(re.escape, query.words))).search  # a pattern is faster than a look at each
    for text in texts:
        words = words_of(text, near=near) if query.words else ()
        matches = [(found, word.start, word.end) for word in words if (found := matched(word.text)) is not None]
        start, many = _densest(matches, length - _CONTEXT)
        if many > most:
            best, most = _piece(text, start, [match[1:] for match in matches], length), many
    return best


def _densest(matches: list[tuple[str, int, int]], width: int) -> tuple[int, int]:
    """Return the place of the first match of the stretch that has most words of a query, and their number."""
    best, most = 0, 0
    counts: dict[str, int] = {}
    last = 0
    for first, (word, start, _) in enumerate(matches):
        while last < len(matches) and (matches[last][2] <= start + width or last == first):
            counts[matches[last][0]] = counts.get(matches[last][0], 0) + 1
            last += 1
        if len(counts) > most:
            best, most = start, len(counts)
        counts[word] -= 1
        if not counts[word]:
            del counts[word]
    return best, most


def _piece(text: str, match: int, matches: list[tuple[int, int]], length: int) -> Snippet:
    start = 0 if len(text) <= length else min(max(match - _CONTEXT, 0), len(text) - length)
    end = min(start + length, len(text))
    if start and (space := text.find(" ", start, match)) >= 0:  # a word is not cut where that can be helped
        start = space + 1
    last = max((stop for _, stop in matches if stop <= end), default=0)
    if end < len(text) and (space := text.rfind(" ", match, end)) >= last:
        end = space
    return _in_one_line(text, start, end, _merged(matches, start, end))


def _merged(matches: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Return the places between two indexes that matched, each once: words have parts, and neighbours overlap."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted((max(first, start), min(last, end)) for first, last in matches):
        if first >= last:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def _in_one_line(text: str, start: int, end: int, marks: list[tuple[int, int]]) -> Snippet:
    line = _CONTROLS.sub(" ", text[start:end])  # one for one, so that the places stay
    before = _MORE if start else ""
    shift = len(before) - start
    return Snippet(
        f"{before}{line}{_MORE if end < len(text) else ''}",
        tuple((first + shift, last + shift) for first, last in marks),
    )
