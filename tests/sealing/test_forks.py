"""Forks of sessions whose records are sealed: sealed again for the new session, in pages, or not made."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Compress, Edit, Encrypt, Record, SealError, SessionManager, Window
from sessionkit_integrations.sessions import forking
from sessionkit_integrations.stores.redis import forking as forking_on_servers
from sessionkit_integrations.stores.sqlite import forking as forking_in_files
from tests.sealing.test_resealing import sealed_by
from tests.sealing.test_sessions import OwnStore, stored
from tests.sessions.scripted import contents, turn
from tests.sessions.test_fork import left_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import Backends, StoreMaker

    Call = Callable[..., Any]

OLD, NEW, OTHER = bytes(32), bytes(range(32)), bytes(range(1, 33))


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (forking, forking_on_servers, forking_in_files):
        monkeypatch.setattr(module, "PAGE", 3)


@pytest.mark.pairwise
@pytest.mark.usefixtures("_small_pages")
@pytest.mark.parametrize("seal", [None, Compress(0), Encrypt(NEW)], ids=["plain", "compressed", "another key"])
def test_no_record_is_copied_that_nobody_opens_there(make_store: StoreMaker, seal: Any, call: Call) -> None:
    store = make_store(archive=True)
    sessions, old = (SessionManager(1, store, seal=each) for each in (seal, Encrypt(OLD)))
    for number in range(7):  # neither the oldest nor the newest ones are encrypted
        call(old if number == 4 else sessions, "send_messages", "s", turn(number))
    for turns in (None, 6, -1):
        with pytest.raises(SealError, match=Encrypt(OLD).key_id) as raised:
            call(sessions, "fork", "s", "t", turns=turns)
        assert (raised.value.session_id, raised.value.position, raised.value.archived) == ("s", 8, True)
    assert (call(sessions, "describe", "t"), list(sessions.list_sessions())) == (None, ["s"])
    assert left_over(store) == []
    call(sessions, "fork", "s", "t", turns=4)
    assert contents(call(sessions, "get_archive", "t")) == ["q0", "a0", "q1", "a1", "q2", "a2"]


@pytest.mark.pairwise
@pytest.mark.usefixtures("_small_pages")
@pytest.mark.parametrize("secrets", [None, {"s": bytes(16), "t": bytes(range(16))}.get], ids=["", "secrets"])
def test_each_record_is_sealed_for_the_fork(make_store: StoreMaker, secrets: Any, call: Call) -> None:
    store = make_store(archive=True)
    for number in range(7):  # of each kind, plain ones as well
        seal: Any = (None, Encrypt(OLD), [Compress(0), Encrypt(NEW)])[number % 3]
        SessionManager(1, store, seal=seal).send_messages("s", turn(number))
    before = stored(store, "s")
    sessions = SessionManager(1, store, seal=Encrypt(NEW, OLD, secrets=secrets))
    call(sessions, "fork", "s", "t")
    assert contents(call(sessions, "get_archive", "t")) == [text for n in range(6) for text in (f"q{n}", f"a{n}")]
    kind = "aes-gcm-secret" if secrets else "aes-gcm"
    assert sealed_by(store, "t") == [f"{kind}:{Encrypt(NEW).key_id}"] * 14
    assert stored(store, "s") == before
    info = call(sessions, "describe", "t")
    assert (info.archived, info.messages, info.forked_from) == (12, 2, "s")


def test_what_is_compressed_is_copied_as_it_is(make_store: StoreMaker, call: Call) -> None:
    store = make_store(archive=True)
    sessions = SessionManager(1, store, seal=Compress(0))
    for number in range(3):
        call(sessions, "send_messages", "s", [{"role": "user", "content": f"q{number} " * 99}])
    call(sessions, "fork", "s", "t")
    call(SessionManager(1, store), "fork", "s", "u")
    assert stored(store, "s") == stored(store, "t") == stored(store, "u")
    assert sealed_by(store, "s") == ["zstd"] * 3


@pytest.mark.parametrize("backend", ["redis-8.2", "sqlite"])
def test_an_archive_is_sealed_again_in_pages(backends: Backends, backend: str) -> None:
    with backends.maker(backend)(archive=True) as store:
        sessions = SessionManager(2, store, seal=Encrypt(NEW))
        sessions.send_messages("s", turn(1))
        for part in range(4):
            record = Record(b'{"role":"user","content":"%s","at":1}' % (b"x" * 1000))
            sessions.opened_store.replace("s", Edit(archive=(record,) * 1000), None, f"{part}")
        sessions.fork("s", "first", turns=2)  # which imports what it needs
        tracemalloc.start()
        try:
            sessions.fork("s", "t")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 3_000_000  # of nearly six million bytes
        assert len(sessions.get_archive("t", limit=4001)) == 4000


def test_a_store_of_five_methods_makes_it_at_once(call: Call) -> None:
    sessions = SessionManager(Window(1), OwnStore(), seal=Encrypt(NEW))
    sessions.opened_store.replace("s", Edit((), (Record(b'{"role":"user","content":"q","at":1}'),)), None, "1")
    call(sessions, "fork", "s", "t")
    assert contents(call(sessions, "get_archive", "t")) == ["q"]
    with pytest.raises(SealError):
        call(SessionManager(1, sessions.store), "fork", "s", "u")
    assert sorted(sessions.list_sessions()) == ["s", "t"]
