"""Keys: what may be one, and that nothing shows it."""

from __future__ import annotations

import base64
import copy
import logging
import pickle
import subprocess
import sys
from typing import Any
from weakref import WeakValueDictionary

import pytest

from sessionkit_integrations import Encrypt, SessionManager, SQLiteStore, StoreError
from sessionkit_integrations.records import encryption
from tests.faults.test_secrets import everything_of

KEY = b"not a random key but 32 bytes!!!"
TEXT = base64.b64encode(KEY).decode()
FORMS = (repr(KEY)[2:-1], TEXT, KEY.hex())


def shows_no_key(shown: str) -> bool:
    return not any(form in shown or form[:12] in shown for form in FORMS)


@pytest.mark.parametrize(
    "key", [KEY, bytearray(KEY), TEXT, base64.urlsafe_b64encode(KEY).decode(), f" {TEXT}\n"], ids=type
)
def test_a_key_is_32_bytes_or_their_base64(key: Any) -> None:
    assert Encrypt(key).key_ids == Encrypt(KEY).key_ids
    assert Encrypt(bytes(32), key, key).key_ids == (Encrypt(bytes(32)).key_id, Encrypt(KEY).key_id)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("key", [KEY[:-1], TEXT[:-4], f"{TEXT}!===", KEY.decode() + "=", 5, None, [KEY], "ü" * 40])
def test_an_error_shows_no_key(key: Any, older: bool) -> None:
    with pytest.raises((TypeError, ValueError), match="a key must be 32 bytes") as raised:
        Encrypt(*((bytes(32), key) if older else (key,)))
    assert shows_no_key(everything_of(raised.value))


def test_nothing_else_shows_one(caplog: pytest.LogCaptureFixture, tmp_path: Any) -> None:
    seal = Encrypt(KEY, bytes(32))
    sessions = SessionManager(store=SQLiteStore(tmp_path / "s.db"), seal=seal)
    with caplog.at_level(logging.DEBUG):
        sessions.add_user_message("s", "Hello")
    with pytest.raises(StoreError) as raised:
        SessionManager(store=sessions.store, seal=Encrypt(bytes(32))).get_session("s")
    shown = [repr(seal), repr(vars(seal)), repr(sessions), repr(vars(sessions)), str(pickle.dumps(sessions))]
    assert all(map(shows_no_key, [*shown, caplog.text, everything_of(raised.value)]))
    assert repr(seal) == f"Encrypt(key_ids={list(seal.key_ids)})"
    assert KEY not in pickle.dumps(sessions)
    sessions.close()


def test_a_copy_in_the_same_process_is_the_same_one() -> None:
    seal = Encrypt(KEY)
    assert pickle.loads(pickle.dumps(seal)) is seal  # noqa: S301 - it was pickled here
    assert copy.deepcopy(seal) is seal


def test_another_process_takes_the_keys_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seal = Encrypt(KEY)
    pickled, other = pickle.dumps(seal), base64.b64encode(bytes(32)).decode()
    monkeypatch.setattr(encryption, "_known", WeakValueDictionary())  # as in another process
    for keys in ("", other):
        monkeypatch.setenv(encryption.VARIABLE, keys)
        with pytest.raises(StoreError, match=f"the key {seal.key_id} was written without itself: set SESSIONKIT_KEYS"):
            pickle.loads(pickled)  # noqa: S301 - it was pickled here
    monkeypatch.setenv(encryption.VARIABLE, f" {other},{TEXT}\n")
    assert pickle.loads(pickled).key_ids == Encrypt(bytes(32), KEY).key_ids  # noqa: S301 - as above


def test_sealing_is_imported_where_it_is_used() -> None:
    code = (
        "import sys; from sessionkit_integrations import SessionManager; m = SessionManager();"
        " m.add_user_message('s', 'Hi'); m.get_session('s');"
        " print([n for n in sys.modules if n.endswith(('.sealing', '.encryption', '.zstd')) or 'cryptography' in n])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)  # noqa: S603 - our own
    assert run.stdout.strip() == "[]"
