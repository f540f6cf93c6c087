"""Ways in which records of a session were sealed."""

from __future__ import annotations

import re
from binascii import a2b_base64
from typing import TYPE_CHECKING

from sessionkit_integrations.records import zstd
from sessionkit_integrations.records.sealed import NotOpenedError
from sessionkit_integrations.records.sealed_parts import BACKSLASH, ROLES

if TYPE_CHECKING:
    from sessionkit_integrations.records.ciphers import SessionCipher

_HEADS = {b'{"role":"%s","sealed":' % role: (b'{"role":"%s",' % role, b"\n%s\n\n\n" % role) for role in ROLES}
"""The beginning of a sealed record of each role: the opened record's beginning, and the bytes that it is bound to."""
_is_time = re.compile(rb',"at":\d{1,15}\}').fullmatch


class Way:
    """Opens records of a session that were sealed in one way.

    Args:
        by: The way, as they name it.
        cipher: Decrypts them; ``None`` if they are not encrypted.
        is_packed: Whether they are compressed.
        max_bytes: Bytes that a record may have once it is opened.
    """

    def __init__(self, by: bytes, cipher: SessionCipher | None, max_bytes: int, *, is_packed: bool) -> None:
        self._cipher = cipher
        self._max_bytes = max_bytes
        self._is_packed = is_packed
        self._by = by
        self._before_by = b'","by":"%s"' % by

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """Return what was sealed of a record.

        Args:
            sealed: The base64 in it, with its padding or without.
            bound: Bytes to which it is bound.

        Raises:
            NotOpenedError: It was encrypted for another place, or changed.
            ValueError: It is not base64.
            InvalidFrameError: It is not compressed, or too large.
        """
        body = a2b_base64(sealed + b"==")  # of which what is too much is ignored
        if self._cipher is not None:
            body = self._cipher.decrypt(body, bound)
        return zstd.decompress(body, self._max_bytes) if self._is_packed else body

    def open_usual(self, stored: bytes) -> bytes | None:
        """Return a record that says its role and its time beside what is sealed, as nearly all do.

        It is a short path: the record is cut where it is known to be, and not parsed.

        Args:
            stored: The record.

        Returns:
            The record as it was before it was sealed; ``None`` if it says more, has another form, was sealed in another
            way, or cannot be opened.
        """
        start, _, end = stored.partition(self._before_by)
        start, _, sealed = start.rpartition(b'"')
        head = _HEADS.get(start)
        if head is None or BACKSLASH in sealed or _is_time(end) is None:
            return None
        begin, bound = head
        try:
            return b"".join((begin, self.open(sealed, b"".join((self._by, bound, end[:-1]))), end))
        except (NotOpenedError, ValueError):
            return None
