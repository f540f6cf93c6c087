"""Secrets of sessions: what is encrypted with one cannot be read any more once it is forgotten."""

from __future__ import annotations

import asyncio
import copy
import functools
import json
import logging
import pickle
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import pytest

from sessionkit_integrations import (
    Compress,
    ConflictError,
    CorruptSessionError,
    Encrypt,
    InMemoryStore,
    SealError,
    SessionManager,
    StoreError,
    Summary,
)
from sessionkit_integrations.records import encryption
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.records.sealing import Sealer
from sessionkit_integrations.records.secrets import Secret
from sessionkit_integrations.sessions.descriptions import describe, restore
from tests.faults.test_secrets import everything_of
from tests.sealing.test_resealing import sealed_by
from tests.sealing.test_sessions import OwnStore, stored
from tests.sessions.scripted import contents, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends

    Call = Callable[..., Any]

KEY, OTHER = bytes(range(32)), bytes(32)
OTHER_ID = Encrypt(OTHER).key_id
BY = f"aes-gcm-secret:{Encrypt(KEY).key_id}"
SECRET = b"not a random secret, 32 bytes!!!"
VECTORS = Path(__file__).parents[1] / "fixtures" / "sealed-with-secret-1.json"


class Table:
    """Secrets of sessions, and for which sessions they were asked."""

    def __init__(self, **secrets: bytes) -> None:
        self.secrets = secrets
        self.asked: list[str] = []

    def get(self, session_id: str) -> bytes | None:
        self.asked.append(session_id)
        return self.secrets.get(session_id)

    async def aget(self, session_id: str) -> bytes | None:
        return self.get(session_id)


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2"])
@pytest.mark.parametrize("function", ["get", "aget"])
@pytest.mark.pairwise
def test_a_session_whose_secret_is_forgotten_is_gone(
    backends: Backends, backend: str, function: str, call: Call
) -> None:
    table = Table(s=SECRET, t=bytes(16), other=bytes(range(16)))
    with backends.maker(backend)(archive=True) as store:
        sessions = SessionManager(2, store, seal=[Compress(0), Encrypt(KEY, secrets=getattr(table, function))])
        for number in range(4):
            call(sessions, "send_messages", "s", turn(number))
        assert set(sealed_by(store, "s")) <= {BY, f"zstd+{BY}"}
        call(sessions, "fork", "s", "t")
        call(sessions, "send_messages", "other", turn(7))
        assert contents(call(sessions, "prompt", "s", "And now?")) == ["q3", "a3", "And now?"]
        assert contents(call(sessions, "undo", "s")) == ["And now?"]
        assert contents(call(sessions, "get_archive", "t")) == ["q0", "a0", "q1", "a1"]
        assert contents(call(sessions, "search", "q1", session_id="s")[0].messages) == ["q1", "a1"]

        kept = stored(store, "s")
        del table.secrets["s"]
        with pytest.raises(SealError, match="secrets= has none: it was forgotten") as raised:
            call(sessions, "get_session", "s")
        assert (raised.value.session_id, raised.value.position, raised.value.key_id) == ("s", 0, Encrypt(KEY).key_id)
        for method, *arguments in (
            ("get_archive", "s"),
            ("undo", "s"),
            ("fork", "s", "u"),
            ("send_messages", "s", turn(5)),
            ("prompt", "s", "Hello?"),
            ("set_system_message", "s", "Be brief."),
        ):
            with pytest.raises(SealError):
                call(sessions, method, *arguments)
        assert stored(store, "s") == kept
        assert call(sessions, "get_session", "u") == []
        assert call(sessions, "describe", "s").messages == 2
        assert contents(call(sessions, "get_session", "t")) == ["q2", "a2", "q3", "a3"]
        assert call(sessions, "get_session", "other") == turn(7)

        call(sessions, "reset_session", "s")
        assert call(sessions, "get_session", "s") == []
        with pytest.raises(SealError, match=r"session 's', a new record: cannot be encrypted, .* make one first"):
            call(sessions, "send_messages", "s", turn(6))
        table.secrets["s"] = bytes(16)
        call(sessions, "send_messages", "s", turn(6))
        assert call(sessions, "get_session", "s") == turn(6)


def test_a_secret_is_asked_for_once_and_never_kept(call: Call) -> None:
    table = Table(s=SECRET)
    seal = Encrypt(KEY, secrets=table.get)
    sessions = SessionManager(5, InMemoryStore(), seal=seal)
    assert call(sessions, "get_session", "s") == []  # there is nothing to open
    for _ in range(3):
        call(sessions, "send_messages", "s", turn(1))
    assert table.asked == ["s"] * 3
    call(sessions, "get_session", "s")
    assert table.asked == ["s"] * 4
    assert seal._ciphers == {}
    SessionManager(5, sessions.store).send_messages("plain", turn(1))
    assert call(sessions, "get_session", "plain") == turn(1)
    assert table.asked == ["s"] * 4


def test_an_error_of_a_key_says_that_it_was_forgotten(call: Call) -> None:
    secrets = {"s": SECRET}
    sessions = SessionManager(5, InMemoryStore(), seal=Encrypt(KEY, secrets=secrets.__getitem__))
    call(sessions, "send_messages", "s", turn(1))
    del secrets["s"]
    with pytest.raises(SealError, match="it was forgotten"):
        call(sessions, "get_session", "s")


def test_another_secret_is_told_from_damage() -> None:
    table = Table(s=SECRET)
    sessions = SessionManager(5, InMemoryStore(), seal=Encrypt(KEY, secrets=table.get))
    sessions.send_messages("s", turn(1))
    table.secrets["s"] = b"begun again with another one"
    with pytest.raises(SealError, match="another secret of its session") as raised:
        sessions.get_session("s")
    assert raised.value.key_id == Encrypt(KEY).key_id
    seals = Sealer(Encrypt(KEY, secrets=table.get), sessions.store.key_prefix, 1000)
    record = Record(b'{"role":"user","content":"Hello"}')
    other, own = (seals.of("s", Secret(secret)) for secret in (SECRET, bytes(16)))
    there, here = (b64decode(json.loads(each.seal(record))["sealed"] + "==") for each in (other, own))
    forged = here[:4] + there[4:]  # as if it were of this secret
    opened: Any = own.open(Record(b'{"role":"user","sealed":"%s","by":"%s"}' % (b64encode(forged), BY.encode())))
    assert opened.problem == "is encrypted, and was changed since or written for another place"


def test_readers_without_secrets_or_without_the_key_say_so() -> None:
    store = InMemoryStore()
    sealed = SessionManager(store=store, seal=Encrypt(KEY, secrets=Table(s=SECRET).get))
    sealed.send_messages("s", turn(1))
    for seal, problem in (
        (Encrypt(KEY), f"key {Encrypt(KEY).key_id} and a secret of its session, and Encrypt has no secrets="),
        (
            Encrypt(OTHER, secrets=Table(s=SECRET).get),
            f"key {Encrypt(KEY).key_id}, and only the key {Encrypt(OTHER).key_id} is given",
        ),
        (None, r"make the manager with seal=Encrypt\(key, secrets=…\)"),
    ):
        with pytest.raises(SealError, match=problem):
            SessionManager(store=store, seal=seal).get_session("s")
    SessionManager(store=store, seal=Encrypt(KEY)).send_messages("s", turn(2))
    assert contents(sealed.get_session("s")) == ["q1", "a1", "q2", "a2"]


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda _id: "hunter2, as a text", "must return at least 16 bytes for 's', or None; it returned str"),
        (lambda _id: b"hunter2", "must return at least 16 bytes for 's', or None; it returned 7 bytes"),
        (lambda _id: 1 // 0, "secrets= raised ZeroDivisionError for session 's'"),
    ],
)
def test_a_function_that_fails_writes_nothing(function: Any, problem: str, call: Call) -> None:
    sessions = SessionManager(store=InMemoryStore(), seal=Encrypt(KEY, secrets=function))
    with pytest.raises(StoreError, match=problem) as raised:
        call(sessions, "send_messages", "s", turn(1))
    assert not isinstance(raised.value, (SealError, ConflictError))
    assert "hunter2" not in everything_of(raised.value)
    assert stored(sessions.store, "s") == []
    with pytest.raises(TypeError, match="secrets must be a function of a session id, got dict"):
        Encrypt(KEY, secrets={})  # type: ignore[arg-type]


def test_nothing_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    def function(secret: bytes, session_id: str) -> bytes | None:
        return None if session_id == "gone" else secret

    seal = Encrypt(KEY, secrets=functools.partial(function, SECRET))
    sessions = SessionManager(store=InMemoryStore(), seal=seal)
    errors: list[str] = []
    damaged = Record(b'{"role":"user","sealed":"AAAA","by":"%s"}' % BY.encode())
    with caplog.at_level(logging.DEBUG):
        sessions.send_messages("s", turn(1))
        sessions.store.append("s", [damaged], sessions.window, "damaged")
        for method, *arguments in (("get_session", "s"), ("send_messages", "gone", turn(1))):
            with pytest.raises(SealError) as raised:
                getattr(sessions, method)(*arguments)
            errors.append(everything_of(raised.value))
    shown = [repr(seal), repr(vars(seal)), str(pickle.dumps(sessions)), str(describe(sessions)), caplog.text, *errors]
    assert not any("random secret" in each or SECRET.hex()[:12] in each for each in shown)
    assert repr(seal) == f"Encrypt(key_ids=['{seal.key_id}'], secrets=***)"


def test_a_copy_works_in_the_same_process_and_says_why_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    seal, plain = Encrypt(KEY, secrets=Table().get), Encrypt(KEY)
    assert pickle.loads(pickle.dumps(seal)) is copy.deepcopy(seal) is seal  # noqa: S301 - it was pickled here
    assert pickle.loads(pickle.dumps(plain)) is plain  # noqa: S301 - as above
    pickled = pickle.dumps(seal)
    described = describe(SessionManager(store=InMemoryStore(), seal=seal)) | {"identity": "of another process"}
    monkeypatch.setattr(encryption, "_known", WeakValueDictionary())  # as in another process
    monkeypatch.setenv(encryption.VARIABLE, b64encode(KEY).decode())
    for again in (lambda: pickle.loads(pickled), lambda: restore(described | {"url": "memory://"})):  # noqa: S301
        with pytest.raises(StoreError, match="make the sessions in this one, with secrets="):
            again()


def test_sessions_are_sealed_again_with_secrets_and_without(call: Call) -> None:
    store, table = InMemoryStore(archive=True), Table(s=SECRET, t=bytes(16))
    with_secrets = Encrypt(KEY, OTHER, secrets=table.get)
    for session_id in "stu":
        for number in range(2):
            SessionManager(1, store, seal=Encrypt(OTHER)).send_messages(session_id, turn(number))
    sessions = SessionManager(1, store, seal=with_secrets)
    done = call(sessions, "reseal")
    assert (done.records, done.unopened) == (8, 4)  # nobody has a secret of the last one
    assert [set(sealed_by(store, each)) for each in "stu"] == [{BY}, {BY}, {f"aes-gcm:{Encrypt(OTHER).key_id}"}]
    assert table.asked == ["s", "s", "t", "t", "u", "u"]  # for the window and for the archive
    assert call(sessions, "reseal").records == 0
    del table.secrets["t"]
    done = call(SessionManager(1, store, seal=Encrypt(KEY)), "reseal", read_with=with_secrets)
    assert (done.records, done.unopened) == (8, 4)
    assert [sealed_by(store, each)[0] for each in "stu"] == [
        f"aes-gcm:{Encrypt(KEY).key_id}",
        BY,
        f"aes-gcm:{Encrypt(KEY).key_id}",
    ]


def test_a_record_is_refused_in_another_session_of_the_same_secret() -> None:
    sessions = SessionManager(store=InMemoryStore(), seal=Encrypt(KEY, secrets=lambda _id: SECRET))
    sessions.send_messages("s", turn(1))
    sessions.store.append("t", sessions.store.read("s").records, sessions.window, "moved")
    with pytest.raises(SealError, match="another secret"):
        sessions.get_session("t")
    store = InMemoryStore()
    record = json.dumps(stored(sessions.store, "s")[0] | {"role": "system"}).encode()
    store.append("s", [Record(record)], sessions.window, "changed")
    with pytest.raises(CorruptSessionError, match="another place"):
        SessionManager(store=store, seal=Encrypt(KEY, secrets=lambda _id: SECRET)).get_session("s")


def test_records_of_every_release_are_read() -> None:
    vectors = json.loads(VECTORS.read_text("utf-8"))
    assert len(vectors) == 4
    for each in vectors:
        seals = Sealer([Compress(0), Encrypt(b64decode(each["key"]))], each["prefix"], 1000)
        opened = seals.of(each["session_id"], Secret(b64decode(each["secret"]))).open(Record(each["stored"].encode()))
        assert opened == each["record"].encode()


@pytest.mark.parametrize("make", [OwnStore, lambda: InMemoryStore(archive=True)], ids=["five methods", "memory"])
async def test_an_asynchronous_function_runs_in_the_loop_of_whoever_calls(make: Any) -> None:
    """As its connections belong to that loop."""
    loops: list[Any] = []

    async def secret_of(_session_id: str) -> bytes:
        loops.append(asyncio.get_running_loop())
        return SECRET

    summary = Summary(lambda _previous, _messages: "said", every=1, background=False)
    sessions = SessionManager(1, make(), seal=Encrypt(KEY, secrets=secret_of), summary=summary)
    await sessions.asend_messages("s", [*turn(1), {"role": "assistant", "content": "x" * 300}])
    for name, *arguments in (
        ("prompt", "s", "Hello!"),
        ("get_session", "s"),
        ("get_archive", "s"),
        ("get_summary", "s"),
        ("set_system_message", "s", "Be brief."),
        ("describe", "s"),
        ("statistics", "s"),
        ("view", "s"),
        ("search", "Hello"),
        ("fork", "s", "t"),
        ("regenerate", "s"),
        ("undo", "s"),
        ("summarize", "s"),
        ("reseal",),
        ("reset_session", "s"),
    ):
        asked = len(loops)
        await getattr(sessions, f"a{name}")(*arguments)
        assert len(loops) > asked or name in {"reset_session", "summarize", "describe"}, name
    assert set(loops) == {asyncio.get_running_loop()}
