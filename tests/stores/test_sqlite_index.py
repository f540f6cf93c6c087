"""The index of a SQLite file: it finds what a walk finds, whoever writes, evicts and deletes."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionkit_integrations import Edit, Hits, InMemoryStore, SessionManager, SQLiteStore, Store, StoreError, Window
from sessionkit_integrations.records.codec import decode_all
from sessionkit_integrations.records.record import encode, role_of
from sessionkit_integrations.records.search_texts import SearchReader
from sessionkit_integrations.records.words import cut
from sessionkit_integrations.sessions import searching
from sessionkit_integrations.stores.sqlite import finding, index
from sessionkit_integrations.stores.terms import Terms
from sessionkit_integrations.stores.values import Covered
from tests.conversations import real_conversations
from tests.processes import running
from tests.sessions.test_finding import SAID, records, turns_of
from tests.sessions.test_search import NOON, QUERIES, TALK, asked_phrases, first_place, holding, questions, user, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

OPERATORS = ('"', "*", "tea*", "AND", "tea AND milk", "tea NOT milk", "words:tea", "^tea", "NEAR(tea)", "(", "'", "{}")


def found(store: Store, word: str) -> list[tuple[str, int, bool]]:
    parts = (word,) if len(word) > 2 else ()
    places = store.find(Terms((word,), parts, ()), since=None, skip=0, limit=10_000)
    assert places is not None
    return sorted(place[:3] for place in places)


def looked_up(store: Store, word: str) -> list[tuple[str, int, bool]]:
    """Return the places of a word by reading everything."""
    places = []
    for session_id in store.sessions():
        for archived in (True, False):
            preamble = not archived
            for position, record in enumerate(store.read(session_id, archived=archived).records):
                preamble = preamble and role_of(record) == "system"
                (searched,) = decode_all(SearchReader(), [record], session_id)
                words = [each for text in searched.texts for each in cut(text)]
                if any(word == each or (len(word) > 2 and word in each) for each in words) and not preamble:
                    places.append((session_id, position, archived))
    return sorted(places)


def tables(path: Path) -> tuple[int, int]:
    """Return the numbers of documents and of pending records, after SQLite compared both indexes with the documents."""
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO search_words (search_words, rank) VALUES ('integrity-check', 1)")
        connection.execute("INSERT INTO search_parts (search_parts, rank) VALUES ('integrity-check', 1)")
        (documents,) = connection.execute("SELECT count(*) FROM search_documents").fetchone()
        (counted,) = connection.execute("SELECT documents FROM search_version").fetchone()
        (pending,) = connection.execute("SELECT count(*) FROM search_pending").fetchone()
    connection.close()
    assert counted == documents
    return documents, pending


def test_every_script_and_identifier_is_found_across_sessions(tmp_path: Path) -> None:
    with SessionManager(2, SQLiteStore(tmp_path / "a.db", archive=True, search=True)) as sessions:
        for number, text in enumerate(TALK):
            write(sessions.store, f"s{number}", user(text))
        for number, query in enumerate(QUERIES[:-1]):
            assert questions(sessions.search(query, limit=1)) == [TALK[number]], query


def test_forty_phrases_are_found_among_all_sessions(tmp_path: Path) -> None:
    every = {f"s{number}" for number in range(len(real_conversations()))}
    with SQLiteStore(tmp_path / "a.db", archive=True, search=True) as store:
        sessions = holding(store, every)
        places = [
            [hit.session_id == name and first_place(Hits((hit,), complete=True), phrase) == 0 for hit in hits]
            for name, phrase in asked_phrases()
            if (hits := sessions.search(phrase, limit=3))
        ]
    assert len(places) == 40
    assert sum(map(any, places)) == 39


def test_nothing_is_an_operator(tmp_path: Path) -> None:
    with SessionManager(2, SQLiteStore(tmp_path / "a.db", search=True)) as sessions:
        write(sessions.store, "s", user("tea"), user("milk"))
        for query in OPERATORS:
            asked = {word for word in ("tea", "milk") if word in query}
            assert {*questions(sessions.search(query))} == asked, query


def test_every_character_of_a_word_is_part_of_it(tmp_path: Path) -> None:
    with SessionManager(2, SQLiteStore(tmp_path / "a.db", search=True)) as sessions:
        write(
            sessions.store,
            "s",
            user("x_y-z"),
            user("ada@example.com"),
            user("o'clock"),
            user("a+b&c#d:e/f.g"),
            window=9,
        )
        for query in ("x_y-z", "ada@example.com", "o'clock", "a+b&c#d:e/f.g", "example.co", "a+b&c"):
            places = sessions.store.find(Terms((query,), (query,), ()), since=None, skip=0, limit=9)
            assert places is not None
            assert len(places) == 1, query


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SAID, max_size=12), st.integers(0, 12), st.sampled_from(["a", "a b", "c d a", "x"]))
def test_an_index_finds_what_a_walk_finds(
    tmp_path_factory: pytest.TempPathFactory, said: list[Any], archived: int, query: str
) -> None:
    every = records(*said)
    edits = [("s", Edit(every[archived:], every[:archived])), ("t", Edit(every))]
    store = SQLiteStore(tmp_path_factory.mktemp("index") / "a.db", archive=True, search=True)
    outcomes = []
    for sessions in (SessionManager(2, InMemoryStore(archive=True)), SessionManager(2, store)):
        for number, (session_id, edit) in enumerate(edits):
            sessions.store.replace(session_id, edit, None, f"e{number}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(searching, "SHORT", 0)
            found = [sessions.search(query, session_id=each, limit=99) for each in (None, "s", "t", "u")]
        outcomes.append(list(map(turns_of, found)))
    store.close()
    assert outcomes[1] == outcomes[0]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.data())
def test_any_text_is_found_by_any_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text)))
    query = data.draw(st.sampled_from([text[start:], text[:start], text[start : start + 3], f"{texts[0]} {text}"]))
    edits = [(f"s{number}", Edit(records(user(each)))) for number, each in enumerate(texts) if each]
    with SQLiteStore(tmp_path_factory.mktemp("index") / "a.db", archive=True, search=True) as store:
        for_all = [SessionManager(2, InMemoryStore(archive=True)), SessionManager(2, store)]
        for sessions in for_all:
            for session_id, edit in edits:
                sessions.store.replace(session_id, edit, None, "e")
        walked, searched = (turns_of(sessions.search(query or "x", limit=99)) for sessions in for_all)
    assert searched == walked


def test_an_index_finds_what_a_walk_finds_in_conversations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SHORT", 0)
    every = {f"s{number}" for number in range(6)}
    with SQLiteStore(tmp_path / "a.db", archive=True, search=True) as store:
        managers = holding(InMemoryStore(archive=True), every), holding(store, every)
        for query in ("flight", "serv", "reservation details", "JFK", "get_user_details", "gift card 5", "unheard"):
            for session_id in (None, "s3"):
                every_hit = (sessions.search(query, session_id=session_id, limit=999) for sessions in managers)
                walked, searched = map(turns_of, every_hit)
                assert searched == walked, (query, session_id)


MESSAGES = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "system"]), st.sampled_from(["tea", "steam", "milk", "x"])),
    min_size=1,
    max_size=3,
)
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["plain", "searching"]),
        st.sampled_from(["append", "append", "append", "wait", "edit", "archive", "clear", "cover", "delete", "shell"]),
        st.sampled_from("st"),
        MESSAGES,
    ),
    max_size=14,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS, st.booleans(), st.integers(0, 5))
def test_the_index_keeps_up_with_every_writer(
    tmp_path_factory: pytest.TempPathFactory, operations: list[Any], archive: bool, before: int
) -> None:
    path = tmp_path_factory.mktemp("index") / "a.db"
    stores = {"plain": SQLiteStore(path, archive=archive)}
    stores["plain"].read("s")  # which makes the file
    for number, (writer, *operation) in enumerate(operations):
        if number == before:
            stores["searching"] = SQLiteStore(path, archive=archive, search=True)
        change(stores.get(writer, stores["plain"]), path, number, *operation)
        if "searching" in stores:
            for word in ("tea", "x"):
                assert found(stores["searching"], word) == looked_up(stores["plain"], word)
    if "searching" in stores:
        for session_id in stores["plain"].sessions():
            stores["plain"].delete(session_id)
        assert tables(path) == (0, 0)
    for store in stores.values():
        store.close()


def change(store: SQLiteStore, path: Path, number: int, what: str, session_id: str, said: Sequence[Any]) -> None:
    written = tuple(encode({"role": role, "content": text}, NOON + number) for role, text in said)
    if what in ("append", "wait"):
        store.append(session_id, written, Window(1), f"o{number}", wait=what == "wait")
    elif what == "edit":
        active = store.read(session_id).records
        store.replace(session_id, Edit((*active[2:], *written), evicted=active[:2]), None, f"o{number}")
    elif what == "archive":
        store.replace(session_id, Edit(archive=written), None, f"o{number}")
    elif what == "clear":
        store.replace(session_id, Edit(written, clear_archive=True), None, f"o{number}")
    elif what == "cover":
        info = store.describe(session_id)
        if info is not None and info.waiting:
            covered = Covered(1, 1, info.summarized, info.created)
            store.replace(session_id, Edit(covered=covered), None, f"o{number}")
    elif what == "delete":
        store.delete(session_id)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,))
        connection.close()


def test_expired_sessions_are_not_found_and_leave_the_index(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with SQLiteStore(path, ttl=timedelta(hours=1), archive=True, search=True) as store:
        write(store, "s", *(user("tea") for _ in range(5)), window=1)
        assert len(found(store, "tea")) == 5
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE sessions SET expires_at = 1")
        connection.close()
        assert found(store, "tea") == []
        write(store, "t", user("milk"))
        assert found(store, "milk") == [("t", 0, False)]
        assert tables(path) == (1, 0)


def test_an_eviction_leaves_the_index_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with SQLiteStore(path, archive=True, search=True) as store:
        write(store, "s", *(user(f"tea {number}") for number in range(3)), window=1)
        assert found(store, "tea") == [("s", 0, False), ("s", 0, True), ("s", 1, True)]
        assert [hit.position for hit in SessionManager(1, store).search("tea", archived=True)] == [1, 0]
        write(store, "s", user("milk"), at=NOON + 9000, window=1)
        assert tables(path) == (3, 1)
        assert found(store, "tea") == [("s", 0, True), ("s", 1, True), ("s", 2, True)]


def test_a_full_batch_is_indexed_by_the_write_and_the_rest_by_the_search(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with SQLiteStore(path, search=True) as store:
        for number in range(index.BATCH):
            assert number == 0 or tables(path) == (0, number)
            write(store, f"s{number}", user("tea"))
        assert tables(path) == (index.BATCH, 0)
        write(store, "t", user("tea"))
        assert tables(path) == (index.BATCH, 1)
        assert len(found(store, "tea")) == index.BATCH + 1
        assert tables(path) == (index.BATCH + 1, 0)


def test_pages_have_every_place_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MOST", 7)
    monkeypatch.setattr(finding, "FEW", 3)
    monkeypatch.setattr(finding, "CLOSELY", 4)
    monkeypatch.setattr(finding, "CHUNK", 5)
    terms = Terms(("tea", "milk", "rare"), ("tea", "milk", "rare"), (("tea", "milk"),))
    with SQLiteStore(tmp_path / "a.db", search=True) as store:
        for number in range(30):
            write(store, f"s{number}", user(["tea", "steam", "milk", "tea milk", "water"][number % 5]))
        write(store, "t", user("rare tea"))
        pages = [store.find(terms, since=None, skip=skip, limit=4) or () for skip in range(0, 40, 4)]
        places = [place[:3] for page in pages for place in page]
        assert len(places) == len(set(places)) == 25
        assert places[0][0] == "t"
        assert [len(page) for page in pages] == [4] * 6 + [1, 0, 0, 0]
        for session_id, expected in (("s0", ["s0"]), ("s2", ["s2"]), ("s4", []), ("t", ["t"]), ("u", [])):
            of_one = store.find(terms, since=None, skip=0, limit=4, session_id=session_id) or ()
            assert [place[0] for place in of_one] == expected


def test_the_time_of_a_message_narrows_the_search(tmp_path: Path) -> None:
    with SessionManager(9, SQLiteStore(tmp_path / "a.db", search=True)) as sessions:
        write(sessions.store, "s", *(user(f"tea {number}") for number in range(4)), window=9)
        places = sessions.store.find(Terms(("tea",), ("tea",), ()), since=NOON + 2000, skip=0, limit=9)
        assert sorted(place[1] for place in places or ()) == [2, 3]
        since = datetime.fromtimestamp((NOON + 3000) / 1000, timezone.utc)
        assert questions(sessions.search("tea", since=since)) == ["tea 3"]


def test_an_older_file_is_indexed_while_others_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MOST_AT_ONCE", 10)
    monkeypatch.setattr("sessionkit_integrations.stores.sqlite.indexed.PROGRESS", 0.0)
    plain = SQLiteStore(tmp_path / "a.db", archive=True)
    for name in "st":
        plain.replace(name, Edit(records(user("tea")), records(*(user("tea") for _ in range(40)))), None, "e")
    left: list[int] = []

    def progress(number: int) -> None:
        left.append(number)
        plain.append("t", records(user("tea")), Window(1), f"o{number}")
        plain.delete("s" if len(left) == 3 else "nobody")

    with plain, SQLiteStore(tmp_path / "a.db", archive=True, search=True) as store:
        store.index_sessions(progress)
        assert left[0] == 72
        assert left[-1] <= 10
        assert found(store, "tea") == looked_up(plain, "tea")
        assert {session_id for session_id, *_ in found(store, "tea")} == {"t"}


def test_a_search_does_not_wait_for_the_index_of_an_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(index, "MOST_AT_ONCE", 1)
    monkeypatch.setattr("sessionkit_integrations.stores.sqlite.indexed.PROGRESS", 0.0)
    with SQLiteStore(tmp_path / "a.db", archive=True) as plain:
        plain.replace("s", Edit(records(user("tea")), records(*(user("tea") for _ in range(9)))), None, "e")
    with SQLiteStore(tmp_path / "a.db", archive=True, search=True, timeout=0.000_001) as store:
        assert store.find(Terms(("tea",), ("tea",), ()), since=None, skip=0, limit=9) is None
        assert len(SessionManager(1, store).search("tea", limit=99)) == 10
    with (
        caplog.at_level("INFO", "sessionkit_integrations"),
        SQLiteStore(tmp_path / "a.db", archive=True, search=True) as store,
    ):
        asyncio.run(store.aindex_sessions())
        assert tables(tmp_path / "a.db") == (10, 0)
    assert "a.db' that are still to be indexed: 1" in caplog.text


def test_a_search_reads_the_sessions_while_others_keep_the_file_locked(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    with SQLiteStore(tmp_path / "a.db", search=True, timeout=0.01) as store:
        write(store, "s", user("tea"))
        with sqlite3.connect(tmp_path / "a.db", isolation_level=None) as connection:
            connection.execute("BEGIN IMMEDIATE")
            assert call(store, "find", Terms(("tea",), (), ()), since=None, skip=0, limit=1) is None
            assert questions(call(SessionManager(1, store), "search", "tea")) == ["tea"]
            connection.execute("ROLLBACK")
        connection.close()
        assert found(store, "tea") == [("s", 0, False)]


BUILDING = """
import sys
from sessionkit_integrations import SQLiteStore
from sessionkit_integrations.stores.sqlite import index, indexed
index.MOST_AT_ONCE = 5
indexed.PROGRESS = 0.0
SQLiteStore(sys.argv[1], search=True).index_sessions(lambda left: print(left, flush=True))
"""


def test_an_index_goes_on_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    plain = SQLiteStore(path, archive=True)
    plain.replace("s", Edit(records(user("tea")), records(*(user("steam") for _ in range(1000)))), None, "e")
    with running([sys.executable, "-c", BUILDING, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    documents, _ = tables(path)
    assert 15 <= documents < 1001
    with plain, SQLiteStore(path, archive=True, search=True) as store:
        assert found(store, "tea") == looked_up(plain, "tea")
        assert tables(path) == (1001, 0)


def test_without_fts5_the_store_says_what_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    with SQLiteStore(path) as plain:
        write(plain, "s", user("tea"))
        monkeypatch.setattr(index, "_CAPABLE", "SELECT '3.45.1', 0")
        with pytest.raises(StoreError, match=r"FTS5, and this is SQLite 3\.45\.1 without it; leave search=True out"):
            SQLiteStore(path, search=True).read("s")
        monkeypatch.setattr(index, "_CAPABLE", "SELECT '3.31.1', 1")
        with pytest.raises(StoreError, match=r"needs SQLite 3\.34 or later with FTS5, and this is SQLite 3\.31\.1;"):
            SQLiteStore(path, search=True).delete("s")
        assert len(SessionManager(1, plain).search("tea")) == 1


def test_an_older_index_is_made_again_and_a_later_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with SQLiteStore(path, archive=True, search=True) as store:
        write(store, "s", *(user("tea") for _ in range(3)), window=1)
        before = found(store, "tea")
    for version in (index.INDEX_VERSION - 1, index.INDEX_VERSION + 1):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE search_version SET version = ?", (version,))
        connection.close()
        with SQLiteStore(path, archive=True, search=True) as store:
            if version < index.INDEX_VERSION:
                assert found(store, "tea") == before
                assert tables(path) == (3, 0)
            else:
                with pytest.raises(StoreError, match="index has version 3; upgrade sessionkit-integrations to search"):
                    store.read("s")


WITHOUT = """
import sys
from sessionkit_integrations import SessionManager
sessions = SessionManager.from_url(f"sqlite:///{sys.argv[1]}")
sessions.add_user_message("s", "tea")
print(len(sessions.search("tea")), *(name for name in sys.modules if "sqlite.index" in name or "sqlite.find" in name))
"""


def test_without_it_nothing_is_made_or_imported(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with running([sys.executable, "-c", WITHOUT, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate()[0] == "1\n"
    with sqlite3.connect(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE sql GLOB '*search*'").fetchall()
    connection.close()
    assert names == []
    with SQLiteStore(path) as store:
        assert store.find(Terms(("tea",), (), ()), since=None, skip=0, limit=1) is None
        with pytest.raises(StoreError, match="the store was made without search=True, and keeps no index"):
            store.index_sessions()
        with pytest.raises(StoreError, match="search=True"):
            asyncio.run(store.aindex_sessions())


def test_corrupt_records_are_found_by_nothing(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "a.db", search=True) as store:
        write(store, "s", user("tea"))
        with sqlite3.connect(tmp_path / "a.db") as connection:
            connection.execute("UPDATE active SET record = CAST('tea' AS BLOB)")
        connection.close()
        assert found(store, "tea") == []
        assert tables(tmp_path / "a.db") == (1, 0)
