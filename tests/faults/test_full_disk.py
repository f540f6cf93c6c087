"""A disk without room, as a process sees it: SQLite raises, and what it acknowledged is there."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import SessionManager, SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import json, resource, signal, sqlite3, sys
from sessionkit_integrations import SessionManager, SQLiteStore, StoreError, StoreUnavailableError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sessions = SessionManager(10_000, SQLiteStore(sys.argv[1]))
sessions.add_user_message("s", "first")
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
acknowledged, errors = ["first"], []
for number in range(1000):
    content = f"{number} " + "x" * 1000
    try:
        sessions.add_user_message("s", content)
        acknowledged.append(content)
    except StoreError as error:
        assert isinstance(error.__cause__, sqlite3.Error), error.__cause__
        # Python before 3.11 does not tell that the disk refused to write, after which nothing can be there.
        assert not isinstance(error, StoreUnavailableError) or (error.may_have_happened and sys.version_info < (3, 11))
        errors.append(str(error))
        if len(errors) == 20:
            break
found = [message["content"] for message in sessions.get_session("s")]
assert found == acknowledged, (len(found), len(acknowledged))
print(json.dumps([acknowledged, errors]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_full_disk_is_a_typed_error_and_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own
    assert ran.returncode == 0, ran.stderr
    acknowledged, errors = json.loads(ran.stdout)
    print(f"{len(acknowledged)} acknowledged, then {len(errors)} errors: {errors[0]}")
    assert len(acknowledged) > 10
    assert len(errors) == 20
    with SessionManager(10_000, SQLiteStore(path)) as sessions:
        sessions.add_user_message("s", "there is room again")
        found = [message["content"] for message in sessions.get_session("s")]
    assert found == [*acknowledged, "there is room again"]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
