"""Words of commands and replies for what most sessions have none of: summaries, and the extras of a meta.

See ``common.lua`` for the form of extras, and ``replace.lua`` for what an edit says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from sessionkit_integrations.records.times import milliseconds
from sessionkit_integrations.stores.totals import totals_from, totals_text

if TYPE_CHECKING:
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.values import Edit

_FORK, _USAGE = "f", "u"


def words_of(edit: Edit, staged: int | None = None) -> str:
    """Return what an edit does to the summaries of a session, and the extras of one that is written as a whole.

    Args:
        edit: The edit.
        staged: The number of archived records that were staged for a session which is not there yet; ``None`` if the
            edit is of one that may be there.
    """
    if edit.summarized is not None:
        fork = "" if edit.forked_from is None else f"{_FORK}{quote(edit.forked_from, safe='')};"
        usage = f"{_USAGE}{totals_text(edit.usage)};" if edit.usage else ""
        count = "" if staged is None else f" {staged}"
        return f"{edit.summarized.records} {edit.summarized.waiting} {edit.summarized.turns}{count};{fork}{usage}"
    if edit.covered is None:
        return ""
    created = milliseconds(edit.covered.created)
    return f"{edit.covered.records} {edit.covered.turns} {edit.covered.summarized} {0 if created is None else created}"


def read_extras(text: str) -> tuple[str | None, tuple[Usage, ...]]:
    """Return the session that a session is a fork of, and the tokens that providers reported for it."""
    extras = {part[:1]: part[1:] for part in text.split(";")}
    fork = extras.get(_FORK)
    return None if fork is None else unquote(fork), totals_from(extras.get(_USAGE, ""))
