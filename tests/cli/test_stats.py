"""``sessionkit stats``: on terminals, in pipes, as JSON and as CSV."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations.records.record import Record, encode
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from tests.cli.running import Place

FIRST = datetime(2026, 11, 27, 10, tzinfo=timezone.utc)
CALL = {"id": "1", "type": "function", "function": {"name": "get_weather\x1b", "arguments": "{}"}}


@pytest.fixture
def filled(here: Place) -> Place:
    """Three turns on two days, in two sessions."""
    with here.sessions(10) as sessions:
        for session_id, days, seconds in (("ada", 0, 0), ("ada", 1, 0), ("bob", 1, 60)):
            start = round((FIRST + timedelta(days=days, seconds=seconds)).timestamp() * 1000)
            usage = {"input": 100, "output": 10, "cached": 50, "reasoning": 4, "model": "gpt"}
            records = [
                encode({"role": "user", "content": "Hello"}, start, 3),
                encode({"role": "assistant", "content": "Hi", "tool_calls": [CALL], "usage": usage}, start + 1500, 4),
            ]
            sessions.store.append(session_id, records, Window(10), f"{days} {seconds}")
    return here


def test_a_pipe_gets_a_line_for_each_figure(filled: Place) -> None:
    run = filled.run("stats")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        "sessions\t2",
        "turns\t3",
        "user messages\t3",
        "assistant messages\t3",
        "tokens\t21",
        "gpt\t300 in (150 cached), 30 out (12 reasoning)",
        "get_weather<U+001B>\t3 calls, 0 failures",
        "answer, median\t1.5 s",
        "answer, 95 of 100\t1.5 s",
        "answer, longest\t1.5 s",
    ]


def test_one_session_and_some_days(filled: Place) -> None:
    (figures,) = filled.lines("stats", "ada", "--json")
    assert (figures["sessions"], figures["turns"]) == (1, 2)
    (figures,) = filled.lines("stats", "--since", "2026-11-28T00:00Z", "--until", "2026-11-28T10:00:30Z", "--json")
    assert (figures["sessions"], figures["turns"]) == (1, 1)
    run = filled.run("stats", "nobody")
    assert (run.returncode, run.stdout) == (3, "")
    assert "there is no session 'nobody'" in run.stderr


def test_days_as_csv(filled: Place) -> None:
    assert filled.run("stats", "--csv").stdout.splitlines() == [
        "day,turns,messages,tokens,input,output,cached,reasoning",
        "2026-11-27,1,2,7,100,10,50,4",
        "2026-11-28,2,4,14,200,20,100,8",
    ]
    run = filled.run("stats", "--csv", "--json")
    assert run.returncode == 2
    assert "cannot be given with --json" in run.stderr


def test_a_terminal_shows_a_bar_for_each_day(filled: Place) -> None:
    code, shown = filled.on_terminal("stats")
    assert code == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines()
    bars = {line.split()[0]: line.count("█") for line in lines if re.match(r" *2026-", line)}
    assert bars == {"2026-11-27": 20, "2026-11-28": 40}


def test_a_terminal_shows_that_it_goes_on(filled: Place) -> None:
    assert re.search(r"Counting.*0:00:0\d", filled.on_terminal("stats", "--json")[1])
    assert filled.run("stats").stderr == ""


def test_sessions_that_cannot_be_read_are_named(filled: Place) -> None:
    with filled.sessions(10) as sessions:
        sessions.store.append("bad", [Record(b'{"role":"user",')], Window(10), "bad")
    run = filled.run("stats")
    assert run.returncode == 0
    assert "sessions\t2" in run.stdout
    assert "1 session could not be read: sessionkit doctor says why" in run.stderr
