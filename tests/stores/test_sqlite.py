"""`SQLiteStore`: files, processes, schema."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager, SQLiteStore, StoreError, StoreUnavailableError
from sessionkit_integrations.stores.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITERS, TURNS = 4, 10


def write_turns(path: Path, writer: int) -> None:
    with SessionManager(1000, SQLiteStore(path, timeout=60)) as sessions:
        for number in range(TURNS):
            sessions.send_messages(
                "s",
                [
                    {"role": "user", "content": f"{writer}:{number}"},
                    {"role": "assistant", "content": f"{writer}:{number}"},
                ],
            )


def test_several_processes_write_one_file_from_its_first_use_on(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_turns, args=(path, writer)) for writer in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * WRITERS
    with SessionManager(1000, SQLiteStore(path)) as sessions:
        contents = [message["content"] for message in sessions.get_session("s")]
    assert contents[::2] == contents[1::2]
    for writer in range(WRITERS):
        assert [each for each in contents[::2] if str(each).startswith(f"{writer}:")] == [
            f"{writer}:{number}" for number in range(TURNS)
        ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_store_in_use_survives_a_fork(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    with SessionManager(store=SQLiteStore(path)) as sessions:
        sessions.add_user_message("s", "parent")
        child = multiprocessing.get_context("fork").Process(target=sessions.add_assistant_message, args=("s", "child"))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        sessions.add_user_message("s", "parent again")
        assert [each["content"] for each in sessions.get_session("s")] == ["parent", "child", "parent again"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_while_another_thread_writes(tmp_path: Path) -> None:
    sessions = SessionManager(store=SQLiteStore(tmp_path / "chats.db"))
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.002):
            sessions.add_user_message("busy", "x")

    writer = threading.Thread(target=write)
    writer.start()
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=sessions.add_user_message, args=("s", str(number))) for number in range(5)]
    for child in children:
        child.start()
        child.join(30)
    stop.set()
    writer.join()
    assert [child.exitcode for child in children] == [0] * 5
    assert len(sessions.get_session("s")) == 5
    sessions.close()


def test_concurrent_first_use_in_one_event_loop(tmp_path: Path) -> None:
    async def use() -> list[Any]:
        async with SessionManager(1000, SQLiteStore(tmp_path / "chats.db")) as sessions:
            await asyncio.gather(*(sessions.aadd_user_message("s", str(number)) for number in range(50)))
            return await sessions.aget_session("s")

    assert {each["content"] for each in asyncio.run(use())} == {str(number) for number in range(50)}


def test_a_cancelled_call_leaves_the_store_usable(tmp_path: Path) -> None:
    async def use() -> list[str]:
        async with SessionManager(1000, SQLiteStore(tmp_path / "chats.db")) as sessions:
            await sessions.aadd_user_message("s", "first")
            for number in range(30):
                task = asyncio.create_task(sessions.aadd_user_message("cancelled", str(number)))
                for _ in range(number):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await sessions.aadd_user_message("s", "last")
            assert await sessions.aget_session("s") == sessions.get_session("s")
            return [str(each["content"]) for each in await sessions.aget_session("s")]

    assert asyncio.run(use()) == ["first", "last"]


def test_another_process_that_holds_the_file_is_a_typed_error(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = tmp_path / "chats.db"
    sessions = SessionManager(store=SQLiteStore(path, timeout=0.2))
    call(sessions, "add_user_message", "s", "first")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError) as raised:
        call(sessions, "add_user_message", "s", "second")
    assert raised.value.may_have_happened is False
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    holder.rollback()
    holder.close()
    call(sessions, "add_user_message", "s", "third")
    assert [each["content"] for each in call(sessions, "get_session", "s")] == ["first", "third"]
    call(sessions, "close")


def test_a_file_of_a_later_schema_is_left_alone(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = tmp_path / "chats.db"
    with sqlite3.connect(path) as later:
        later.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        later.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    later.close()
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="upgrade"):
        call(SessionManager(store=store), "get_session", "s")
    call(store, "close")


def test_a_database_of_another_application_is_left_alone(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE sessions (theirs)")
    other.close()
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="another application"):
        call(SessionManager(store=store), "add_user_message", "s", "Hello")
    call(store, "close")
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (0,)
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("sessions",)]
    other.close()


def test_a_file_that_is_no_database_is_a_typed_error(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = tmp_path / "chats.db"
    path.write_text("just some text, long enough to be taken for a header" * 10)
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="not a database"):
        call(SessionManager(store=store), "add_user_message", "s", "Hello")
    call(store, "close")


def test_the_file_is_written_ahead_and_its_schema_has_a_version(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    with SessionManager(store=SQLiteStore(path)) as sessions:
        sessions.add_user_message("s", "Hello")
        with sqlite3.connect(path) as look:
            assert look.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert look.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        look.close()


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_path_is_of_a_file(path: str) -> None:
    with pytest.raises(ValueError, match="path of a file"):
        SQLiteStore(path)


@pytest.mark.parametrize("ttl", [0, -1, 0.0001])
def test_a_time_to_live_is_at_least_a_millisecond(tmp_path: Path, ttl: float) -> None:
    with pytest.raises(ValueError, match="ttl"):
        SQLiteStore(tmp_path / "chats.db", ttl=ttl)
