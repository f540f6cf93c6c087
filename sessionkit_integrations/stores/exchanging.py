"""Exchanges of records on a store that can only replace them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import ConflictError
from sessionkit_integrations.stores.operation_ids import operation_id
from sessionkit_integrations.stores.values import Edit, Summarized

if TYPE_CHECKING:
    from sessionkit_integrations.stores.base import Store
    from sessionkit_integrations.stores.values import Exchange


def by_replacing(store: Store, session_id: str, exchange: Exchange) -> bool:
    """Do what `Store.exchange` says with the five methods of every store.

    An archive that is written again would be taken for one that waits for a summary, where the session has one. So the
    edit says what summaries have come to, and the session begins with it: it has a new time of creation, and no quota
    is used.
    """
    active = store.read(session_id)
    records = active.records
    if exchange.archived:
        records = store.read(session_id, archived=True).records
    made = exchange.made_in(records)
    if made is None:
        return False
    edit = Edit(active=tuple(made))
    if exchange.archived:
        info = store.describe(session_id)
        if info is None:
            return False
        summarized = Summarized(info.summarized, info.waiting, info.waiting_turns)
        edit = Edit(
            archive=tuple(made),
            clear_archive=True,
            summarized=summarized if info.summarized or info.waiting else None,
            forked_from=info.forked_from,
            usage=info.usage,
        )
    try:
        store.replace(session_id, edit, active.version, operation_id())
    except ConflictError:
        return False
    return True
