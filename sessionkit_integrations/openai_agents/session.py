"""Chats as sessions of the OpenAI Agents SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.openai_agents.ids import tell_apart
from sessionkit_integrations.records.record import time_written
from sessionkit_integrations.sessions import edits
from sessionkit_integrations.sessions.edits import EditPlan
from sessionkit_integrations.sessions.manager import check_manager
from sessionkit_integrations.sessions.showing import ShownRecord
from sessionkit_integrations.window.turns import NO_LIMIT, number_turns

try:
    from agents.memory import SessionABC, SessionSettings
except ImportError as error:
    raise MissingDependencyError("SessionKitSession", "openai-agents") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents import TResponseInputItem

    from sessionkit_integrations.openai_agents.kinds import Item
    from sessionkit_integrations.sessions.chats import Chats
    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot


class SessionKitSession(SessionABC):
    """A session for the runs of the OpenAI Agents SDK: ``Runner.run(agent, "Hello!", session=…)``.

    Items come back equal, and only what is stored. The items of one turn leave the window together. Calls of other
    frameworks whose ids repeat get ids of their own, as the SDK takes calls with one id for one call.

    Args:
        session_id: The session.
        sessions: Where it is.
        session_settings: The SDK's settings. Their ``limit`` holds where `get_items` is given none.

    Raises:
        TypeError: ``sessions`` is not a `SessionManager`.
        InvalidSessionIdError, InvalidMessageError, StoreError: From its methods, as `SessionManager` has them.

    Examples:
        >>> session = SessionKitSession("user123", SessionManager(memory_window=10))
        >>> result = await Runner.run(agent, "Hello!", session=session)
    """

    def __init__(
        self, session_id: str, sessions: SessionManager, *, session_settings: SessionSettings | None = None
    ) -> None:
        check_manager(sessions)
        self.session_id = session_id
        # With any limit, the SDK leaves results out of a prompt whose calls have left the window.
        self.session_settings: SessionSettings | None = session_settings or SessionSettings(limit=NO_LIMIT)
        self._chats: Chats[Sequence[Item]] = sessions.using(OpenAIAgentsCodec())

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Return the items in the session's window, oldest first.

        Args:
            limit: Most items to return: the newest turns that fit as a whole or, of a last turn that is
                longer, its newest items. The preamble comes before the oldest turn. ``None`` stands for the limit in
                the ``session_settings``.
        """
        if limit is None and self.session_settings is not None:
            limit = self.session_settings.limit
        snapshot = await self._chats.asnapshot(self.session_id)
        return _typed(_newest(snapshot, limit))

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Add items to the session, all at once."""
        given: list[Item] = list(items)  # type: ignore[arg-type]  # which are dicts
        await self._chats.aappend(self.session_id, [[item] for item in given])

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove the newest item, and return it; ``None`` if there is none."""

        def pop(session: SessionSnapshot[Sequence[Item]]) -> EditPlan[Item | None]:
            kept = session.kept
            if not kept:
                return EditPlan(None)
            last = len(kept) - 1
            (items,) = session.read([ShownRecord(kept[last], last, last)])
            rest = self._chats.encode([items[:-1]], at=time_written(kept[last]))
            return EditPlan(_newest(session, 1)[0], active=[*kept[:last], *rest])

        item = await self._chats.aedit(self.session_id, pop)
        return None if item is None else _typed([item])[0]

    async def clear_session(self) -> None:
        """Delete all that is kept of the session."""
        await self._chats.adelete(self.session_id)

    async def _read_compaction_items(self, limit: int | None) -> tuple[list[TResponseInputItem], bool]:
        """Return the newest items, and whether they are fewer than the limit: all that there are.

        The SDK's compaction asks, and replaces all items by what it made of those. It would take the whole turns that
        `get_items` returns for all.
        """
        if limit is None:
            return await self.get_items(), False
        items = await self.get_items(NO_LIMIT)
        return items[-limit:], len(items) < limit

    async def _atomic_replace_items(self, items: list[TResponseInputItem]) -> bool:
        """Replace all items in the window, as the SDK's compaction does; what its archive holds stays."""
        given: list[Item] = list(items)  # type: ignore[arg-type]  # which are dicts
        records = await self._chats.aencode([[item] for item in given])
        await self._chats.aedit(self.session_id, edits.replace_all(records))
        return True


def _newest(session: SessionSnapshot[Sequence[Item]], limit: int | None) -> list[Item]:
    """Return the newest items of a session, by whole turns; see `SessionKitSession.get_items`."""
    numbers = [0] * session.preamble_end + number_turns(session.roles[session.window_start :])
    turns: dict[int, list[Item]] = {}
    messages: list[Any] = session.messages("preamble", "window")
    tell_apart(messages)
    for number, items in zip(numbers, messages, strict=True):
        turns.setdefault(number, []).extend(items)
    newest: list[Item] = []
    for turn in reversed(turns.values()):
        if limit is not None and len(newest) + len(turn) > limit:
            return newest or turn[len(turn) - max(limit, 0) :]
        newest = turn + newest
    return newest


def _typed(items: Sequence[Item]) -> list[TResponseInputItem]:
    found: list[TResponseInputItem] = list(items)  # type: ignore[arg-type]  # which are its dicts
    return found
