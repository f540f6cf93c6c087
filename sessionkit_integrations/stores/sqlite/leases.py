"""Leases in a SQLite file, and writes that depend on one, as generators of statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.stores.sqlite.sql import Statement, transaction
from sessionkit_integrations.stores.turns import LEASE, turn_lost

if TYPE_CHECKING:
    from sessionkit_integrations.stores.sqlite.sql import Statements


def lease(session_id: str, name: str, holder: str, now: int, milliseconds: int) -> Statements[bool]:
    """Do what `Store.lease` says."""

    def work() -> Statements[bool]:
        yield Statement("DELETE FROM leases WHERE expires_at <= ?", (now,))
        yield Statement(
            "INSERT INTO leases (session_id, name, holder, expires_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (session_id, name) DO UPDATE SET expires_at = excluded.expires_at"
            " WHERE holder = excluded.holder",
            (session_id, name, holder, now + milliseconds),
        )
        changed: int = (yield Statement("SELECT changes()"))[0][0]
        return changed > 0

    return transaction(work())


def check_turn(session_id: str, holder: str, now: int) -> Statements[None]:
    """Refuse a write of a turn that is over.

    Raises:
        SessionBusyError: Somebody else has it, or nobody.
    """
    held = yield Statement(
        "SELECT 1 FROM leases WHERE session_id = ? AND name = ? AND holder = ? AND expires_at > ?",
        (session_id, LEASE, holder, now),
    )
    if not held:
        raise turn_lost(session_id)
