"""A session to look at, made of what its store holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import StoreError, StoreUnavailableError
from sessionkit_integrations.records.record import decode
from sessionkit_integrations.records.tool_calls import text_or_empty
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.sessions.showing import show_records
from sessionkit_integrations.sessions.steps import describe
from sessionkit_integrations.window.turns import PLACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.runtime.steps import Steps
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot
    from sessionkit_integrations.stores.values import SessionInfo
    from sessionkit_integrations.view.model import MessageView
    from sessionkit_integrations.view.session import SessionView
    from sessionkit_integrations.window.turns import Place


def read_figures(session_id: str) -> Steps[SessionInfo | None]:
    """Return the figures of a session; ``None`` if it is not there, or if its reader may not ask for them."""
    try:
        return (yield from describe(session_id))
    except StoreUnavailableError:
        raise
    except StoreError as error:
        LOGGER.debug("the figures of session %r are not known: %s", session_id, error)
        return None


def view_of(snapshot: SessionSnapshot[Any], info: SessionInfo | None) -> SessionView:
    """Return the view of a session.

    Args:
        snapshot: What is stored of it.
        info: Its figures, if they are known.
    """
    # Imported where a session is looked at.
    from sessionkit_integrations.view.model import Figures  # noqa: PLC0415
    from sessionkit_integrations.view.reader import ViewReader  # noqa: PLC0415
    from sessionkit_integrations.view.session import SessionView  # noqa: PLC0415

    shown = snapshot.read_with(ViewReader())
    messages: dict[Place, list[MessageView]] = {place: shown.messages(place) for place in PLACES}
    messages["window"] = _with_open_calls(messages["window"], snapshot.active[snapshot.window_start :])
    figures = None if info is None else Figures(info.tokens, info.usage, info.forked_from, info.waiting_turns)
    limit = snapshot.window.trigger_turns
    return SessionView.of(snapshot.session_id, limit, messages, earlier=snapshot.archive_start, figures=figures)


def _with_open_calls(messages: Sequence[MessageView], records: Sequence[Record]) -> list[MessageView]:
    """Return messages whose calls say whether they are open: those for which a prompt has an answer made up."""
    unanswered: dict[int, Counter[tuple[str, str]]] = {}
    for each in show_records(records, over=True):
        if each.position is None:
            answer = decode(each.record)
            of = text_or_empty(answer.get("tool_call_id")), text_or_empty(answer.get("name"))
            unanswered.setdefault(each.anchor, Counter())[of] += 1
    marked = list(messages)
    for position, calls in unanswered.items():
        marked[position] = replace(
            marked[position],
            calls=tuple(replace(call, is_open=calls[call.id or "", call.name] > 0) for call in marked[position].calls),
        )
    return marked
