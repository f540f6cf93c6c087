"""The page of the SQLite store says what a write, a read and a message cost."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Message, SessionManager, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "stores" / "sqlite.md").read_text("utf-8")
NEW = 9 * 4096
"""Bytes of a new file."""
TURN: list[Message] = [{"role": "user", "content": "x" * 100}, {"role": "assistant", "content": "y" * 100}]


@pytest.mark.parametrize(
    ("archive", "evicting"),
    [
        (False, ["SELECT", "INSERT", "INSERT", "DELETE", "UPDATE"]),
        (True, ["SELECT", "INSERT", "INSERT", "INSERT", "SELECT", "DELETE", "UPDATE"]),
    ],
)
def test_a_write_is_a_transaction_of_few_statements_and_a_read_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: bool, evicting: list[str]
) -> None:
    statements: list[str] = []
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(lambda text: statements.append(text.split()[0]))
        return connection

    def said() -> list[str]:
        done, statements[:] = statements[:], []
        return done

    monkeypatch.setattr(sqlite3, "connect", traced)
    with SessionManager(2, SQLiteStore(tmp_path / "chats.db", archive=archive)) as sessions:
        sessions.send_messages("s", TURN)
        said()
        sessions.send_messages("s", TURN)
        assert said() == ["BEGIN", "SELECT", "INSERT", "INSERT", "UPDATE", "COMMIT"]
        for _ in range(20):
            sessions.send_messages("s", TURN)
            assert said() == ["BEGIN", *evicting, "COMMIT"]
        sessions.get_session("s")
        assert said() == ["SELECT"]


def test_a_message_takes_the_bytes_that_the_page_says(tmp_path: Path) -> None:
    assert f"a new file {NEW / 1000:.0f} kB" in PAGE
    of_message, of_session = re.findall(r"takes (\d+)", PAGE)
    for turns, expected in ((10, 20 * int(of_message)), (1, int(of_session))):
        path = tmp_path / f"{turns}.db"
        with SessionManager(10, SQLiteStore(path)) as sessions:
            for number in range(100):
                for _ in range(turns):
                    sessions.send_messages(f"user{number}", TURN if turns > 1 else TURN[:1])
        assert (path.stat().st_size - NEW) / 100 == pytest.approx(expected, rel=0.15)
