"""A SQLite file that another process keeps locked: nobody waits but those who write."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import re
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from sessionkit_integrations import SessionManager, SQLiteStore
from sessionkit_integrations.runtime import retries
from sessionkit_integrations.runtime.steps import run
from sessionkit_integrations.stores.sqlite import rows
from sessionkit_integrations.stores.sqlite.sql import transaction
from sessionkit_integrations.testing.surface import wait_until
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

PATIENCE = 60
"""Seconds that a writer waits for the file, longer than any of these tests takes."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "chats.db"
    with SessionManager(store=SQLiteStore(path)) as sessions:
        sessions.add_user_message("s", "first")
    return path


class Waiting(NamedTuple):
    """Sessions to which a thread waits to write.

    Attributes:
        sessions: The sessions.
        writer: The thread.
        unlock: Ends the process that has the file locked.
    """

    sessions: SessionManager
    writer: threading.Thread
    unlock: Callable[[], None]


HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(600)
"""


@pytest.fixture
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Another process has locked the file for writers; the value ends it."""
    with running([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        yield holder.kill


@pytest.fixture
def waits(caplog: pytest.LogCaptureFixture) -> Callable[[], None]:
    """Waits until a writer waits, as its log says."""
    caplog.set_level(logging.DEBUG, "sessionkit_integrations")
    return lambda: wait_until(lambda: any("locked" in record.getMessage() for record in caplog.records))


@pytest.fixture
def waiting(path: Path, locked: Callable[[], None], waits: Callable[[], None]) -> Iterator[Waiting]:
    """Sessions of the locked file, and a thread that waits to write to them."""
    sessions = SessionManager(store=SQLiteStore(path, timeout=PATIENCE))
    writer = threading.Thread(target=sessions.add_user_message, args=("s", "second"))
    writer.start()
    waits()
    yield Waiting(sessions, writer, locked)
    sessions.close()


def contents(messages: list[Any]) -> list[str]:
    return [message["content"] for message in messages]


def test_reads_do_not_wait_behind_a_write_that_waits(waiting: Waiting) -> None:
    sessions, writer, unlock = waiting
    for _ in range(20):
        assert contents(sessions.get_session("s")) == ["first"]
        assert list(sessions.list_sessions()) == ["s"]
    assert writer.is_alive()
    unlock()
    writer.join()
    assert contents(sessions.get_session("s")) == ["first", "second"]


def test_a_wait_is_logged_when_it_begins_and_when_it_ends_late(
    path: Path, locked: Callable[[], None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, "sessionkit_integrations")
    monkeypatch.setattr(retries, "SLOW", 0.1)
    sessions = SessionManager(store=SQLiteStore(path, timeout=PATIENCE))
    writer = threading.Thread(target=sessions.add_user_message, args=("s", "second"))
    writer.start()
    wait_until(lambda: len(caplog.records) > 0)
    began = time.monotonic()
    wait_until(lambda: time.monotonic() > began + 0.3)
    locked()
    writer.join()
    sessions.close()
    begins, ends = caplog.records
    assert begins.levelno == logging.DEBUG
    assert begins.getMessage() == f"SQLite file {str(path)!r}: waits until it is no longer locked"
    assert ends.levelno == logging.WARNING
    assert re.fullmatch(r"SQLite file '.*': succeeded after \d+ failed attempts in \d+\.\d s", ends.getMessage())


async def test_asynchronous_reads_do_not_wait_behind_a_write_that_waits(path: Path, locked: Callable[[], None]) -> None:
    async with SessionManager(store=SQLiteStore(path, timeout=PATIENCE)) as sessions:
        writes = [asyncio.create_task(sessions.aadd_user_message("s", str(number))) for number in range(5)]
        for _ in range(20):
            assert contents(await sessions.aget_session("s")) == ["first"]
        assert not any(write.done() for write in writes)
        locked()
        await asyncio.gather(*writes)
        assert contents(await sessions.aget_session("s")) == ["first", "0", "1", "2", "3", "4"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_does_not_wait_for_a_locked_file(waiting: Waiting) -> None:
    sessions, writer, unlock = waiting
    fork = multiprocessing.get_context("fork")
    reader = fork.Process(target=sessions.get_session, args=("s",))
    other = fork.Process(target=sessions.add_user_message, args=("s", "of the child"))
    reader.start()
    other.start()
    reader.join(PATIENCE)
    assert writer.is_alive()
    assert reader.exitcode == 0
    unlock()
    writer.join()
    other.join(PATIENCE)
    assert other.exitcode == 0
    assert sorted(contents(sessions.get_session("s"))) == ["first", "of the child", "second"]


def test_closing_does_not_wait_for_a_locked_file(waiting: Waiting) -> None:
    sessions, writer, unlock = waiting
    sessions.close()
    assert writer.is_alive()
    unlock()
    writer.join()
    assert contents(sessions.get_session("s")) == ["first", "second"]


def test_an_interruption_whose_traceback_is_kept_leaves_nothing_locked(path: Path) -> None:
    """Ctrl-C may come at any line between two statements, and a debugger keeps all variables."""
    store = SQLiteStore(path)
    sessions = SessionManager(1, store)
    places = {run.__code__, transaction.__code__, rows.load.__code__, rows.save.__code__}
    kept: list[KeyboardInterrupt] = []
    line = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal line
        if event == "line":
            line += 1
            if line == len(kept) + 1:
                raise KeyboardInterrupt
        return trace if frame.f_code in places else None

    while True:
        line = 0
        sys.settrace(trace)
        try:
            sessions.add_user_message("s", "Hello")
            break
        except KeyboardInterrupt as error:
            kept.append(error)
        finally:
            sys.settrace(None)
        free = threading.Thread(target=store.read, args=("s",))
        free.start()
        free.join(PATIENCE)
        assert not free.is_alive()
        assert store._file._connection is not None
        assert not store._file._connection.in_transaction
    assert len(kept) > 30
    store.close()
