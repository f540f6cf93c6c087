"""Check of how the records of a store are sealed, and whether the keys that are given open them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, ok, warn
from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.encryption import VARIABLE
from sessionkit_integrations.records.sealed import key_id_of
from sessionkit_integrations.sessions.counting_seals import count_seals
from sessionkit_integrations.sessions.steps import run_on
from sessionkit_integrations.stores.sqlite.store import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.records.encryption import Encrypt
    from sessionkit_integrations.sessions.counting_seals import SealCounts
    from sessionkit_integrations.stores.base import Store

MOST_RECORDS = 5000
"""Records that are looked at."""

SECONDS = 5.0
"""Time for which records are looked at."""

_MOST_WAYS = 10
"""Ways of sealing that are named."""

_NAME = "seals"


def run(store: Store, keys: Encrypt | None) -> Iterator[Check]:
    """Count records by how they are sealed; say nothing where none is, and no key is given."""
    if isinstance(store, SQLiteStore) and not Path(store.path).exists():
        return  # a look would make the file
    try:
        counts = run_on(store, count_seals(MOST_RECORDS, SECONDS))
    except StoreError as error:
        if keys is not None:
            yield warn(_NAME, f"could not be checked: {error}")
        return
    if keys is None and counts.records.keys() <= {""}:
        return
    key_ids = () if keys is None else keys.key_ids
    unknown = sum(
        number for by, number in counts.records.items() if (key_id := key_id_of(by)) and key_id not in key_ids
    )
    text = _described(counts)
    if keys is not None and (waiting := _waiting(counts, keys.key_id) - unknown):
        text += f"; {waiting} wait for the newest key, which sessionkit reseal gives them"
    if unknown:
        yield warn(_NAME, f"{text}; {unknown} need a key that {VARIABLE} does not have")
    else:
        yield ok(_NAME, text)


def _described(counts: SealCounts) -> str:
    ways = counts.records.most_common(_MOST_WAYS)
    named = ", ".join(f"{number} {by or 'plain'}" for by, number in ways) or "none"
    first = "" if counts.complete else "the first "
    return f"{first}{counts.records.total()} records, in {counts.sessions} sessions: {named}"


def _waiting(counts: SealCounts, newest: str) -> int:
    return sum(number for by, number in counts.records.items() if key_id_of(by) != newest)
