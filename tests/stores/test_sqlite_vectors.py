"""Vectors in a SQLite file: kept across restarts, gone with their sessions, and of one model."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Embed, EmbeddingError, SessionManager, SQLiteStore
from sessionkit_integrations.records.record import now
from tests.embeddings import Noting
from tests.sessions.test_search import questions, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXTS = ("I am allergic to peanuts.", "The parcel was stolen.", "Thank you!")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.db"


def opened(path: Path, model: Any, name: str = "wordllama", **options: Any) -> SessionManager:
    return SessionManager(1, SQLiteStore(path, archive=True, **options), embed=Embed(model, name=name))


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def tables(path: Path) -> set[str]:
    return {name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')")}


def test_without_a_model_there_is_no_table(path: Path) -> None:
    with SessionManager(1, SQLiteStore(path, archive=True)) as sessions:
        sessions.add_user_message("s", TEXTS[0])
        sessions.search("nuts")
    assert tables(path).isdisjoint({"vectors", "vector_model", "embedded", "session_deleted_with_vectors"})


def test_vectors_outlive_the_process(path: Path, call: Callable[..., Any]) -> None:
    for expected in ([*TEXTS, "package theft"], ["package theft"]):
        noting = Noting()
        with opened(path, noting) as sessions:
            if not sessions.get_session("s"):
                sessions.send_messages("s", [user(text) for text in TEXTS])
            assert questions(call(sessions, "search", "package theft", session_id="s", limit=1)) == [TEXTS[1]]
        assert sorted(noting.texts) == sorted(expected)
    assert rows(path, "SELECT count(*), min(length(vector)), max(length(digest)) FROM vectors") == [(3, 1024, 16)]
    assert rows(path, "SELECT name FROM vector_model") == [("wordllama",)]


def test_vectors_go_with_their_session(path: Path) -> None:
    with opened(path, Noting()) as sessions:
        for name in "ab":
            sessions.send_messages(name, [user(text) for text in TEXTS[:2]])
        sessions.search("food")
        assert rows(path, "SELECT count(*) FROM vectors") == [(4,)]
        sessions.reset_session("a")
        assert rows(path, "SELECT count(*) FROM vectors") == [(2,)]
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.execute("DELETE FROM sessions")
    assert rows(path, "SELECT (SELECT count(*) FROM vectors) + (SELECT count(*) FROM embedded)") == [(0,)]


def test_those_of_an_expired_session_are_not_used(path: Path) -> None:
    store = SQLiteStore(path, ttl=100)
    with SessionManager(1, store, embed=Embed(Noting(), name="x")) as sessions:
        sessions.add_user_message("s", TEXTS[0])
        sessions.search("food")
        ((digest,),) = rows(path, "SELECT digest FROM vectors")
        assert list(store.vectors("s", "x", [digest])) == [digest]
        with closing(sqlite3.connect(path)) as shell, shell:
            shell.execute("UPDATE sessions SET expires_at = 1")
        assert store.vectors("s", "x", [digest]) == {}
        store.keep_vectors("s", "x", {b"new": b"1234"})
        assert rows(path, "SELECT count(*) FROM vectors WHERE digest = CAST('new' AS BLOB)") == [(0,)]


def test_a_session_may_have_any_number_of_texts(path: Path, call: Callable[..., Any]) -> None:
    with SQLiteStore(path) as store:
        SessionManager(1, store).add_user_message("s", "Hello")
        made = {number.to_bytes(16, "big"): number.to_bytes(4, "big") for number in range(1201)}
        call(store, "keep_vectors", "s", "x", made)
        assert call(store, "vectors", "s", "x", [*made, b"other"]) == made
        assert call(store, "vectors", "t", "x", [*made]) == {}


def test_a_vector_that_is_there_stays(path: Path) -> None:
    with SQLiteStore(path) as store:
        SessionManager(1, store).add_user_message("s", "Hello")
        for vector in (b"1234", b"5678"):  # as of two processes that embed at once
            store.keep_vectors("s", "x", {b"1": vector})
        assert store.vector_index.page(0, 9) == [(1, "s", b"1234")]


def test_vectors_of_another_model_stay_out_of_the_file(path: Path, call: Callable[..., Any]) -> None:
    with opened(path, Noting()) as sessions:
        sessions.send_messages("s", [user(text) for text in TEXTS])
        sessions.search("food")
    before, other = rows(path, "SELECT * FROM vectors"), Noting()
    with opened(path, other, "other") as sessions:
        for _ in range(2):
            assert questions(call(sessions, "search", "package theft", session_id="s", limit=1)) == [TEXTS[1]]
    assert sorted(other.texts) == sorted(["package theft", "package theft", *TEXTS])
    assert rows(path, "SELECT * FROM vectors") == before
    assert rows(path, "SELECT name FROM vector_model") == [("wordllama",)]


def test_the_index_says_which_sessions_are_behind(path: Path, call: Callable[..., Any]) -> None:
    with SQLiteStore(path) as store:
        sessions, index = SessionManager(5, store), store.vector_index
        for name in "ab":
            sessions.add_user_message(name, "Hello")
        assert {name for name, _ in call(index, "behind", "x", 9)} == {"a", "b"}
        assert len(call(index, "behind", "x", 1)) == 1
        assert (call(index, "state"), call(index, "page", 0, 9)) == ((0, 0), [])
        call(index, "begin", "x")
        (one,) = call(index, "behind", "x", 1)
        assert one[0] in "ab"
        states = dict(call(index, "behind", "x", 9))
        store.keep_vectors("a", "x", {b"1": b"aaaa", b"2": b"bbbb"})
        call(index, "mark", "a", states["a"], [b"2"])
        assert [name for name, _ in call(index, "behind", "x", 9)] == ["b"]
        assert call(index, "page", 0, 9) == [(2, "a", b"bbbb")]
        assert call(index, "page", 2, 9) == []
        since, count = call(index, "state")
        assert (abs(since - now()) < 60_000, count) == (True, 1)
        sessions.add_user_message("a", "Hello")
        assert {name for name, _ in call(index, "behind", "x", 9)} == {"a", "b"}
        call(index, "mark", "a", states["a"], [b"2"])
        assert {name for name, _ in call(index, "behind", "x", 9)} == {"a", "b"}
        call(index, "mark", "gone", "", [])
        with pytest.raises(
            EmbeddingError, match=r"keeps the vectors of the model 'x', and this is 'y': .*embed_sessions"
        ):
            call(index, "behind", "y", 9)
        call(index, "begin", "x")
        assert len(call(index, "page", 0, 9)) == 1
        call(index, "begin", "y")
        assert call(index, "page", 0, 9) == []
        assert {name for name, _ in call(index, "behind", "y", 9)} == {"a", "b"}


def test_a_file_that_had_vectors_begins_again_with_another_model(path: Path) -> None:
    with SQLiteStore(path) as store:
        SessionManager(1, store).add_user_message("s", "Hello")
        store.keep_vectors("s", "x", {b"1": b"aaaa"})
        store.vector_index.begin("y")
        store.keep_vectors("s", "x", {b"2": b"bbbb"})
        assert rows(path, "SELECT * FROM vectors") == []
        assert store.vectors("s", "x", [b"1", b"2"]) == {b"2": b"bbbb"}  # within the process
        store.keep_vectors("s", "y", {b"3": b"cccc"})
        assert store.vectors("s", "y", [b"3"]) == {b"3": b"cccc"}
