"""Who waits for a SQLite file has a turn before long."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager, SQLiteStore, StoreUnavailableError
from sessionkit_integrations.stores.sqlite.file import SQLiteFile
from sessionkit_integrations.stores.sqlite.sql import COMMIT
from tests.faults.helpers.contention import WINDOW, Load, begin, check_all_is_there, write_in_threads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessionkit_integrations.stores.sqlite.sql import Rows, Statement

WRITERS = 16


class SlowFile(SQLiteFile):
    """Each commit takes 10 ms, as on many a disk that really writes."""

    def _execute(self, connection: sqlite3.Connection, statement: Statement) -> Rows:
        if statement is COMMIT:
            time.sleep(0.01)
        return super()._execute(connection, statement)


def on_a_slow_disk(path: Path, **options: Any) -> SQLiteStore:
    store = SQLiteStore(path, **options)
    store._file = SlowFile(store.path, options["timeout"])
    return store


def test_two_stores_that_write_all_the_time_both_get_through(tmp_path: Path) -> None:
    """With SQLite's own waiting, one of them keeps the other from the file until that fails."""
    load = Load(turns=8, sessions=1)
    stores = [on_a_slow_disk(tmp_path / "chats.db", archive=True, timeout=1) for _ in range(2)]
    first, second = (SessionManager(WINDOW, store) for store in stores)
    begin(first, load)
    waits: list[float] = []

    def write(sessions: SessionManager, writers: range) -> None:
        began = time.monotonic()
        write_in_threads(sessions, load, writers)
        waits.append(time.monotonic() - began)

    other = threading.Thread(target=write, args=(second, range(WRITERS, 2 * WRITERS)))
    other.start()
    write(first, range(WRITERS))
    other.join()
    check_all_is_there(first, load, range(2 * WRITERS))
    print("seconds that each needed:", *(f"{wait:.1f}" for wait in waits))
    for store in stores:
        store.close()


def test_all_who_wait_for_a_locked_file_fail_at_the_same_time(tmp_path: Path, call: Callable[..., Any]) -> None:
    """Not one time limit after the other."""
    store = SQLiteStore(tmp_path / "chats.db", timeout=0.5)
    sessions = SessionManager(store=store)
    call(sessions, "add_user_message", "s", "first")
    holder = sqlite3.connect(tmp_path / "chats.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    raised: list[BaseException] = []

    def write() -> None:
        with pytest.raises(StoreUnavailableError) as error:
            sessions.add_user_message("s", "never")
        raised.append(error.value)

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    with pytest.raises(StoreUnavailableError):
        call(sessions, "add_user_message", "s", "never")
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < WRITERS * 0.5 / 2
    assert len(raised) == WRITERS
    holder.rollback()
    holder.close()
    assert [each["content"] for each in call(sessions, "get_session", "s")] == ["first"]
    call(store, "close")
