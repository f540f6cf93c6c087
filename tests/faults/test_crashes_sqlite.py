"""`kill -9` of a process that writes a SQLite file: the file is whole, and what was acknowledged is there once."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sessionkit_integrations import SessionManager, SQLiteStore
from tests.faults.helpers.contention import problem_of_window
from tests.faults.helpers.sqlite_writer import SESSION, WINDOW, turn
from tests.processes import running
from tests.seeds import new_seed

CRASHES = 20
FILES = 4
ROOT = Path(__file__).parents[2]


@pytest.mark.hypothesis
def test_what_is_acknowledged_outlives_the_process(tmp_path: Path) -> None:
    seed = new_seed()
    chance = random.Random(seed)
    acknowledged = unacknowledged = 0
    for file in range(FILES):
        path = tmp_path / f"{file}.db"
        expected: list[str] = []
        for crash in range(CRASHES // FILES):
            # The first process also makes the file, and may be killed while it does.
            at_once = crash == 0
            last = _crash(path, str(crash), chance.uniform(0, 0.005 if at_once else 0.05), at_once=at_once)
            there = _contents(path)
            assert there[: len(expected)] == expected, f"seed {seed}: what was there is not there any more"
            new = there[len(expected) :]
            whole = [message["content"] for number in range(len(new) // 2) for message in turn(str(crash), number)]
            assert new == whole, f"seed {seed}"
            assert len(new) // 2 in {last + 1, last + 2}, f"seed {seed}: {last} was the last to be acknowledged"
            acknowledged += last + 1
            unacknowledged += len(new) // 2 - last - 1
            expected = there
    print(f"seed {seed}: {CRASHES} crashes, {acknowledged} appends acknowledged, {unacknowledged} more are there")
    assert acknowledged >= CRASHES - FILES


def _crash(path: Path, name: str, seconds: float, *, at_once: bool) -> int:
    """Run a process that writes, kill it, and return the number of the last turn that was acknowledged, or -1."""
    with running(
        [sys.executable, "-m", "tests.faults.helpers.sqlite_writer", str(path), name],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        if at_once:
            _wait_for(path, process)
        else:
            first = process.stdout.readline()
            assert first == b"0\n"
        time.sleep(seconds)
        process.kill()
        lines = process.stdout.read().split(b"\n")[:-1]
    assert process.returncode < 0, "it ended by itself"
    return int(lines[-1]) if lines else -1 if at_once else 0


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None


def _contents(path: Path) -> list[str]:
    """Check that a file is whole; return the contents of all that is in it."""
    look = sqlite3.connect(path)
    assert look.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert look.execute("PRAGMA foreign_key_check").fetchall() == []
    look.close()
    with SessionManager(WINDOW, SQLiteStore(path, archive=True)) as sessions:
        active = sessions.get_session(SESSION)
        assert problem_of_window(active, WINDOW) is None
        return [str(message["content"]) for message in (*sessions.get_archive(SESSION), *active)]
