"""Files of `SQLiteStore`: their paths, their owners, and what others do to them."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager, SQLiteStore, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REFUSED = [
    "",
    ":memory:",
    ":memory:?cache=shared",
    "file:chats.db",
    "file:chats.db?mode=memory",
    "FILE:///tmp/chats.db",
    "sqlite:///chats.db",
    "SQLite:///chats.db",
    "chats\0.db",
    b"file:chats.db",
]


@pytest.mark.parametrize("path", REFUSED)
def test_a_path_that_names_no_file_is_refused(path: Any) -> None:
    with pytest.raises(ValueError, match="must be the path of a file, got"):
        SQLiteStore(path)


@pytest.mark.parametrize("path", [None, 5, sqlite3, {"path": "chats.db"}])
def test_a_path_is_a_path(path: Any) -> None:
    with pytest.raises(TypeError, match=r"path must be a str or a pathlib\.Path, got"):
        SQLiteStore(path)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://chats.db",
        "sqlite:chats.db",
        "sqlite:/chats.db",
        "sqlite://host/chats.db",
        "sqlite:///:memory:",
        "sqlite:///file:chats.db?archive=true",
        "sqlite:///?archive=true",
    ],
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///relative/path|path of a file"):
        SessionManager.from_url(url)


@pytest.mark.parametrize("scheme", ["sqlite", "SQLITE", "SQLite"])
@pytest.mark.parametrize("name", ["chats.db", "a b%c#d.db", "ünï/chats.db", "100%.db", "a+b&c=d.db", "a;b.db"])
def test_a_url_names_the_file_that_it_says(
    scheme: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    quoted = name.replace("%", "%25")
    for url in (f"{scheme}:///{quoted}", f"{scheme}:///{tmp_path}/{quoted}"):
        with SessionManager.from_url(url) as sessions:
            sessions.add_user_message("s", "Hello")
        assert {file.name for file in path.parent.iterdir() if file.is_file()} == {path.name}
    with SessionManager(store=SQLiteStore(path)) as sessions:
        assert len(sessions.get_session("s")) == 2


@pytest.mark.parametrize("name", ["what?.db", "a%20b.db", "a#b.db", " ", "-", "chats"])
def test_any_name_of_a_file_is_its_own(name: str, tmp_path: Path) -> None:
    with SessionManager(store=SQLiteStore(tmp_path / name)) as sessions:
        sessions.add_user_message("s", "Hello")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    with SessionManager(store=SQLiteStore(os.fsencode(tmp_path / name))) as sessions:  # type: ignore[arg-type]
        assert len(sessions.get_session("s")) == 1


@pytest.fixture
def readable_by_all() -> Iterator[None]:
    """New files of the process may be read and written by everybody, unless they say otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
@pytest.mark.usefixtures("readable_by_all")
def test_new_files_are_their_owners_alone(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to("target.db")
    with SessionManager(store=SQLiteStore(tmp_path / "chats.db")) as sessions, SQLiteStore(link) as linked:
        sessions.add_user_message("s", "Hello")
        linked.read("s")
        names = {f"{name}.db{more}" for name in ("chats", "target") for more in ("", "-wal", "-shm")}
        assert modes(tmp_path) == dict.fromkeys([*names, link.name], 0o600)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
@pytest.mark.usefixtures("readable_by_all")
def test_files_that_are_there_keep_their_rights(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    with SessionManager(store=SQLiteStore(path)) as sessions:
        sessions.add_user_message("s", "Hello")
    path.chmod(0o640)
    with SessionManager(store=SQLiteStore(path)) as sessions:
        sessions.add_user_message("s", "Hello")
        assert set(modes(tmp_path).values()) == {0o640}


FOREIGN = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode = " + sys.argv[2])
connection.execute("CREATE TABLE notes (text)")
connection.execute("INSERT INTO notes VALUES ('theirs')")
connection.commit()
if sys.argv[3] == "crash":
    os._exit(0)
connection.close()
"""


@pytest.mark.parametrize(
    ("mode", "end"),
    [("delete", "close"), ("wal", "close"), ("wal", "crash"), ("memory", "close"), ("persist", "crash")],
)
def test_a_foreign_database_is_left_untouched(
    mode: str, end: str, tmp_path: Path, call: Callable[..., Any], folder: Callable[[], dict[str, bytes]]
) -> None:
    """Neither its contents nor its journal mode nor the files beside it change."""
    path = tmp_path / "theirs.db"
    subprocess.run([sys.executable, "-c", FOREIGN, str(path), mode, end], check=True, timeout=60)  # noqa: S603 - our own
    before = folder()
    assert ("theirs.db-wal" in before) == (end == "crash" and mode == "wal")
    store = SQLiteStore(path)
    sessions = SessionManager(store=store)
    for method, arguments in (("get_session", ["s"]), ("add_user_message", ["s", "Hello"]), ("reset_session", ["s"])):
        with pytest.raises(StoreError, match="another application"):
            call(sessions, method, *arguments)
    call(store, "close")
    assert folder() == before
    with closing(sqlite3.connect(path)) as theirs:
        assert theirs.execute("PRAGMA journal_mode").fetchone() == ("wal" if mode == "wal" else "delete",)
        assert theirs.execute("SELECT * FROM notes").fetchall() == [("theirs",)]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """Returns the contents of all files, but for the index of a log, which each reader may write."""
    return lambda: {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}


def contents(messages: list[Any]) -> list[Any]:
    return [message["content"] for message in messages]


@pytest.mark.parametrize("with_log", [True, False])
def test_a_deleted_file_is_noticed_by_the_next_operation(
    with_log: bool, tmp_path: Path, call: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "chats.db"
    sessions = SessionManager(store=SQLiteStore(path))
    call(sessions, "add_user_message", "s", "before")
    for file in list(tmp_path.iterdir()):
        if with_log or file == path:
            file.unlink()
    with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
        assert call(sessions, "get_session", "s") == []
    assert [record.getMessage() for record in caplog.records] == [
        f"the SQLite file {str(path)!r} was deleted or replaced, and is opened again"
    ]
    call(sessions, "add_user_message", "s", "after")
    with SessionManager(store=SQLiteStore(path)) as others:
        assert contents(others.get_session("s")) == contents(call(sessions, "get_session", "s")) == ["after"]
    path.unlink()
    call(sessions, "add_user_message", "s", "into a new one")
    assert contents(call(sessions, "get_session", "s")) == ["into a new one"]
    call(sessions, "close")


def test_a_replaced_file_is_noticed_and_gets_nothing_of_the_old_one(tmp_path: Path, call: Callable[..., Any]) -> None:
    """The log of the old file, whose name SQLite would take for that of the new one's, is not replayed."""
    path, backup = tmp_path / "chats.db", tmp_path / "backup.db"
    sessions = SessionManager(100, SQLiteStore(path))
    for number in range(5):
        call(sessions, "add_user_message", "s", f"in the backup {number}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"VACUUM INTO '{backup}'")
    for number in range(5):
        call(sessions, "add_user_message", "s", f"after it {number}" * 1000)
        call(sessions, "add_user_message", "t", f"after it {number}" * 1000)
    backup.replace(path)
    assert contents(call(sessions, "get_session", "s")) == [f"in the backup {number}" for number in range(5)]
    assert call(sessions, "get_session", "t") == []
    call(sessions, "add_user_message", "s", "new")
    call(sessions, "close")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with SessionManager(100, SQLiteStore(path)) as others:
        assert contents(others.get_session("s"))[-2:] == ["in the backup 4", "new"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, call: Callable[..., Any]) -> None:
    store = SQLiteStore(tmp_path / "no" / "chats.db")
    with pytest.raises(StoreError, match="No such file or directory"):
        call(store, "read", "s")
    (tmp_path / "no").mkdir()
    assert call(store, "read", "s").records == ()
    call(store, "close")


def test_a_folder_is_not_a_file(tmp_path: Path, call: Callable[..., Any]) -> None:
    store = SQLiteStore(tmp_path)
    with pytest.raises(StoreError, match="unable to open"):
        call(store, "read", "s")
    assert list(tmp_path.iterdir()) == []
