"""The schema of SQLite files: its versions, its pages, and what holds for those who use SQLite's own shell."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Edit, SessionManager, SQLiteStore, StoreError
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.stores.sqlite import listing, reading, schema, statements
from tests.fixtures import FOLDER
from tests.stores.test_sqlite import TURNS, WRITERS, write_turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WINDOW = 2
PAGE = 50


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    """A file as the first version of the schema had it, in which a session was deleted without its records."""
    path = tmp_path / "chats.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((FOLDER / "sqlite-1.sql").read_text())
    return path


def contents(messages: list[Any]) -> list[str]:
    return [message["content"] for message in messages]


def look(path: Path, sql: str) -> list[Any]:
    """Execute SQL as SQLite's own shell does: foreign keys are not enforced."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def check(path: Path) -> None:
    """Check that a file is whole, and that its figures are those of its records."""
    assert look(path, "PRAGMA integrity_check") == [("ok",)]
    assert look(path, "PRAGMA foreign_key_check") == []
    assert (
        look(
            path,
            "SELECT DISTINCT session FROM active UNION SELECT session FROM archived EXCEPT SELECT id FROM sessions",
        )
        == []
    )
    counted = (
        "(SELECT count(*) FROM archived WHERE session = id), (SELECT max(position) FROM archived WHERE session = id)"
    )
    turns = "(SELECT count(DISTINCT turn) FROM active WHERE session = id AND turn > 0)"
    for turn, archived, *found in look(path, f"SELECT turn - evicted, archived, {turns}, {counted} FROM sessions"):  # noqa: S608
        assert (turn, archived, archived or None) == tuple(found)


def test_a_file_of_version_1_is_read_and_goes_on(version_1: Path) -> None:
    ada = ["Hello", *(text for number in range(5) for text in (f"ada {number}", f"reply {number}"))]
    with SessionManager(WINDOW, SQLiteStore(version_1, archive=True)) as sessions:
        assert sorted(sessions.list_sessions()) == ["ada", "archive only", "grace", "one", "short-lived"]
        assert contents(sessions.get_session("ada")) == ["Be brief.", *ada[-4:]]
        assert contents(sessions.get_archive("ada")) == ada[:-4]
        assert contents(sessions.get_archive("archive only")) == ["kept"]
        info = sessions.store.describe("ada")
        assert info is not None
        assert (info.turns, info.messages, info.archived, info.appended) == (2, 5, 7, 12)
        assert str(info.created) == "2026-11-28 14:02:45.708000+00:00"
        info = sessions.store.describe("short-lived")
        assert info is not None
        assert str(info.expires) == "2100-01-01 00:00:00+00:00"
        assert look(version_1, "PRAGMA user_version") == [(schema.SCHEMA_VERSION,)]
        check(version_1)

        # Was written before.
        sessions.send_message("ada", {"role": "user", "content": "ada 4"}, idempotency_key="ada 4")
        assert contents(sessions.get_session("ada"))[-2:] == ["ada 4", "reply 4"]
        for session_id in ("ada", "grace", "one", "archive only"):
            sessions.send_messages(session_id, [{"role": "user", "content": "new"}])
        assert contents(sessions.get_session("ada")) == ["Be brief.", *ada[-2:], "new"]
        assert contents(sessions.get_archive("ada")) == ada[:-2]
        whole = sessions.store.read("ada", archived=True).records
        assert sessions.store.read("ada", archived=True, start=-2).records == whole[-2:]
        sessions.add_user_message("somebody new", "Hello")
        assert contents([*sessions.get_archive("somebody new"), *sessions.get_session("somebody new")]) == ["Hello"]
        check(version_1)


def test_a_file_of_version_2_goes_on_also_for_who_has_it_open(tmp_path: Path) -> None:
    path, new = tmp_path / "chats.db", tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        for change in (*schema._TABLES, schema._INDEX, schema._TRIGGER):
            older.execute(change)
        older.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        older.execute("PRAGMA user_version = 2")
        older.execute("INSERT INTO sessions (session_id, created_at, updated_at) VALUES ('older', 1, 1)")
        with SessionManager(WINDOW, SQLiteStore(path)) as sessions, SQLiteStore(new) as other:
            sessions.add_user_message("s", "Hello")
            older.execute("INSERT INTO active (session, position, turn, record) VALUES (1, 1, 1, ?)", (record(1),))
            older.execute("UPDATE sessions SET turn = 1, size = 1, position = 1 WHERE id = 1")
            assert contents(sessions.get_session("older")) == ["1"]
            other.read("s")
            definitions = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
            assert look(path, definitions) == look(new, definitions)
    check(path)


def test_what_was_left_of_a_deleted_session_is_nobodys_after_a_migration(version_1: Path) -> None:
    assert look(version_1, "SELECT count(*) FROM archived WHERE session NOT IN (SELECT id FROM sessions)") == [(2,)]
    with SessionManager(WINDOW, SQLiteStore(version_1)) as sessions:
        sessions.get_session("ada")
    records = look(version_1, "SELECT record FROM active UNION SELECT record FROM archived")
    assert b"secret" not in b"".join(record for (record,) in records)


def test_several_processes_migrate_a_file_once(version_1: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_turns, args=(version_1, writer)) for writer in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * WRITERS
    with SessionManager(1000, SQLiteStore(version_1)) as sessions:
        assert len(sessions.get_session("s")) == WRITERS * TURNS * 2
        assert len(sessions.get_archive("ada")) == 7
    check(version_1)


def test_a_migration_that_fails_changes_nothing(version_1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(version_1, "SELECT * FROM archived")
    with monkeypatch.context() as broken:
        broken.setattr(schema, "_FROM_1", (*schema._FROM_1, "not SQL"))
        with SQLiteStore(version_1) as store, pytest.raises(StoreError, match="syntax error"):
            store.read("ada")
    assert look(version_1, "PRAGMA user_version") == [(1,)]
    assert look(version_1, "SELECT * FROM archived") == before
    with SQLiteStore(version_1) as store:
        assert len(store.read("ada", archived=True).records) == 7


def test_a_migrated_file_has_the_schema_of_a_new_one(version_1: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    for path in (version_1, new):
        with SQLiteStore(path) as store:
            store.read("s")
    definitions = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    assert look(version_1, definitions) == look(new, definitions)


@pytest.mark.parametrize("version", [0, -1])
def test_a_file_of_a_version_that_never_was_is_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "chats.db"
    look(path, f"PRAGMA application_id = {schema.APPLICATION_ID}")
    look(path, f"PRAGMA user_version = {version}")
    with SQLiteStore(path) as store, pytest.raises(StoreError, match="damaged"):
        store.read("s")


def test_sessions_deleted_with_sql_leave_nothing_and_no_id_is_used_twice(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    with SessionManager(WINDOW, SQLiteStore(path, archive=True)) as sessions:
        sessions.add_user_message("carol", "hi")
        for number in range(4):
            sessions.send_messages("alice", [{"role": "user", "content": f"alice's secret {number}"}])
        look(path, "DELETE FROM sessions WHERE session_id = 'alice'")
        check(path)
        sessions.add_user_message("bob", "Hello")
        assert contents([*sessions.get_archive("bob"), *sessions.get_session("bob")]) == ["Hello"]

        # Even where somebody who has no triggers leaves the records behind.
        look(path, "DROP TRIGGER session_deleted")
        look(path, "DELETE FROM sessions WHERE session_id = 'bob'")
        for number in range(2):
            sessions.add_user_message("erin", f"Hello {number}")
        assert contents([*sessions.get_archive("erin"), *sessions.get_session("erin")]) == ["Hello 0", "Hello 1"]


def test_a_record_of_no_session_is_refused(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "chats.db") as store:
        store.read("s")
        assert store._file._connection is not None
        with pytest.raises(sqlite3.IntegrityError):
            store._file._connection.execute("INSERT INTO active VALUES (7, 1, 1, 0, x'00')")


@pytest.fixture
def steps_of(tmp_path: Path) -> Callable[[SQLiteStore, Callable[[], object]], int]:
    """Counts the steps of SQLite's virtual machine that a call takes."""

    def steps_of(store: SQLiteStore, call: Callable[[], object]) -> int:
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        assert store._file._connection is not None
        store._file._connection.set_progress_handler(step, 1)
        call()
        store._file._connection.set_progress_handler(None, 1)
        return count

    return steps_of


def record(number: int) -> Record:
    return Record(b'{"role":"user","content":"%d"}' % number)


def with_archive(path: Path, records: int) -> SQLiteStore:
    store = SQLiteStore(path, archive=True)
    store.replace("s", Edit(active=(record(0),), archive=tuple(map(record, range(records)))), None, "x")
    return store


def test_a_page_of_an_archive_costs_a_page_wherever_it_is(tmp_path: Path, steps_of: Callable[..., int]) -> None:
    costs = []
    for records in (1_000, 50_000):
        with with_archive(tmp_path / f"{records}.db", records) as store:
            pages = [range(end - PAGE, end) for end in (0, -50, -records // 2, PAGE - records)]
            for page in (*pages, range(3, 3 + PAGE)):
                read = partial(store.read, "s", archived=True, start=page.start, stop=page.stop or None)
                assert read().records == tuple(record(number % records) for number in page)
                costs.append(steps_of(store, read))
    assert max(costs) <= 8 * PAGE
    assert max(costs) - min(costs) < PAGE / 5


def test_describing_a_session_costs_the_same_however_long_its_archive_is(
    tmp_path: Path, steps_of: Callable[..., int]
) -> None:
    costs = set()
    for records in (10, 20_000):
        with with_archive(tmp_path / f"{records}.db", records) as store:
            info = store.describe("s")
            assert info is not None
            assert (info.messages, info.archived) == (1, records)
            costs.add(steps_of(store, lambda: store.describe("s")))
    assert len(costs) == 1


def test_an_append_that_evicts_costs_the_same_however_long_the_archive_is(
    tmp_path: Path, steps_of: Callable[..., int]
) -> None:
    costs = set()
    for records in (10, 20_000):
        with with_archive(tmp_path / f"{records}.db", records) as store:
            sessions = SessionManager(1, store)
            sessions.add_user_message("s", "evicts one")
            costs.add(steps_of(store, lambda: sessions.add_user_message("s", "evicts another")))  # noqa: B023
    assert len(costs) == 1


def test_reads_use_the_indexes_and_sort_nothing(tmp_path: Path) -> None:
    with with_archive(tmp_path / "chats.db", 10) as store:
        connection = store._file._connection
        assert connection is not None
        for operation in (
            reading.read("s", 0),
            reading.read("s", 0, archived=True, start=-5),
            statements.describe("s", 0),
            listing.sessions("", 0),
        ):
            statement = next(operation)
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values).fetchall()
            texts = "; ".join(row[-1] for row in plan)
            assert "SCAN" not in texts, texts
            assert "TEMP B-TREE" not in texts, texts


def test_a_file_is_identified_by_one_statement() -> None:
    steps = schema.identify()
    next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send([(schema.SCHEMA_VERSION, schema.APPLICATION_ID, 1)])
    assert done.value.value == schema.SCHEMA_VERSION
