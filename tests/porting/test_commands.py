"""The commands export and import, run as their users run them."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import SessionManager
from sessionkit_integrations.porting.stored import read_session, stored
from sessionkit_integrations.records.record import Record
from tests.porting.commands import COMMAND, ENVIRONMENT, lines, run, summary
from tests.processes import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server

HEADER = {"format": "sessionkit", "version": 1}


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/a.db?archive=true"
    server: Server = request.getfixturevalue("redis_server")
    return f"{server.url}?archive=true&key_prefix={tmp_path.name}:"


def fill(url: str) -> None:
    with SessionManager.from_url(url, 1) as sessions:
        for session_id in ("one", "two"):
            for text in ("Hello", "Hallå"):
                sessions.add_user_message(session_id, text)
        sessions.add_assistant_message("one", "Hi!")


def test_a_whole_store_goes_through_a_file(url: str, tmp_path: Path) -> None:
    fill(url)
    file = tmp_path / "backup.jsonl"
    file.write_text("old")
    assert summary("export", "--url", url, "-o", str(file)) == {
        "sessions": 2,
        "messages": 5,
        "without_assistant": 0,
        "missing": [],
        "corrupt": {},
    }
    assert [name.name for name in tmp_path.glob("*backup*")] == ["backup.jsonl"]
    to_stdout = run("export", "--url", url)
    assert to_stdout.stdout == file.read_text(encoding="utf-8")
    assert to_stdout.stderr == "sessionkit: 2 sessions exported, with 5 messages\n"
    target = f"sqlite:///{tmp_path}/b.db"
    assert run("import", str(file), "--url", target).stdout.startswith("2 sessions written, 0 overwritten, 0 there")
    assert run("export", "--url", target).stdout == to_stdout.stdout
    assert summary("import", "--url", target, given=to_stdout.stdout)["unchanged"] == 2


def test_some_sessions_and_one_that_is_not_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    fill(url)
    done = run("export", "--url", url, "two", "gone", code=3)
    assert [json.loads(line).get("id") for line in done.stdout.splitlines()] == [None, "two"]
    assert done.stderr.splitlines()[0] == "sessionkit: there is no session 'gone'"


def test_fine_tuning_data(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    fill(url)
    done = run("export", "--url", url, "--format", "openai")
    assert [json.loads(line).keys() for line in done.stdout.splitlines()] == [{"messages"}]
    assert "left out 1 session in which no assistant speaks" in done.stderr
    assert summary("import", "--url", url, "--prefix", "mine-", given=done.stdout)["written"] == 1
    with SessionManager.from_url(url) as sessions:
        assert len([each for each in sessions.list_sessions() if each.startswith("mine-")]) == 1


def test_what_cannot_be_read_leaves_no_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    fill(url)
    with SessionManager.from_url(url) as sessions:
        sessions.store.append("two", [Record(b"{")], sessions._window, "1")
    file = tmp_path / "backup.jsonl"
    done = run("export", "--url", url, "-o", str(file), code=1)
    assert done.stderr.startswith("sessionkit: session 'two', record 1: cannot be read as a message")
    assert list(tmp_path.glob("*backup*")) == []
    assert summary("export", "--url", url, "-o", str(file), "--skip-corrupt")["corrupt"] == {"two": 1}
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3


def test_what_is_refused_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    fill(url)
    session = {"id": "one", "active": [{"role": "user", "content": "other"}]}
    done = run("import", "--url", url, given=lines([HEADER, session, {"id": "new", "active": [7]}]), code=1)
    assert done.stderr.splitlines() == [
        "sessionkit: line 3: active[0] must be a JSON object; nothing of it was written",
        "sessionkit: session 'one' is there with other messages, and was left as it is; see --overwrite",
    ]
    assert summary("import", "--url", url, "--overwrite", given=lines([HEADER, session]))["overwritten"] == 1
    done = run("import", "--url", url, given=lines([{"format": "sessionkit", "version": 9}, session]), code=1)
    assert "upgrade sessionkit-integrations" in done.stderr


def test_an_import_that_is_killed_can_be_run_again(url: str, tmp_path: Path) -> None:
    count, size = 400, 10
    file = tmp_path / "many.jsonl"
    records = [{"role": ("user", "assistant")[number % 2], "content": f"{number}"} for number in range(size)]
    file.write_text(lines([HEADER, *({"id": f"s{n}", "active": records, "archived": records} for n in range(count))]))
    for kills in range(3):
        with running([*COMMAND, "import", str(file), "--url", url], env=ENVIRONMENT) as process:
            with SessionManager.from_url(url) as sessions:
                deadline = time.monotonic() + 30
                while len(list(sessions.list_sessions())) <= 20 * (kills + 1) and time.monotonic() < deadline:
                    time.sleep(0.005)
            process.kill()
            assert process.wait() == -signal.SIGKILL
    with SessionManager.from_url(url) as sessions:
        there = len(list(sessions.list_sessions()))
        assert 20 < there < count
        assert {len(stored(read_session(sessions, each))) for each in sessions.list_sessions()} == {2 * size}
    done = summary("import", str(file), "--url", url)
    assert (done["written"], done["unchanged"]) == (count - there, there)
    with SessionManager.from_url(url) as sessions:
        assert len(list(sessions.list_sessions())) == count
        assert {len(stored(read_session(sessions, each))) for each in sessions.list_sessions()} == {2 * size}


def test_a_terminal_sees_a_bar_and_a_pipe_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    fill(url)
    ours, theirs = pty.openpty()
    subprocess.run(  # noqa: S603 - our own
        [*COMMAND, "export", "--url", url, "-o", str(tmp_path / "x")], stderr=theirs, check=True, env=ENVIRONMENT
    )
    os.close(theirs)
    seen = os.read(ours, 10_000)
    os.close(ours)
    assert b"Exporting" in seen
    assert b"100%" in seen
    assert run("export", "--url", url, "-o", str(tmp_path / "x")).stderr == ""
