"""SQLite files and disks that are damaged, and clocks that are wrong: typed errors that say what may be there."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    InMemoryStore,
    SessionKitError,
    SessionManager,
    SQLiteStore,
    StoreError,
    StoreUnavailableError,
)
from sessionkit_integrations.stores.sqlite import listing
from tests.seeds import new_seed

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = 150
DESCRIPTORS = Path("/proc/self/fd")


def write(path: Path) -> None:
    with SessionManager(2, SQLiteStore(path, archive=True, ttl=3600)) as sessions:
        for number in range(30):
            sessions.send_messages(
                f"session {number % 3}",
                [{"role": "user", "content": f"{number}"}, {"role": "assistant", "content": "x" * 300}],
            )


def use(path: Path) -> list[SessionKitError]:
    """Do everything that can be done with a file; return the errors, which are ours."""
    raised: list[SessionKitError] = []
    with SQLiteStore(path, archive=True, ttl=3600) as store:
        sessions = SessionManager(2, store)
        calls: list[Callable[[], object]] = [lambda: list(sessions.list_sessions())]
        for name in (f"session {number}" for number in range(3)):
            calls += [
                lambda name=name: sessions.get_session(name),  # type: ignore[misc]
                lambda name=name: sessions.get_archive(name),  # type: ignore[misc]
                lambda name=name: store.read(name, archived=True, start=-3),  # type: ignore[misc]
                lambda name=name: store.describe(name),  # type: ignore[misc]
                lambda name=name: sessions.add_user_message(name, "more"),  # type: ignore[misc]
                lambda name=name: sessions.set_system_message(name, "other"),  # type: ignore[misc]
                lambda name=name: sessions.reset_session(name),  # type: ignore[misc]
            ]
        for call in calls:
            try:
                call()
            except SessionKitError as error:
                raised.append(error)
    return raised


@pytest.mark.hypothesis
def test_files_with_damaged_bytes_raise_typed_errors(tmp_path: Path) -> None:
    whole = tmp_path / "whole.db"
    write(whole)
    content = whole.read_bytes()
    seed = new_seed()
    chance = random.Random(seed)
    raised = 0
    for number in range(FILES):
        damaged = bytearray(content)
        kind = chance.choice(["bytes", "page", "cut"])
        place = chance.randrange(len(content))
        if kind == "bytes":
            for _ in range(chance.randrange(1, 200)):
                damaged[chance.randrange(len(content))] = chance.randrange(256)
        elif kind == "page":
            damaged[place : place + 4096] = chance.randbytes(min(4096, len(content) - place))
        else:
            del damaged[place:]
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged)
        raised += bool(use(path))
        path.unlink()
    print(f"seed {seed}: {raised} of {FILES} damaged files raised typed errors")
    assert raised > FILES // 10


@pytest.mark.parametrize("row", [("a",), ("b",), (7,), (b"c",)])
def test_a_listing_that_a_damaged_index_would_make_endless_is_an_error(row: tuple[Any, ...]) -> None:
    """A page that does not follow the one before it would be listed again and again."""
    page = listing.sessions("b", 0)
    next(page)
    with pytest.raises(StoreError, match="the file is damaged: its index of sessions is out of order"):
        page.send([("c",), row])


@pytest.mark.parametrize("value", ["'text'", "x'ff00'", "''", "-1", "9223372036854775807", "1.5e300"])
@pytest.mark.parametrize(
    "column",
    [
        *("turn", "evicted", "size", "position", "archived", "operations"),
        *("appended", "created_at", "updated_at", "expires_at"),
    ],
)
def test_values_that_somebody_else_wrote_raise_typed_errors(tmp_path: Path, column: str, value: str) -> None:
    path = tmp_path / "chats.db"
    write(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE sessions SET {column} = {value}")  # noqa: S608 - of this test
        connection.commit()
    for error in use(path):
        assert isinstance(error, StoreError)


@pytest.mark.parametrize("table", ["active", "archived"])
def test_records_that_somebody_else_wrote_as_text_are_read(tmp_path: Path, table: str) -> None:
    path = tmp_path / "chats.db"
    write(path)
    with SessionManager(2, SQLiteStore(path)) as sessions:
        before = sessions.get_session("session 0"), sessions.get_archive("session 0")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"UPDATE {table} SET record = CAST(record AS TEXT)")  # noqa: S608 - of this test
            connection.commit()
        assert (sessions.get_session("session 0"), sessions.get_archive("session 0")) == before
        sessions.add_user_message("session 0", "more")


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="this system does not show a process its open files")
@pytest.mark.parametrize(("device", "may_have_happened"), [("/dev/zero", True), ("/dev/null", None)])
def test_a_commit_that_the_disk_fails_says_what_may_be_there(
    device: str, may_have_happened: bool | None, tmp_path: Path, call: Callable[..., Any]
) -> None:
    """The log is exchanged under SQLite, for a device that cannot be synchronized or one that cannot be written."""
    path = tmp_path / "chats.db"
    store = SQLiteStore(path)
    call(SessionManager(store=store), "add_user_message", "s", "first")
    [log] = [int(each.name) for each in DESCRIPTORS.iterdir() if _target(each) == f"{path}-wal"]
    kept = os.dup(log)
    # What is written to the first device is taken, and the second is only open for reading.
    other = os.open(device, os.O_RDWR if may_have_happened else os.O_RDONLY)
    os.dup2(other, log)
    os.close(other)
    try:
        with pytest.raises(StoreError, match="disk I/O error") as raised:
            call(SessionManager(store=store), "add_user_message", "s", "second")
    finally:
        os.dup2(kept, log)
        os.close(kept)
    assert isinstance(raised.value.__cause__, sqlite3.Error)
    if may_have_happened or sys.version_info < (3, 11):  # which does not tell errors of the disk apart
        assert isinstance(raised.value, StoreUnavailableError)
        assert raised.value.may_have_happened is True
    else:
        assert not isinstance(raised.value, StoreUnavailableError)
    sessions = SessionManager(store=store)
    call(sessions, "add_user_message", "s", "third")
    assert [each["content"] for each in call(sessions, "get_session", "s")] == ["first", "third"]
    call(store, "close")


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


@pytest.mark.parametrize("year", [2, 1969, 5139, 9999, 20_000])
@pytest.mark.parametrize("make", [InMemoryStore, lambda **options: SQLiteStore("chats.db", **options)])
def test_clocks_of_any_year(
    year: int, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    nanoseconds = int((year - 1970) * 365.2425 * 86_400) * 10**9
    with monkeypatch.context() as wrong:
        wrong.setattr("time.time_ns", lambda: nanoseconds)
        for options in ({}, {"ttl": 3600, "archive": True}):
            store = make(**options)
            sessions = SessionManager(1, store)
            call(sessions, "reset_session", "s")
            for number in range(3):
                call(sessions, "add_user_message", "s", str(number))
            call(sessions, "set_system_message", "s", "Be brief.")
            assert [each["content"] for each in call(sessions, "get_session", "s")] == ["Be brief.", "2"]
            info = call(store, "describe", "s")
            assert (info.turns, info.messages) == (1, 2)
            assert (info.created is None) == (year > 9999)
            assert info.created is None or abs(info.created.year - year) <= 1
            call(store, "close")
    shutil.rmtree(tmp_path)
