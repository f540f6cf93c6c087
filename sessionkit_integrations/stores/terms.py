"""Terms that an index is asked for, and places that it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Terms(NamedTuple):
    """The terms of a query, folded and cut as `records.words` does; a message that has one of them matches.

    Attributes:
        words: Words to find as a whole.
        parts: The words that are also found inside longer ones.
        pairs: Words that follow each other in the query, which count more where they do so in a message.
        row: All words of the query in order, if they are more than a pair; a message that has them in a row ranks high.
    """

    words: tuple[str, ...]
    parts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    row: tuple[str, ...] = ()


class Place(NamedTuple):
    """The place of a message that an index found.

    Attributes:
        session_id: Its session.
        position: Its position in the archive, as `Store.read` counts it, or among the active records.
        archived: Whether it is in the archive.
        score: How well it matches: a number to compare within the same search.
    """

    session_id: str
    position: int
    archived: bool
    score: float


class Places(list[Place]):
    """Places that an index found among messages some of which it may not have read.

    Args:
        places: The places.
        complete: ``False`` if messages are missing that could not be read as they were indexed, such as encrypted ones.
    """

    def __init__(self, places: Iterable[Place], *, complete: bool) -> None:
        super().__init__(places)
        self.complete = complete
