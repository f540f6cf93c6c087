"""Columns of a session that most writes neither read nor change, as statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.stores.limits import admit, levels_from, levels_text
from sessionkit_integrations.stores.sqlite.sql import Statement
from sessionkit_integrations.stores.totals import add_up, totals_from, totals_text

if TYPE_CHECKING:
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.limits import Claim, Level
    from sessionkit_integrations.stores.sqlite.sql import Statements


def admitted(session: int | None, claim: Claim, now: int) -> Statements[tuple[Level, ...]]:
    """Return the levels of a session after an append.

    Args:
        session: The session's row; ``None`` if there is none yet.
        claim: What the append uses.
        now: The writer's time.

    Raises:
        QuotaExceededError: A limit would be passed.
    """
    rows = yield Statement("SELECT CAST(quota AS TEXT) FROM sessions WHERE id = ?", (session,))
    return admit(levels_from(rows[0][0] or "" if rows else ""), claim, now)


def save_levels(session: int, levels: tuple[Level, ...]) -> Statements[None]:
    """Save the levels of a session."""
    yield Statement("UPDATE sessions SET quota = ? WHERE id = ?", (levels_text(levels), session))


def add_usage(session: int, usage: tuple[Usage, ...]) -> Statements[None]:
    """Add the tokens that providers reported to a session's."""
    rows = yield Statement("SELECT CAST(usage AS TEXT) FROM sessions WHERE id = ?", (session,))
    totals = add_up([*totals_from(rows[0][0] or ""), *usage])
    yield Statement("UPDATE sessions SET usage = ? WHERE id = ?", (totals_text(totals), session))
