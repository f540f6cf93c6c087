"""Ciphers of sessions: AES-256-GCM, each with a key that is made for its session."""

from __future__ import annotations

import json
import os
from binascii import b2a_base64
from typing import TYPE_CHECKING

from sessionkit_integrations.records.sealed import BEGINNING, NotOpenedError

if TYPE_CHECKING:
    from sessionkit_integrations.records.encryption import Key
    from sessionkit_integrations.records.secrets import Secret

_KEY_BYTES = 32
_NONCE_BYTES = 12
_SECRET_ID_BYTES = 4


class SessionCipher:
    """Encrypts and decrypts for one session, with a key of its own.

    Args:
        key: The key of which that one is made.
        prefix: The prefix of the session's store.
        session_id: The session.
    """

    __slots__ = ("_cipher", "_failures", "_place")

    def __init__(self, key: Key, prefix: str, session_id: str) -> None:
        place = _place(prefix, session_id)
        self._use(key.derive(b"session " + place), place)

    def _use(self, key: bytes, place: bytes) -> None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - imported where there is a key
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

        self._cipher = AESGCM(key)
        self._failures = (InvalidTag, ValueError)  # a ValueError for what is cut off
        self._place = place + b"\n"

    @property
    def beginning(self) -> str:
        """The beginning of what it encrypts, as far as base64 has it."""
        return ""

    def encrypt(self, text: bytes, bound: bytes) -> bytes:
        """Return a text encrypted.

        Args:
            text: The text.
            bound: Bytes without which it cannot be decrypted.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, self._place + bound)

    def decrypt(self, sealed: bytes, bound: bytes) -> bytes:
        """Return the text of what `encrypt` returned.

        Raises:
            NotOpenedError: It was made for another place, or changed.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._place + bound)
        except self._failures:
            raise NotOpenedError("is encrypted, and was changed since or written for another place") from None


class SecretCipher(SessionCipher):
    """Encrypts and decrypts for one session, with a key that is made of its secret as well.

    What it encrypts begins with the secret's id, which tells nothing of it: another secret is told from damage by it.

    Args:
        key: The key of which that one is made.
        prefix: The prefix of the session's store.
        session_id: The session.
        secret: Its secret.
    """

    __slots__ = ("_key", "_secret_id")

    def __init__(self, key: Key, prefix: str, session_id: str, secret: Secret) -> None:
        place = _place(prefix, session_id)
        derived = key.derive(b"session with secret " + place, _KEY_BYTES + _SECRET_ID_BYTES, secret)
        self._use(derived[:_KEY_BYTES], place)
        self._key = key
        self._secret_id = derived[_KEY_BYTES:]

    @property
    def beginning(self) -> str:
        """See `SessionCipher.beginning`."""
        return b2a_base64(self._secret_id)[:BEGINNING].decode()

    def encrypt(self, text: bytes, bound: bytes) -> bytes:
        """See `SessionCipher.encrypt`."""
        return self._secret_id + super().encrypt(text, bound)

    def decrypt(self, sealed: bytes, bound: bytes) -> bytes:
        """See `SessionCipher.decrypt`.

        Raises:
            NotOpenedError: Likewise, or it was made with another secret.
        """
        if not sealed.startswith(self._secret_id):
            problem = "is encrypted with another secret of its session than secrets= returns: that one was forgotten"
            raise NotOpenedError(problem, self._key.key_id(), is_locked=True)
        return super().decrypt(sealed[_SECRET_ID_BYTES:], bound)


def _place(prefix: str, session_id: str) -> bytes:
    return json.dumps([prefix, session_id]).encode()
