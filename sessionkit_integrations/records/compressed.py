"""Compressed records, which whoever has no key opens."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.records.sealing import Compress, Sealer

if TYPE_CHECKING:
    from sessionkit_integrations.records.record import Record
    from sessionkit_integrations.records.sealing import SessionSealer

MOST_BYTES = 64 * 1024 * 1024
"""Bytes that a record may have once it is opened: what an index reads has no limit of its own."""


def opened_without_key(record: Record) -> Record:
    """Return a stored record as it was before it was compressed; an encrypted one is an `Unopened`."""
    with suppress(MissingDependencyError):
        return _opener().open(record)
    return record


@cache
def _opener() -> SessionSealer:
    return Sealer(Compress(), "", MOST_BYTES).of("")  # nothing binds what is compressed to a place
