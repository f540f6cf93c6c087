"""The index of a store whose records are compressed: it holds what they say."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Compress, Embed, Encrypt, Record, RedisStore, SessionManager, SQLiteStore, Window
from sessionkit_integrations.records import compressed, zstd
from sessionkit_integrations.records.search_texts import searched
from sessionkit_integrations.sessions import searching
from sessionkit_integrations.stores.terms import Terms
from tests.backends import SEARCHING, SEARCHING_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessionkit_integrations import Hits, Store
    from tests.backends import Backends

    Call = Callable[..., Any]

COMPRESS, KEY = Compress(0), bytes(range(32))
ANIMALS = ("zebra", "tiger", "horse", "whale")


@pytest.fixture(params=[SEARCHING_FILE, SEARCHING])
def store(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Store]:
    """A store with an index that is made, so that no search walks."""
    made = backends.maker(request.param)(archive=True)
    deadline = time.monotonic() + 20
    while made.find(Terms(("x",), (), ()), since=None, skip=0, limit=1) is None:
        assert time.monotonic() < deadline
    yield made
    for session_id in [*made.sessions()]:
        made.delete(session_id)
    made.close()


@pytest.fixture
def by_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets nobody search all sessions without the index."""
    monkeypatch.delattr(searching.Search, "_look_at_all")


def said(number: int) -> list[Any]:
    words = f"{ANIMALS[number]} of my orders, " * 12
    return [{"role": "user", "content": f"tea {words}"}, {"role": "assistant", "content": f"milk {words}"}]


def places(hits: Hits) -> list[tuple[str, int, bool, str]]:
    assert hits.complete
    return sorted((hit.session_id, hit.position, hit.archived, str(hit.messages[0]["content"])[:15]) for hit in hits)


def ways(store: Store, session_id: str) -> list[str]:
    """Return how each record of a session is sealed."""
    both = (*store.read(session_id, archived=True).records, *store.read(session_id).records)
    return [json.loads(record).get("by", "") for record in both]


@pytest.mark.usefixtures("by_index")
def test_an_index_of_compressed_sessions_follows_each_change(store: Store, call: Call) -> None:
    outcomes = []
    for session_id, seal in (("a", None), ("b", COMPRESS)):
        sessions = SessionManager(2, store, seal=seal)
        found: list[Any] = []

        def look(query: str, sessions: SessionManager = sessions, found: list[Any] = found) -> None:
            found.append([each[1:] for each in places(call(sessions, "search", query, limit=99))])

        for number in range(4):
            call(sessions, "send_messages", session_id, said(number))
        look("tea")
        look("zebra")
        call(sessions, "undo", session_id)
        look("whale")
        call(sessions, "set_system_message", session_id, "Be brief. " * 20)
        call(sessions, "prompt", session_id, "juice " * 40)
        call(sessions, "regenerate", session_id)
        look("juice")
        look("orders")
        call(sessions, "fork", session_id, f"{session_id}2", turns=2)
        call(sessions, "reset_session", session_id)
        look("tea")
        assert [each[0] for each in places(call(sessions, "search", "tiger"))] == [f"{session_id}2"]
        assert {*ways(store, f"{session_id}2")} == {"" if seal is None else "zstd"}
        call(sessions, "reset_session", f"{session_id}2")
        look("tea")
        outcomes.append(found)
    assert outcomes[1] == outcomes[0]
    assert [len(each) for each in outcomes[0]] == [4, 1, 0, 1, 3, 2, 0]


@pytest.mark.usefixtures("by_index")
def test_sealing_again_keeps_the_words_of_what_needs_no_key(store: Any, backends: Backends, tmp_path: Path) -> None:
    plain, packed = (SessionManager(1, store, seal=seal) for seal in (None, COMPRESS))
    for number in (1, 2):
        plain.send_messages("s", said(number))
    hits = places(plain.search("tea"))
    assert len(hits) == 2
    assert packed.reseal().records == 4
    assert (places(packed.search("tea")), {*ways(store, "s")}) == (hits, {"zstd"})
    assert plain.reseal().records == 4
    assert (places(plain.search("tea")), {*ways(store, "s")}) == (hits, {""})
    other: Store
    if isinstance(store, SQLiteStore):
        other = SQLiteStore(store.path, archive=True)
    else:
        other = RedisStore(backends.searching().url, key_prefix=store.key_prefix, archive=True)
    with SessionManager(1, other, seal=Encrypt(KEY)) as encrypted:
        assert encrypted.reseal().records == 4
        assert (*plain.search("tea"), plain.search("tea").complete) == (False,)
        assert SessionManager(1, other, seal=COMPRESS).reseal(read_with=Encrypt(KEY)).records == 4
    if isinstance(store, RedisStore):
        store.index_sessions()
    assert (places(packed.search("tea")), {*ways(store, "s")}) == (hits, {"zstd"})
    found = plain.search("tea")  # which cannot open what it finds
    assert (found.hits, found.complete) == ((), False)


def test_a_compressed_session_has_its_vectors_in_the_file(tmp_path: Path, call: Call) -> None:
    asked: list[str] = []

    def embed(texts: list[str]) -> list[list[float]]:
        asked.extend(texts)
        return [[1.0, float("tea" in text)] for text in texts]

    for _ in range(2):
        with SQLiteStore(tmp_path / "s.db", search=True) as store:
            sessions = SessionManager(5, store, seal=COMPRESS, embed=Embed(embed, name="m"))
            if not asked:
                call(sessions, "send_messages", "s", said(1))
                call(sessions, "embed_sessions")
                assert len(asked) == 2
            del asked[1:]
            assert places(call(sessions, "search", "tea please"))[0][0] == "s"
            assert asked[1:] == ["tea please"]


def test_an_index_of_what_is_encrypted_is_refused(store: Store) -> None:
    seals: list[Any] = [Encrypt(KEY), [COMPRESS, Encrypt(KEY)]]
    for seal in seals:
        with pytest.raises(ValueError, match="an index would hold as plain text what is encrypted"):
            SessionManager(store=store, seal=seal)


def test_what_no_reader_opens_has_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def packed(text: str) -> Any:
        body = json.dumps({"content": text})[1:-1].encode()
        sealed = b64encode(zstd.compress(body)).decode()
        return json.dumps({"role": "user", "sealed": sealed, "by": "zstd", "at": 5}).encode()

    found = searched(packed("tea"))
    assert found is not None
    assert (found.role, found.at, found.texts) == ("user", 5, ("tea",))
    monkeypatch.setattr(compressed, "MOST_BYTES", 1000)
    compressed._opener.cache_clear()
    assert searched(packed("x " * 400)) is not None
    assert searched(packed("x " * 500)) is None
    assert searched(packed("tea").replace(b'"zstd"', b'"aes-gcm:01234567"')) is None
    compressed._opener.cache_clear()


@pytest.mark.parametrize("resealed", [False, True])
def test_a_search_says_that_an_index_lacks_what_is_encrypted(
    store: Any, resealed: bool, call: Call, by_index: None
) -> None:
    plain = SessionManager(1, store)
    for number in range(3):
        call(plain, "send_messages", "plain", said(number))
    hits = call(plain, "search", "zebra")
    assert (len(hits), hits.complete) == (1, True)
    with without_index(store) as other:
        sealed = SessionManager(1, other, seal=Encrypt(KEY))
        for number in range(2):
            call(plain if resealed else sealed, "send_messages", "sealed", said(number))
        if resealed:
            assert sealed.reseal("sealed").records == 4
        else:
            store.index_sessions()
        for query, found in (("zebra", 1), ("orders", 3), ("nothing", 0)):
            hits = call(plain, "search", query)
            assert (len(hits), hits.complete) == (found, False)
        assert len(call(plain, "search", "orders", limit=2)) == 2
        later = datetime.now(timezone.utc) + timedelta(days=1)
        assert call(plain, "search", "zebra", since=later).complete
        assert call(plain, "search", "zebra", session_id="plain").complete
        SessionManager(1, other).reseal("sealed", read_with=Encrypt(KEY))
        store.index_sessions()
        hits = call(plain, "search", "zebra")
        assert (len(hits), hits.complete) == (2, True)
        sealed.reseal("sealed")
    call(plain, "reset_session", "sealed")
    assert call(plain, "search", "zebra").complete


def without_index(store: Any) -> Store:
    """Return a store of the same sessions that keeps no index."""
    if isinstance(store, SQLiteStore):
        return SQLiteStore(store.path, archive=True)
    return RedisStore(store.describe_url().url.partition("?")[0], archive=True, key_prefix=store.key_prefix)


def test_one_session_that_is_encrypted_in_part_is_not_found_as_a_whole(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SHORT", 0)  # so that the session is looked up
    with SQLiteStore(tmp_path / "s.db", archive=True, search=True) as store:
        plain = SessionManager(1, store)
        with without_index(store) as other:
            for number in range(3):
                SessionManager(1, other, seal=Encrypt(KEY) if number == 1 else None).send_messages("s", said(number))
        hits = call(plain, "search", "zebra", session_id="s")
        assert (len(hits), hits.complete) == (1, False)


def test_a_damaged_record_is_told_as_well(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "s.db", archive=True, search=True) as store:
        sessions = SessionManager(1, store)
        sessions.send_messages("s", said(0))
        assert sessions.search("zebra").complete
        store.append("t", [Record(b'{"role":"user","content":5}')], Window(1), "damaged")
        assert not sessions.search("zebra").complete
        store.delete("t")
        assert sessions.search("zebra").complete
