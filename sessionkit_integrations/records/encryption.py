"""Encryption with keys that nothing shows: AES-256-GCM, with a key for each session by HKDF-SHA256."""

from __future__ import annotations

import os
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from sessionkit_integrations.errors import MissingDependencyError, StoreError
from sessionkit_integrations.records.ciphers import SecretCipher, SessionCipher
from sessionkit_integrations.records.secrets import Secrets

if TYPE_CHECKING:
    from typing_extensions import Self

    from sessionkit_integrations.records.secrets import Secret, SecretOf

VARIABLE = "SESSIONKIT_KEYS"
"""The environment variable that holds keys in base64, the newest first, a comma between."""

_KEY_BYTES = 32
MOST_SESSIONS = 2048
"""Sessions of which ciphers, and what uses them, are held at once."""
_known: WeakValueDictionary[tuple[tuple[str, ...], str], Encrypt] = WeakValueDictionary()


class Key:
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

    def key_id(self) -> str:
        """Return the id by which records name it."""
        return self.derive(b"key id", 4).hex()

    def derive(self, info: bytes, length: int = _KEY_BYTES, secret: Secret | None = None) -> bytes:
        """Return bytes that are made of it, and of a secret.

        Args:
            info: Their purpose.
            length: Their number.
            secret: The secret.
        """
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - imported where there is a key
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

        salt = None if secret is None else secret.raw
        return HKDF(SHA256(), length, salt=salt, info=b"sessionkit 1 " + info).derive(self._raw)


class Encrypt:
    """Encrypts records with AES-256-GCM, each session's with a key of its own.

    Nothing shows a key: no repr, error, log or pickle. A pickled one takes its keys from ``SESSIONKIT_KEYS`` in another
    process.

    Args:
        key: The key to write with, and to read with: 32 bytes, or their base64.
        older_keys: Keys to read with what was written with them.
        secrets: Takes a session id and returns a secret of that session, at least 16 bytes, which is needed besides the
            key. ``None`` or a `KeyError` says that it was forgotten: nobody can read the session any more. It may be
            asynchronous. It is asked for each write, and for each read that finds a record which needs it.

    Attributes:
        by: The way in which it encrypts, as records name it.
        key_id: The id of the key to write with, as records name it.
        key_ids: The ids of all keys, the newest first.
        secrets: Returns secrets of sessions; ``None`` if they have none.
        mark: Tells it from others of the same keys, if it has ``secrets``; else an empty text.

    Raises:
        MissingDependencyError: ``cryptography`` is not installed: the extra ``encryption`` has it.
        TypeError, ValueError: A key is not 32 bytes, or their base64, or ``secrets`` cannot be called.

    Examples:
        >>> sessions = SessionManager(store=store, seal=Encrypt(os.environ["CHAT_KEY"]))
    """

    def __init__(self, key: bytes | str, *older_keys: bytes | str, secrets: SecretOf | None = None) -> None:
        keys = [Key(each) for each in (key, *older_keys)]
        del key, older_keys
        for each in keys:
            if each.problem is not None:
                raise each.problem
        if secrets is not None and not callable(secrets):
            raise TypeError(f"secrets must be a function of a session id, got {type(secrets).__name__}")
        try:
            import cryptography  # noqa: F401, PLC0415 - imported where there is a key
        except ImportError as error:
            raise MissingDependencyError("encryption of sessions", "encryption") from error
        self._keys = {each.key_id(): each for each in reversed(keys)}
        self.key_ids = tuple(reversed(self._keys))
        self.key_id = self.key_ids[0]
        self.by = f"aes-gcm{'' if secrets is None else '-secret'}:{self.key_id}".encode()
        self.secrets = None if secrets is None else Secrets(secrets)
        self._ciphers: dict[tuple[str, str, str], SessionCipher] = {}
        self.mark = "" if self.secrets is None else self.secrets.mark
        _known[self.key_ids, self.mark] = self

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
        secrets = ", secrets=***" if vars(self).get("secrets") else ""
        return f"Encrypt(key_ids={list(vars(self).get('key_ids', ()))}{secrets})"

    def __reduce__(self) -> tuple[Any, ...]:
        return of_key_ids, (self.key_ids, self.mark)

    def cipher(self, key_id: str, prefix: str, session_id: str, secret: Secret | None = None) -> SessionCipher:
        """Return the cipher of a session.

        Args:
            key_id: The id of one of the keys.
            prefix: The prefix of the session's store.
            session_id: The session.
            secret: The session's secret, with which its cipher is made each time, as it may be forgotten at any time.
        """
        if secret is not None:
            return SecretCipher(self._keys[key_id], prefix, session_id, secret)
        found = self._ciphers.get((key_id, prefix, session_id))
        if found is None:
            if len(self._ciphers) >= MOST_SESSIONS:
                self._ciphers.clear()
            found = self._ciphers[key_id, prefix, session_id] = SessionCipher(self._keys[key_id], prefix, session_id)
        return found


def of_key_ids(key_ids: tuple[str, ...], mark: str = "") -> Encrypt:
    """Return an `Encrypt` that was written without its keys.

    In the same process it is the one that was written. In another, its keys come from the environment.

    Args:
        key_ids: The ids of its keys.
        mark: Its mark.

    Raises:
        StoreError: The environment has other keys, or none, or the secrets of sessions come from a function.
    """
    found = _known.get((key_ids, mark))
    if found is not None:
        return found
    if mark:
        raise StoreError(
            "secrets= of Encrypt is a function of another process: make the sessions in this one, with secrets= as well"
        )
    found = Encrypt.from_environment()
    if found is None or key_ids[0] not in found.key_ids:
        raise StoreError(f"the key {key_ids[0]} was written without itself: set {VARIABLE} in the environment")
    return found
