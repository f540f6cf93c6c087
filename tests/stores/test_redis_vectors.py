"""Vectors of a `RedisStore` with ``search=True``: the engine compares them, and they go with their texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import redis

from sessionkit_integrations import Edit, Embed, EmbeddingError, RedisStore, SessionManager
from sessionkit_integrations.records.record import encode
from sessionkit_integrations.sessions import nearness
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.redis.vectors import index_name, mark_of, name_of
from sessionkit_integrations.stores.values import Exchange
from tests.embeddings import Noting, embed
from tests.servers import Cluster, search_modules
from tests.sessions.test_meaning import MEANT, TALK
from tests.sessions.test_search import archiving, questions, user
from tests.stores.test_redis_search import NOON, PREFIX, RIGHTS, wait_for_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessionkit_integrations import Hits
    from tests.backends import Backends

MODEL = "word llama: {256}"
MARK = mark_of(MODEL)


@pytest.fixture
def url(searching_url: str) -> str:
    return searching_url


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    with redis.Redis.from_url(url) as client:
        yield client


def opened(url: str, model: Any = embed, name: str = MODEL, **options: Any) -> SessionManager:
    """Return sessions of a store whose index is made, so that no search walks."""
    store = RedisStore(url, **{"key_prefix": PREFIX, "archive": True, "search": True, **options})
    wait_for_index(store)
    return SessionManager(1, store, embed=Embed(model, name=name))


def talk(sessions: SessionManager, *, each: int = 1) -> None:
    """Write the talk to sessions, some texts to each."""
    for number, text in enumerate(TALK):
        sessions.add_user_message(f"s{number // each}", text)


def vectors(client: Any, session_id: str = "*") -> list[bytes]:
    """Return the keys of vectors, which are those that the sets of their sessions name."""
    keys = sorted(client.keys(f"{{{PREFIX}{session_id}}}:vectors:*"))
    sets = client.keys(f"{{{PREFIX}{session_id}}}:vectors")
    assert keys == sorted(b"%s:%s" % (each, name) for each in sets for name in client.smembers(each))
    return keys


def models(client: Any, session_id: str) -> list[Any]:
    """Return what the documents of a session say which model has seen it."""
    return [client.hget(key, "model") for key in sorted(client.keys(f"{{{PREFIX}{session_id}}}:words:*"))]


def indexes(client: Any) -> set[str]:
    """Return the indexes of the prefix; other tests have theirs on the same server."""
    return {name.decode() for name in client.execute_command("FT._LIST") if name.startswith(PREFIX.encode())}


def shown(hits: Hits) -> list[tuple[Any, ...]]:
    assert hits.complete
    return [(hit.session_id, hit.position, hit.score, hit.snippet, hit.archived) for hit in hits]


def test_without_a_model_nothing_is_kept(url: str, client: Any) -> None:
    sessions = SessionManager(1, opened(url).store)
    talk(sessions, each=5)
    sessions.search("nuts")
    sessions.undo("s1")
    sessions.store.index_sessions()  # type: ignore[attr-defined]
    assert (vectors(client), models(client, "s0")) == ([], [None] * 5)
    assert indexes(client) == {f"{PREFIX}words:1"}
    assert b"v;" not in client.get(f"{{{PREFIX}s0}}:meta")
    sessions.close()


def test_the_engine_finds_what_a_walk_finds(
    url: str, client: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearness, "VectorState", None)  # by which vectors would be read
    walked, noting = archiving(1, embed=Embed(embed, name=MODEL)), Noting()
    sessions = opened(url, noting)
    for manager in (walked, sessions):
        talk(manager, each=3)
    for query in (*MEANT, "!?"):
        found = shown(call(sessions, "search", query, limit=4))
        expected = shown(walked.search(query, limit=4))
        assert found == expected
    assert sorted(noting.texts) == sorted([*TALK, *MEANT, "!?"])
    assert len(vectors(client)) == len(TALK)
    assert indexes(client) == {f"{PREFIX}words:1", index_name(Keys(PREFIX), MODEL)}
    call(sessions, "close")


def test_vectors_outlive_the_process(url: str, client: Any, call: Callable[..., Any]) -> None:
    for expected in ([*TALK, MEANT[1]], [MEANT[1]]):
        noting = Noting()
        sessions = opened(url, noting)
        if not client.exists(f"{PREFIX}s"):
            sessions.send_messages("s", [user(text) for text in TALK])
        for _ in range(2):
            assert questions(call(sessions, "search", MEANT[1], session_id="s", limit=1)) == [TALK[1]]
        assert sorted(noting.texts) == sorted([*expected, MEANT[1]])
        call(sessions, "close")
    (kept,) = {len(client.hget(key, "v")) for key in vectors(client)}
    assert kept == 4 * 256


def test_vectors_go_with_their_texts(url: str, client: Any, call: Callable[..., Any]) -> None:
    sessions = opened(url)
    for name in "abcd":
        sessions.send_messages(name, [user(text) for text in TALK[:3]])
    assert call(sessions, "embed_sessions") == 4
    assert models(client, "a") == [MARK.encode()] * 3
    assert len(vectors(client)) == 12
    call(sessions, "reset_session", "a")
    assert vectors(client, "a") == []
    sessions.undo("b")
    first = tuple(encode(user(text), NOON) for text in (TALK[4], TALK[1]))
    sessions.store.replace("c", Edit(first[1:], archive=first[:1], clear_archive=True), None, "e")
    assert call(sessions, "embed_sessions") == 2
    assert [len(vectors(client, name)) for name in "bcd"] == [2, 2, 3]
    assert call(sessions, "embed_sessions") == 0
    sessions.store.replace("c", Edit(clear_archive=True, active=()), None, "gone")
    assert vectors(client, "c") == []
    sessions.close()


def test_documents_that_are_written_anew_are_unseen(url: str, client: Any) -> None:
    sessions = opened(url)
    sessions.memory_window = 9
    sessions.send_messages("s", [user(text) for text in TALK[:4]])
    sessions.embed_sessions()
    before = sessions.store.read("s").records
    sessions.store.replace("s", Edit((encode(user(TALK[4]), NOON), *before[1:])), None, "e")
    # The last one stands for texts that are gone.
    assert models(client, "s") == [None, MARK.encode(), MARK.encode(), None]
    assert sessions.embed_sessions() == 1
    assert models(client, "s") == [MARK.encode()] * 4
    assert len(vectors(client)) == 4
    sessions.close()


def test_those_of_ended_sessions_are_swept(url: str, client: Any, call: Callable[..., Any]) -> None:
    sessions = opened(url)
    talk(sessions)
    call(sessions, "embed_sessions")
    client.delete(*(f"{PREFIX}s{number}" for number in range(9)))
    client.delete(*(f"{{{PREFIX}s{number}}}:archive" for number in range(9)))
    assert set(questions(call(sessions, "search", MEANT[9]))) <= {TALK[9]}
    assert len(vectors(client)) == 1
    client.delete(f"{PREFIX}s9")
    assert call(sessions, "embed_sessions") == 0
    assert vectors(client) == []
    call(sessions, "close")


def test_what_was_written_since_is_embedded(url: str, client: Any) -> None:
    noting = Noting()
    sessions = opened(url, noting)
    talk(sessions, each=5)
    sessions.embed_sessions()
    noting.batches.clear()
    sessions.add_user_message("s1", "Bees make honey.")
    assert models(client, "s1") == [MARK.encode()] * 5 + [None]
    assert questions(sessions.search("insects", limit=1)) == ["Bees make honey."]
    assert noting.texts == ["insects", "Bees make honey."]
    sessions.add_user_message("s1", "more")
    index: Any = sessions.store.vector_index
    ((name, state),) = index.behind(MODEL, 9)
    sessions.add_user_message("s1", "and more")
    index.mark(name, state, [])  # the session was written to since
    assert models(client, "s1")[-2:] == [None, None]
    assert len(vectors(client, "s1")) == 6
    sessions.close()


def test_another_model_is_noticed_and_never_mixed(
    url: str, client: Any, caplog: pytest.LogCaptureFixture, call: Callable[..., Any]
) -> None:
    sessions = opened(url)
    talk(sessions)
    sessions.embed_sessions()
    noting = Noting()
    other = opened(url, noting, "other")
    hits = call(other, "search", "parcel theft")
    assert (questions(hits), hits.complete) == ([TALK[1]], False)
    assert f"keeps the vectors of the model '{MODEL}', and this is 'other'" in caplog.text
    assert questions(call(other, "search", MEANT[1], session_id="s1")) == [TALK[1]]
    assert (sorted(noting.texts)) == sorted(["parcel theft", MEANT[1], TALK[1]])
    assert {key.split(b":")[-2].decode() for key in vectors(client)} == {MARK}
    assert call(other, "embed_sessions") == len(TALK)
    assert {key.split(b":")[-2].decode() for key in vectors(client)} == {mark_of("other")}
    assert indexes(client) == {f"{PREFIX}words:1", index_name(Keys(PREFIX), "other")}
    assert questions(call(other, "search", MEANT[1], limit=1)) == [TALK[1]]
    assert call(sessions, "search", MEANT[1]).complete is False
    call(sessions, "close")
    call(other, "close")


def test_vectors_of_another_length_fail_the_search(url: str) -> None:
    talk(sessions := opened(url))
    sessions.embed_sessions()
    short = opened(url, lambda texts: np.ones((len(texts), 3)))
    with pytest.raises(EmbeddingError, match="kept have 256 numbers, and the model now returns 3: give the new model"):
        short.search(MEANT[0])


def test_keys_that_are_all_gone_are_made_again(url: str, client: Any) -> None:
    sessions = opened(url)
    for _ in range(2):
        talk(sessions)
        assert questions(sessions.search(MEANT[1], limit=1)) == [TALK[1]]
        client.flushall()
    assert sessions.embed_sessions() == 0
    talk(sessions)
    assert sessions.embed_sessions() == len(TALK)
    sessions.close()


def test_sessions_that_are_sealed_have_no_vectors(url: str, client: Any) -> None:
    sessions = opened(url)
    sessions.add_user_message("s", TALK[0])
    sessions.embed_sessions()
    record = sessions.store.read("s").records
    hidden = (encode(user("hidden"), NOON),)
    assert sessions.store.exchange("s", Exchange(0, record, hidden, hides=True))
    assert vectors(client) == []


@pytest.mark.parametrize("options", [{"decode_responses": True}, {"protocol": 2}, {"protocol": 3}])
def test_a_given_client_of_any_kind_will_do(url: str, options: dict[str, Any]) -> None:
    with redis.Redis.from_url(url, **options) as given:
        sessions = SessionManager(
            1, RedisStore(client=given, archive=True, search=True, raw_ids=True), embed=Embed(embed, name=MODEL)
        )
        wait_for_index(sessions.store)
        talk(sessions, each=5)
        for session_id in (None, "s0"):
            assert questions(sessions.search(MEANT[0], session_id=session_id, limit=1)) == [TALK[0]]
        assert sessions.embed_sessions() == 0


def test_a_vector_that_is_there_stays(url: str, client: Any) -> None:
    store = opened(url).store
    SessionManager(1, store).add_user_message("s", "Hello")
    for vector in (b"1234", b"5678"):  # as of two processes that embed at once
        store.keep_vectors("s", MODEL, {b"1": vector})
    store.keep_vectors("gone", MODEL, {b"1": b"1234"})
    assert store.vectors("s", MODEL, [b"1", b"2"]) == {b"1": b"1234"}
    (key,) = vectors(client)
    assert key.decode() == f"{{{PREFIX}s}}:vectors:{name_of(MODEL, b'1')}"


def test_rights_of_a_limited_user_are_those_of_the_page(url: str, client: Any) -> None:
    page = (Path(__file__).parents[2] / "docs" / "finding.md").read_text("utf-8")
    rights = [*RIGHTS, *(right for each in re.findall(r"`(~\{acme:\*\}:[^`]*)`", page) for right in each.split())]
    client.execute_command("ACL", "SETUSER", "acme", "reset", "on", ">secret", *rights)
    sessions = opened(url.replace("redis://", "redis://acme:secret@"), key_prefix="acme:")
    talk(sessions, each=5)
    assert questions(sessions.search(MEANT[0], limit=1)) == [TALK[0]]
    sessions.undo("s0")
    other = SessionManager(1, sessions.store, embed=Embed(embed, name="other"))
    assert other.embed_sessions() == 2
    sessions.reset_session("s1")
    sessions.close()
    client.execute_command("ACL", "DELUSER", "acme")


@pytest.mark.parametrize("call", ["async"], indirect=True)
def test_on_a_cluster_the_nodes_are_asked_together(backends: Backends, call: Callable[..., Any]) -> None:
    cluster = Cluster(backends.binary("redis-8.2"), arguments=search_modules())
    if not search_modules():
        pytest.skip("RediSearch comes for Linux on x86_64 alone")
    cluster.start()
    try:
        sessions = opened(cluster.url)
        talk(sessions)
        for query, text in zip(MEANT[:3], TALK, strict=False):
            assert questions(call(sessions, "search", query, limit=1)) == [text]
        other = SessionManager(1, sessions.store, embed=Embed(embed, name="other"))
        assert call(other, "embed_sessions") == len(TALK)
        assert call(sessions, "search", MEANT[0]).complete is False
        call(sessions, "close")
    finally:
        cluster.stop()
