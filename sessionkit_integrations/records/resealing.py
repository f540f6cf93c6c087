"""Records that are sealed in another way than before: with a newer key, or compressed, or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.records.sealed import Unopened, sealed_by
from sessionkit_integrations.records.sealing import Compress, Sealer

if TYPE_CHECKING:
    from sessionkit_integrations.records.sealing import Seal


class Resealer:
    """Seals records of a store again.

    Args:
        seal: The way in which they are to be sealed; ``None`` if they are not to be.
        read_with: More that opens them.
        prefix: The store's prefix, to which they are bound.
        max_bytes: Bytes that a record may have once it is opened.

    Attributes:
        hides: Whether nobody can read without a key what it seals.
    """

    def __init__(self, seal: Seal | None, read_with: Seal | None, prefix: str, max_bytes: int) -> None:
        self._writer = None if seal is None else Sealer(seal, prefix, max_bytes)
        self._readers = [Sealer(each, prefix, max_bytes) for each in (seal, read_with) if each is not None]
        if not self._readers:
            with suppress(MissingDependencyError):  # what is compressed needs no key
                self._readers.append(Sealer(Compress(), prefix, max_bytes))
        self.hides = self._writer is not None and self._writer.encrypt is not None

    def reseal(self, stored: Record, session_id: str) -> Record | None:
        """Return a record of a session as it is to be; the same if it is already, ``None`` if it cannot be opened."""
        before = sealed_by(stored)
        after = self._opened(stored, session_id) if before else stored
        if after is not None and self._writer is not None:
            after = self._writer.of(session_id).seal(after)
        return stored if after is not None and sealed_by(after) == before else after

    def _opened(self, stored: Record, session_id: str) -> Record | None:
        for reader in self._readers:
            opened: bytes = reader.of(session_id).open(stored)
            if type(opened) is not Unopened:
                return Record(bytes(opened))
        return None
