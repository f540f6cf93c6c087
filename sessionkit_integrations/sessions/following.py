"""New records of a session since it was last looked at, though its window moves.

A look compares what is stored now with what was stored then. It needs to know nothing of what happened in between, so
that a notice of a write that was lost, or came twice, does no harm. Where others only added to the session, what is
stored now goes on where it ended: turns that left the window are at the end of the archive, or gone. The store's count
of added messages, where it has one, tells equal records apart, and whether all that were added are still there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sessionkit_integrations.sessions.comparing import Comparison, FoundRecord, Known, figures_of
from sessionkit_integrations.sessions.steps import EVERYTHING, Describe, ReadArchive

if TYPE_CHECKING:
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from sessionkit_integrations.stores.values import SessionInfo

Kind = Literal["added", "replaced", "deleted"]

_ATTEMPTS = 30
"""Reads of a session between two equal counts of its messages, after which it is written to all the time."""


@dataclass(frozen=True)
class Found:
    """A change of a session.

    Attributes:
        kind: What happened to it.
        records: The records that were added, oldest first, or those that are in the window now.
    """

    kind: Kind
    records: tuple[FoundRecord, ...] = ()


def known_of(info: SessionInfo | None) -> Known:
    """Return what the figures alone say of a session, in a store that counts."""
    return Known(figures_of(info), _appended(info), preamble=() if info is None else None)


def begin(chats: Chats[Any], session_id: str, *, counts: bool) -> Steps[tuple[Known, SessionSnapshot[Any]]]:
    """Return the present state of a session, and the session.

    Args:
        chats: The sessions.
        session_id: The session.
        counts: Whether the store counts what is added to a session, so that `look` asks for that as well.
    """
    now, snapshot, _, is_exact = yield from _see(chats, session_id, counts=counts, exactly=True)
    # Otherwise nobody knows which of the added messages the snapshot has.
    return now if is_exact else replace(now, appended=None), snapshot


def look(chats: Chats[Any], session_id: str, known: Known, *, counts: bool) -> Steps[tuple[Known, Found | None]]:
    """Return the present state of a session, and how it changed, if it did.

    Args:
        chats: The sessions.
        session_id: The session.
        known: Its state before.
        counts: As for `begin`.
    """
    # Without records or a count to go on from, the count has to be the snapshot's.
    exactly = known.preamble is None or known.appended is None
    now, snapshot, info, is_exact = yield from _see(chats, session_id, counts=counts, exactly=exactly)
    if not now.exists:
        return now, Found("deleted") if known.exists else None
    is_same = known.preamble is None or (known.preamble, known.turns) == (now.preamble, now.turns)
    if now.figures == known.figures and is_same:
        return now, None
    comparison = Comparison(snapshot, known, now, info)
    if known.preamble is None:
        records = (yield from comparison.counted()) if is_exact else None
    else:
        records = yield from comparison.compared()
    if records is None:
        settled = exactly or not counts or figures_of((yield from Describe(session_id))) == now.figures
        return now if settled and is_exact else replace(now, appended=None), Found("replaced", comparison.window())
    if not is_exact:
        now = replace(now, appended=None)
    elif now.appended is not None and known.appended is not None and known.preamble is not None:
        # The snapshot may hold more than was counted before it was read, and those are told now.
        now = replace(now, appended=max(now.appended, known.appended + len(records)))
    return now, Found("added", tuple(records)) if records else None


def _see(
    chats: Chats[Any], session_id: str, *, counts: bool, exactly: bool
) -> Steps[tuple[Known, SessionSnapshot[Any], SessionInfo | None, bool]]:
    """Return the present state of a session, the session, its figures, and whether they fit the snapshot.

    Args:
        chats: The sessions.
        session_id: The session.
        counts: As for `begin`.
        exactly: Whether to read it again while they are not.
    """
    attempts = 0
    while True:
        attempts += 1
        info = (yield from Describe(session_id)) if counts else None
        snapshot = yield from chats.take_snapshot(session_id, None)
        now = yield from _known(snapshot, info, counts=counts)
        if not (counts and exactly):
            return now, snapshot, info, True
        is_exact = figures_of((yield from Describe(session_id))) == now.figures
        if is_exact or attempts == _ATTEMPTS:
            return now, snapshot, info, is_exact


def _known(snapshot: SessionSnapshot[Any], info: SessionInfo | None, *, counts: bool) -> Steps[Known]:
    digests = tuple(map(hash, snapshot.active))
    preamble, turns = digests[: snapshot.preamble_end], digests[snapshot.preamble_end :]
    archived = 0
    if not turns:
        if counts:
            archived = 0 if info is None else info.archived
        else:
            archived = len((yield from ReadArchive(snapshot.session_id, EVERYTHING)).records)
    return Known(figures_of(info), _appended(info) if counts else None, preamble, turns, archived)


def _appended(info: SessionInfo | None) -> int | None:
    return 0 if info is None else info.appended
