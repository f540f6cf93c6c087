"""Words of commands and replies for what most sessions have none of: summaries, and the extras of a meta.

See ``common.lua`` for the form of extras, and ``replace.lua`` for what an edit says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from sessionkit_integrations.records.times import milliseconds
from sessionkit_integrations.stores.limits import exceeded, levels_from
from sessionkit_integrations.stores.totals import totals_from, totals_text
from sessionkit_integrations.window.turns import turn_too_long

if TYPE_CHECKING:
    from sessionkit_integrations.errors import SessionKitError
    from sessionkit_integrations.records.usage import Usage
    from sessionkit_integrations.stores.limits import Claim, Level
    from sessionkit_integrations.stores.values import Edit
    from sessionkit_integrations.window.turns import Window

_FORK, _USAGE = "f", "u"


def words_of(edit: Edit, staged: int = 0) -> str:
    """Return what an edit does to the summaries of a session, and the extras of one that is written as a whole.

    Args:
        edit: The edit.
        staged: The number of archived records that were staged for a session that begins.
    """
    if edit.summarized is not None:
        fork = "" if edit.forked_from is None else f"{_FORK}{quote(edit.forked_from, safe='')};"
        usage = f"{_USAGE}{totals_text(edit.usage)};" if edit.usage else ""
        count = f" {staged}" if edit.begins else ""
        return f"{edit.summarized.records} {edit.summarized.waiting} {edit.summarized.turns}{count};{fork}{usage}"
    if edit.covered is None:
        return ""
    created = milliseconds(edit.covered.created)
    return f"{edit.covered.records} {edit.covered.turns} {edit.covered.summarized} {0 if created is None else created}"


def read_extras(text: str) -> tuple[str | None, tuple[Usage, ...], tuple[Level, ...]]:
    """Return the session that a session is a fork of, the tokens that providers reported for it, and its levels."""
    extras = {part[:1]: part[1:] for part in text.split(";")}
    fork = extras.get(_FORK)
    return None if fork is None else unquote(fork), totals_from(extras.get(_USAGE, "")), levels_from(text)


def words_for(usage: tuple[Usage, ...], claim: Claim | None, opens: tuple[str, ...] | None) -> str:
    """Return what an append says of usage, limits and the seals that its reader opens, after its other settings."""
    words = f" u{totals_text(usage)}" if usage else ""
    if claim is not None:
        words += f" q{claim.refusable:d}"
        for limit, amount in claim.amounts:
            words += f"{limit.letter}{amount}:{limit.rate}:{limit.cost}:{limit.capacity},"
    if opens != ():
        words += " o*" if opens is None else f" o,{','.join(opens)},"
    return words


def refusal(number: int, window: Window, claim: Claim | None) -> SessionKitError:
    """Return the error for the number, below 0, by which an append says that it did nothing; see ``append.lua``."""
    if number == -1 or claim is None:
        return turn_too_long(window)
    milliseconds, index = divmod(-2 - number, 2)
    return exceeded(milliseconds, claim.amounts[index][0])
