"""The listing of a SQLite file's sessions, as a generator of statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.stores.sqlite.sql import Statement

if TYPE_CHECKING:
    from sessionkit_integrations.stores.sqlite.sql import Statements

PAGE = 1000
"""Session ids that one statement lists."""


def sessions(after: str, now: int) -> Statements[list[str]]:
    """Return the page of session ids that follows ``after``.

    Raises:
        StoreError: The file is damaged, so that the listing would never end.
    """
    rows = yield Statement(
        "SELECT session_id FROM sessions WHERE session_id > ? AND (expires_at IS NULL OR expires_at > ?)"
        " ORDER BY session_id LIMIT ?",
        (after, now, PAGE),
    )
    ids = [row[0] for row in rows]
    if ids and not (isinstance(ids[-1], str) and ids[-1] > after):
        raise StoreError("the file is damaged: its index of sessions is out of order")
    return ids
