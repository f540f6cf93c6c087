"""Columns of a session that most writes neither read nor change, as statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.stores.sqlite.sql import Statement
from sessionkit_integrations.stores.totals import add_up, totals_from, totals_text

if TYPE_CHECKING:
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.sqlite.sql import Statements


def add_usage(session: int, usage: tuple[Usage, ...]) -> Statements[None]:
    """Add the tokens that providers reported to those of a session."""
    rows = yield Statement("SELECT CAST(usage AS TEXT) FROM sessions WHERE id = ?", (session,))
    totals = add_up([*totals_from(rows[0][0] or ""), *usage])
    yield Statement("UPDATE sessions SET usage = ? WHERE id = ?", (totals_text(totals), session))
