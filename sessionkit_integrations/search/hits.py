"""The outcome of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from datetime import datetime

    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.search.snippets import Snippet


@dataclass(frozen=True)
class Hit:
    """A turn that was found.

    Attributes:
        session_id: The session that it is in.
        messages: All messages of the turn, a valid prompt: each call is followed by its result.
        at: Time of its first message, in UTC; ``None`` if it is not known.
        score: How well it matches, by BM25: a number to compare within the same search. 0 for an empty query.
        snippet: The piece of it that matches best.
        archived: Whether it left the window.
        position: Number of messages before it: all that the archive and then the window hold, without the preamble.
            ``sessionkit show --around`` takes it. It stays the same as turns leave the window for an archive.

    Examples:
        >>> hit = sessions.search("hello", session_id="user123")[0]
        >>> hit.session_id, hit.archived, str(hit.snippet)
        ('user123', False, '**Hello**!')
    """

    session_id: str
    messages: list[Message]
    at: datetime | None
    score: float
    snippet: Snippet
    archived: bool
    position: int


@dataclass(frozen=True)
class Hits(Sequence[Hit]):
    """The turns that were found, the best first: a sequence.

    Attributes:
        hits: The turns.
        complete: Whether all was looked at. It was not if the time was over first, if a session could not be read, if
            an index lacks what it could not read, as what is encrypted, or if a turn that was found was changed before
            it could be returned.

    Examples:
        >>> hits = sessions.search("hello")
        >>> len(hits), hits.complete
        (1, True)
    """

    hits: tuple[Hit, ...]
    complete: bool

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, index: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[index]

    def __len__(self) -> int:
        return len(self.hits)
