"""Search by meaning in all sessions of a store that keeps their vectors: what is found, and what is read for it."""

from __future__ import annotations

import logging
import pickle
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    Edit,
    Embed,
    EmbeddingError,
    Hits,
    InMemoryStore,
    Record,
    SessionManager,
    SQLiteStore,
    Store,
    StoreError,
)
from sessionkit_integrations.sessions import nearness, searching
from sessionkit_integrations.sessions.steps import run_on
from sessionkit_integrations.sessions.vector_steps import KeepVectors, ReadVectors
from tests.embeddings import Noting, WordLlamaEmbeddings, embed
from tests.sessions.test_meaning import MEANT, TALK
from tests.sessions.test_search import archiving, calling, questions, result, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Reading(SQLiteStore):
    """A store that notes the sessions that are read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, archive=True, search=True)
        self.sessions_read: list[str] = []

    def read(self, session_id: str, **options: Any) -> Any:
        self.sessions_read.append(session_id)
        return super().read(session_id, **options)

    async def aread(self, session_id: str, **options: Any) -> Any:
        self.sessions_read.append(session_id)
        return await super().aread(session_id, **options)

    def read_both(self, session_id: str, part: slice) -> Any:
        self.sessions_read.append(session_id)
        return super().read_both(session_id, part)

    async def aread_both(self, session_id: str, part: slice) -> Any:
        self.sessions_read.append(session_id)
        return await super().aread_both(session_id, part)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.db"


def opened(path: Path, model: Any = embed, name: str = "wordllama", **options: Any) -> SessionManager:
    return SessionManager(1, Reading(path), embed=Embed(model, name=name, **options))


def talk(sessions: SessionManager, *, each: int = 1) -> None:
    """Write the talk to sessions, some texts to each."""
    for number, text in enumerate(TALK):
        sessions.add_user_message(f"s{number // each}", text)


def vectors(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
        return count


def test_what_a_walk_finds_is_found_by_the_vectors(path: Path, call: Callable[..., Any]) -> None:
    walked = archiving(1, embed=Embed(embed, name="wordllama"))
    with opened(path) as sessions:
        for manager in (walked, sessions):
            talk(manager, each=3)
        for query in (*MEANT, "!?"):
            hits = call(sessions, "search", query, limit=4)
            expected = walked.search(query, limit=4)
            assert [(hit.session_id, hit.position, hit.score, hit.snippet, hit.archived) for hit in hits] == [
                (hit.session_id, hit.position, hit.score, hit.snippet, hit.archived) for hit in expected
            ]
            assert hits.complete


def test_an_empty_store_has_no_hits(path: Path, call: Callable[..., Any]) -> None:
    with opened(path) as sessions:
        assert call(sessions, "search", "food") == Hits((), complete=True)


def test_vectors_are_read_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages, perform = list[int](), ReadVectors.perform

    def noting(step: ReadVectors, store: Store) -> Any:
        page = perform(step, store)
        pages.append(len(page))
        return page

    monkeypatch.setattr(ReadVectors, "perform", noting)
    monkeypatch.setattr(nearness, "VECTORS", 6)
    with opened(path) as sessions:
        talk(sessions)
        for query in MEANT[:2]:
            sessions.search(query)
        sessions.add_user_message("s0", "Hello")
        sessions.reset_session("s1")
        assert TALK[1] not in questions(sessions.search(MEANT[1]))
        assert pages == [6, 4, 0, 0, 1, 0]
        SessionManager(1, sessions.store, embed=Embed(lambda texts: [[1.0]] * len(texts), name="b")).embed_sessions()
        assert sessions.embed_sessions() == 9
        pages.clear()
        assert questions(sessions.search(MEANT[5], limit=1)) == [TALK[5]]
        assert pages == [6, 4, 0]


def test_a_manager_is_pickled_without_the_vectors(path: Path) -> None:
    with SessionManager(1, SQLiteStore(path, search=True), embed=WordLlamaEmbeddings()) as sessions:
        talk(sessions)
        sessions.search(MEANT[5])
        assert b"_held" not in pickle.dumps(sessions)


def test_words_and_meaning_are_merged(path: Path) -> None:
    with opened(path) as sessions:
        talk(sessions)
        hits = sessions.search("violin lessons", limit=3)
        assert questions(hits)[0] == TALK[8]
        assert hits[0].score == pytest.approx(2 / 61)
        assert str(hits[0].snippet) == "He plays the **violin** beautifully."


def test_only_what_is_near_is_read_and_what_was_written(
    path: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionkit_integrations.sessions.meaning.DEPTH", 2)
    noting = Noting()
    with opened(path, noting) as sessions:
        talk(sessions)
        assert questions(call(sessions, "search", MEANT[1], limit=1)) == [TALK[1]]
        assert set(sessions.store.sessions_read) == {f"s{number}" for number in range(10)}  # type: ignore[attr-defined]
        sessions.store.sessions_read.clear()  # type: ignore[attr-defined]
        noting.batches.clear()
        assert questions(call(sessions, "search", MEANT[0], limit=1)) == [TALK[0]]
        assert len(set(sessions.store.sessions_read)) <= 3  # type: ignore[attr-defined]
        assert noting.batches == [[MEANT[0]]]
        sessions.add_user_message("s5", "The mail carrier lost our box.")
        call(sessions, "search", MEANT[1], limit=1)
        assert noting.batches[1:] == [[MEANT[1]], ["The mail carrier lost our box."]]


def test_filters_look_further(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionkit_integrations.sessions.meaning.DEPTH", 1)
    monkeypatch.setattr(nearness, "CANDIDATES", 1)
    monkeypatch.setattr(nearness, "VECTORS", 3)
    with opened(path, lambda texts: [[1, len(text)] for text in texts]) as sessions:
        for number in range(30):
            sessions.add_user_message(f"s{number}", "x")
        sessions.send_messages("called", [user("y" * 90), calling("find", "{}"), result("z" * 90)])
        (hit,) = sessions.search("!", tool="find")
        assert hit.session_id == "called"
        assert len(sessions.search("!", limit=1)) == 1


def test_vectors_of_what_is_gone_are_dropped(path: Path) -> None:
    with opened(path) as sessions:
        talk(sessions, each=10)
        sessions.search("food")
        assert vectors(path) == 10
        sessions.store.replace("s0", Edit((Record(b'{"role":"user","content":"Hi"}'),), (), True), None, "e")
        assert questions(sessions.search("hello", limit=1)) == ["Hi"]
        assert vectors(path) == 1


def test_another_model_searches_by_words_until_all_is_embedded(
    path: Path, call: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with opened(path, lambda texts: [[1.0]] * len(texts), "old") as sessions:
        talk(sessions, each=4)
        sessions.search("food")
    noting, seen = Noting(), list[int]()
    with opened(path, noting) as sessions:
        with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
            hits = call(sessions, "search", "peanuts and pets")
        assert questions(hits) == [TALK[0]]
        assert not hits.complete
        (said,) = caplog.messages
        assert said.startswith("search by words alone: the store keeps the vectors of the model 'old'")
        assert noting.texts == ["peanuts and pets"]
        assert call(sessions, "embed_sessions", seen.append) == 3
        assert seen == [1, 2, 3]
        assert call(sessions, "embed_sessions") == 0
        assert sorted(noting.texts) == sorted(["peanuts and pets", *TALK])
        hits = call(sessions, "search", MEANT[5], limit=1)
        assert questions(hits) == [TALK[5]]
        assert hits.complete


def test_embedding_goes_on_where_it_failed(path: Path, call: Callable[..., Any]) -> None:
    noting = Noting(fails=3)
    with opened(path, noting, batch=2) as sessions:
        talk(sessions, each=10)
        with pytest.raises(EmbeddingError, match="raised OSError"):
            call(sessions, "embed_sessions")
        assert vectors(path) == 4
        assert call(sessions, "embed_sessions") == 1
        assert [len(batch) for batch in noting.batches] == [2] * 6
        assert vectors(path) == 10


def test_embedding_needs_a_model_and_a_store_that_keeps_vectors(call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"needs a model: SessionManager\(embed=…\)"):
        call(SessionManager(), "embed_sessions")
    with pytest.raises(ValueError, match="the store keeps no vectors of all sessions, as SQLiteStore and RedisStore"):
        call(SessionManager(1, InMemoryStore(), embed=Embed(embed, name="x")), "embed_sessions")


def test_wrong_vectors_fail_the_search(path: Path) -> None:
    with opened(path, lambda texts: embed(texts)[:1]) as sessions:
        talk(sessions, each=5)
        with pytest.raises(EmbeddingError, match="a vector for each text, got 1 for 5"):
            sessions.search("food")


def test_a_file_that_cannot_be_written_to_is_searched(
    path: Path, call: Callable[..., Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> Any:
        raise StoreError("the disk is full")

    with opened(path) as sessions:
        talk(sessions)
        sessions.search("food")
        sessions.add_user_message("new", "Almonds make me sneeze.")
        monkeypatch.setattr(KeepVectors, "perform", refuse)
        monkeypatch.setattr(KeepVectors, "aperform", refuse)
        with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
            hits = call(sessions, "search", MEANT[1], limit=1)
            (hit,) = call(sessions, "search", "allergies", session_id="new")
        assert (questions(hits), hits.complete) == ([TALK[1]], False)
        assert hit.messages == [user("Almonds make me sneeze.")]
        assert caplog.messages == [
            "search by meaning leaves out what was written last: the disk is full",
            "vectors of session 'new' are not kept: the disk is full",
        ]
        with pytest.raises(StoreError, match="disk is full"):
            call(sessions, "embed_sessions")
        monkeypatch.undo()
        assert call(sessions, "embed_sessions") == 1


def test_a_session_that_is_half_embedded_stays_behind(path: Path) -> None:
    with opened(path, batch=2) as sessions:
        talk(sessions, each=10)
        late = iter([False, False, False, True])
        half = nearness.CatchingUp(sessions._plain, Embed(embed, name="wordllama", batch=2), lambda: next(late))
        run_on(sessions.store, half.run())
        assert (half.complete, vectors(path)) == (False, 4)
        with Reading(path) as reading:
            assert [name for name, _ in reading.vector_index.behind("wordllama", 9)] == ["s0"]
        assert sessions.embed_sessions() == 1
        assert vectors(path) == 10


def test_a_failing_model_fails_the_search(path: Path) -> None:
    with opened(path, Noting(fails=2)) as sessions:
        talk(sessions)
        with pytest.raises(EmbeddingError, match="raised OSError"):
            sessions.search("food")
        assert questions(sessions.search(MEANT[0], limit=1)) == [TALK[0]]


def test_a_session_that_cannot_be_read_is_left_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(path) as sessions:
        talk(sessions, each=5)
        sessions.store.replace("s0", Edit(archive=(Record(b'{"role":"user","content":7}'),)), None, "e")
        with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
            hits = sessions.search(MEANT[8], limit=1)
        assert questions(hits) == [TALK[8]]
        assert not hits.complete
        assert any("a session is not embedded: session 's0'" in message for message in caplog.messages)
        assert sessions.embed_sessions() == 1


def test_a_late_search_returns_what_it_has(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noting = Noting()
    with opened(path, noting) as sessions:
        talk(sessions)
        monkeypatch.setattr(searching.Search, "_is_late", _late)
        hits = sessions.search("violin", timeout=1e-9)
        assert not hits.complete
        assert noting.batches == [["violin"]]
        monkeypatch.undo()
        assert sessions.search(MEANT[8], limit=1).complete


def _late(search: Any) -> bool:
    search._complete = False
    return True
