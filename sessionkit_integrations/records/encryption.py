"""Encryption with keys that nothing shows: AES-256-GCM, with a key for each session by HKDF-SHA256."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from sessionkit_integrations.errors import MissingDependencyError, StoreError
from sessionkit_integrations.records.sealed import NotOpenedError

if TYPE_CHECKING:
    from typing_extensions import Self

VARIABLE = "SESSIONKIT_KEYS"
"""The environment variable that holds keys in base64, the newest first, a comma between."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_MOST_SESSIONS = 2048
"""Ciphers of sessions that are held at once."""
_known: WeakValueDictionary[tuple[str, ...], Encrypt] = WeakValueDictionary()


class _Key:
    """A key whose repr shows nothing of it. Making one raises nothing, as a traceback would show what it is made of."""

    __slots__ = ("_raw", "problem")

    def __init__(self, value: object) -> None:
        self.problem: TypeError | ValueError | None = None
        self._raw = b""
        if isinstance(value, str):
            try:
                self._raw = b64decode(value.strip().replace("-", "+").replace("_", "/"), validate=True)
            except ValueError:
                self.problem = ValueError("a key must be 32 bytes, or their base64, and this is not base64")
        elif isinstance(value, (bytes, bytearray)):
            self._raw = bytes(value)
        else:
            self.problem = TypeError(f"a key must be 32 bytes, or their base64, got {type(value).__name__}")
        if self.problem is None and len(self._raw) != _KEY_BYTES:
            self.problem = ValueError(f"a key must be 32 bytes, or their base64, got {len(self._raw)} bytes")

    def __repr__(self) -> str:
        return "***"

    def derive(self, info: bytes, length: int = _KEY_BYTES) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - imported where there is a key
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

        return HKDF(SHA256(), length, salt=None, info=b"sessionkit 1 " + info).derive(self._raw)


class Encrypt:
    """Encrypts records with AES-256-GCM, each session's with a key of its own.

    Nothing shows a key: no repr, error, log or pickle. A pickled one takes its keys from ``SESSIONKIT_KEYS`` in another
    process.

    Args:
        key: The key to write with, and to read with: 32 bytes, or their base64.
        older_keys: Keys to read with what was written with them.

    Attributes:
        key_id: The id of the key to write with, as records name it.
        key_ids: The ids of all keys, the newest first.

    Raises:
        MissingDependencyError: ``cryptography`` is not installed: the extra ``encryption`` has it.
        TypeError, ValueError: A key is not 32 bytes, or their base64.

    Example:
        >>> sessions = SessionManager(store=store, seal=Encrypt(os.environ["CHAT_KEY"]))
    """

    def __init__(self, key: bytes | str, *older_keys: bytes | str) -> None:
        keys = [_Key(each) for each in (key, *older_keys)]
        del key, older_keys
        for each in keys:
            if each.problem is not None:
                raise each.problem
        try:
            import cryptography  # noqa: F401, PLC0415 - imported where there is a key
        except ImportError as error:
            raise MissingDependencyError("encryption of sessions", "encryption") from error
        self._keys = {each.derive(b"key id", 4).hex(): each for each in reversed(keys)}
        self.key_ids = tuple(reversed(self._keys))
        self.key_id = self.key_ids[0]
        self._ciphers: dict[tuple[str, str, str], SessionCipher] = {}
        _known[self.key_ids] = self

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return one with the keys of ``SESSIONKIT_KEYS``, or ``None`` if it is not set.

        Raises:
            TypeError, ValueError: A key there is not the base64 of 32 bytes.
        """
        if not os.environ.get(VARIABLE, "").strip():
            return None
        return cls(*os.environ[VARIABLE].split(","))

    def __repr__(self) -> str:
        return f"Encrypt(key_ids={list(vars(self).get('key_ids', ()))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return of_key_ids, (self.key_ids,)

    def cipher(self, key_id: str, prefix: str, session_id: str) -> SessionCipher:
        """Return the cipher of a session.

        Args:
            key_id: The id of one of the keys.
            prefix: The prefix of the session's store.
            session_id: The session.
        """
        found = self._ciphers.get((key_id, prefix, session_id))
        if found is None:
            if len(self._ciphers) >= _MOST_SESSIONS:
                self._ciphers.clear()
            found = self._ciphers[key_id, prefix, session_id] = SessionCipher(self._keys[key_id], prefix, session_id)
        return found


class SessionCipher:
    """Encrypts and decrypts for one session, with a key of its own.

    Args:
        key: The key of which that one is made.
        prefix: The prefix of the session's store.
        session_id: The session.
    """

    __slots__ = ("_cipher", "_failures", "_place")

    def __init__(self, key: _Key, prefix: str, session_id: str) -> None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - imported where there is a key
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

        place = json.dumps([prefix, session_id]).encode()
        self._cipher = AESGCM(key.derive(b"session " + place))
        self._failures = (InvalidTag, ValueError)  # the latter for what is cut off
        self._place = place + b"\n"

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


def of_key_ids(key_ids: tuple[str, ...]) -> Encrypt:
    """Return an `Encrypt` that was written without its keys.

    In the same process it is the one that was written. In another, its keys come from the environment.

    Raises:
        StoreError: The environment has other keys, or none.
    """
    found = _known.get(key_ids)
    if found is not None:
        return found
    found = Encrypt.from_environment()
    if found is None or key_ids[0] not in found.key_ids:
        raise StoreError(f"the key {key_ids[0]} was written without itself: set {VARIABLE} in the environment")
    return found
