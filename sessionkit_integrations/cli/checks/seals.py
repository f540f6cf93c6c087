"""Check of how the records of a store are sealed, and whether the keys that are given open them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, ok, warn
from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.encryption import VARIABLE
from sessionkit_integrations.records.sealed import key_id_of, needs_secret
from sessionkit_integrations.sessions.counting_seals import count_seals
from sessionkit_integrations.sessions.steps import run_on
from sessionkit_integrations.stores.sqlite.store import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
_KEY, _SECRET, _NEWEST = "another key", "a secret", "the newest key"


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
    needs = Counter[str]()
    for by, number in counts.records.items():
        needs[_need(by, key_ids)] += number
    unknown, secret, waiting = needs[_KEY], needs[_SECRET], needs[_NEWEST]
    text = _described(counts)
    if waiting:
        text += f"; {waiting} wait for the newest key, which sessionkit reseal gives them"
    if secret:
        text += f"; {secret} need a secret of their session, which only your application has"
    if unknown:
        yield warn(_NAME, f"{text}; {unknown} need a key that {VARIABLE} does not have")
    else:
        yield ok(_NAME, text)


def _need(by: str, key_ids: Sequence[str]) -> str:
    """Return what a record needs that is sealed in some way, besides the keys that are given."""
    key_id = key_id_of(by)
    if key_id is not None and key_id not in key_ids:
        return _KEY
    if needs_secret(by):
        return _SECRET
    return _NEWEST if key_ids and key_id != key_ids[0] else ""


def _described(counts: SealCounts) -> str:
    ways = counts.records.most_common(_MOST_WAYS)
    named = ", ".join(f"{number} {by or 'plain'}" for by, number in ways) or "none"
    first = "" if counts.complete else "the first "
    return f"{first}{counts.records.total()} records, in {counts.sessions} sessions: {named}"
