"""Records that are sealed in another way than before: with a newer key, or compressed, or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import MissingDependencyError, SealError
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.records.sealed import Unopened, sealed_by
from sessionkit_integrations.records.sealing import Compress, Sealer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkit_integrations.records.sealing import Seal, SessionSealer
    from sessionkit_integrations.records.secrets import Secret


class Resealer:
    """Seals records of a store again.

    Args:
        seal: The way in which they are to be sealed; ``None`` if they are not to be.
        read_with: More that opens them.
        prefix: The store's prefix, to which they are bound.
        max_bytes: Bytes that a record may have once it is opened.

    Attributes:
        sealers: Those that open records; the first one seals them, if they are to be sealed.
        hides: Whether nobody can read without a key what it seals.
    """

    def __init__(self, seal: Seal | None, read_with: Seal | None, prefix: str, max_bytes: int) -> None:
        self.sealers = [Sealer(each, prefix, max_bytes) for each in (seal, read_with) if each is not None]
        if not self.sealers:
            with suppress(MissingDependencyError):  # what is compressed needs no key
                self.sealers.append(Sealer(Compress(), prefix, max_bytes))
        self._seals = seal is not None
        self.hides = self._seals and self.sealers[0].encrypt is not None

    def of(self, session_id: str, secrets: Sequence[Secret | None]) -> SessionResealer:
        """Return what seals the records of a session again.

        Args:
            session_id: The session.
            secrets: Its secret for each of `sealers`.
        """
        readers = [sealer.of(session_id, secret) for sealer, secret in zip(self.sealers, secrets, strict=True)]
        return SessionResealer(readers[0] if self._seals else None, readers)


class SessionResealer:
    """Seals records of a session again.

    Args:
        writer: Seals them; ``None`` if they are not to be sealed.
        readers: Open them.
    """

    def __init__(self, writer: SessionSealer | None, readers: Sequence[SessionSealer]) -> None:
        self._writer = writer
        self._readers = readers

    def reseal(self, stored: Record) -> Record | None:
        """Return a record as it is to be; the same if it is already, ``None`` if it cannot be opened, or not sealed."""
        before = sealed_by(stored)
        after = self._opened(stored) if before else stored
        if after is not None and self._writer is not None:
            try:
                after = self._writer.seal(after)
            except SealError:  # the session's secret was forgotten
                return None
        return stored if after is not None and sealed_by(after) == before else after

    def _opened(self, stored: Record) -> Record | None:
        for reader in self._readers:
            opened: bytes = reader.open(stored)
            if type(opened) is not Unopened:
                return Record(bytes(opened))
        return None
