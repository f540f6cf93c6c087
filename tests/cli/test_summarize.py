"""``sessionkit summarize``."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import SessionManager, Summary
from tests.cli.running import COMMAND
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.running import Place

_numbers = itertools.count()

SUMMARIZERS = """
import asyncio
import time

def tell(previous, messages):
    said = " ".join(message["content"] for message in messages)
    if "poison" in said:
        raise RuntimeError("no answer from https://ada:s3cret@models.example\\n(twice)")
    return f"{previous or ''}({said})"

class Telling:
    tell = staticmethod(tell)
    loops = set()

    async def __call__(self, previous, messages):
        self.loops.add(asyncio.get_running_loop())
        return f"{len(self.loops)} loop {tell(previous, messages)}"

telling = Telling()

async def atell(previous, messages):
    return tell(previous, messages)

def silent(previous, messages):
    return " "

def slow(previous, messages):
    print("begun", flush=True)
    time.sleep(60)

number = 7
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of summarizers in the current directory, imported by nobody yet."""
    name = f"summarizers_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(SUMMARIZERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield name
    sys.modules.pop(name, None)


def fill(place: Place, session_id: str, *questions: str, **options: Any) -> None:
    """Write a session of which all turns but the last wait for a summary."""
    with SessionManager(1, place.make_store(**options), summary=Summary(len, every=None)) as sessions:  # type: ignore[arg-type]
        for question in questions:
            sessions.add_user_message(session_id, question)


def text_of(place: Place, session_id: str) -> str | None:
    with place.sessions() as sessions:
        summary = sessions.get_summary(session_id)
        return None if summary is None else summary.text


def test_every_session_with_waiting_turns_is_summarised(anywhere: Place, module: str) -> None:
    fill(anywhere, "a", "1", "2", "3")
    fill(anywhere, "b", "4", "5", archive=True)
    fill(anywhere, "new", "6")
    run = anywhere.run("summarize", "--with", f"{module}:tell")
    assert (run.returncode, run.stdout, run.stderr) == (0, "2 sessions summarised, 1 skipped, 0 failed\n", "")
    assert [text_of(anywhere, session_id) for session_id in ("a", "b", "new")] == ["(1 2)", "(4)", None]
    with anywhere.sessions() as sessions:
        infos = [sessions.describe(session_id) for session_id in ("a", "b")]
        assert [(info.waiting, info.summarized) for info in infos if info] == [(0, 2), (0, 1)]
        assert [message["content"] for message in sessions.get_archive("b")] == ["4"]
    fill(anywhere, "a", "7")
    (again,) = anywhere.lines("summarize", "--with", f"{module}:tell")
    assert again == {"summarized": 1, "skipped": 2, "failed": {}, "missing": []}
    assert text_of(anywhere, "a") == "(1 2)(3)"


@pytest.mark.parametrize(("query", "archived"), [("", ["1"]), ("?archive=true", ["1"]), ("?archive=false", [])])
def test_what_is_summarised_is_dropped_only_if_the_url_says_so(
    here: Place, module: str, query: str, archived: list[str]
) -> None:
    fill(here, "a", "1", "2")
    assert here.run("summarize", "--with", f"{module}:tell", "--url", here.url + query).returncode == 0
    with here.sessions() as sessions:
        assert [message["content"] for message in sessions.get_archive("a")] == archived
        assert [message["content"] for message in sessions.get_session("a")][1:] == ["2"]


def test_few_turns_may_wait_on(on_redis: Place, module: str) -> None:
    fill(on_redis, "two", "1", "2", "3")
    with SessionManager(1, on_redis.make_store(), summary=Summary(len, every=None)) as sessions:  # type: ignore[arg-type]
        sessions.send_messages("one", [{"role": "user", "content": "4"}, {"role": "assistant", "content": "5"}])
        sessions.add_user_message("one", "6")
    run = on_redis.run("summarize", "--with", f"{module}:tell", "--every", "2")
    assert (run.returncode, run.stdout) == (0, "1 session summarised, 1 skipped, 0 failed\n")
    assert (text_of(on_redis, "two"), text_of(on_redis, "one")) == ("(1 2)", None)
    assert on_redis.run("summarize", "--with", f"{module}:tell", "--every", "0").returncode == 2


def test_only_sessions_that_are_named(here: Place, module: str) -> None:
    for session_id in ("a", "b"):
        fill(here, session_id, "1", "2")
    run = here.run("summarize", "--with", f"{module}:tell", "b", "nobody", "b")
    assert (run.returncode, run.stdout) == (3, "1 session summarised, 0 skipped, 0 failed\n")
    assert run.stderr == "sessionkit: there is no session 'nobody'\n"
    assert (text_of(here, "a"), text_of(here, "b")) == (None, "(1)")
    assert here.run("summarize", "--with", f"{module}:tell", "").returncode == 2


@pytest.mark.parametrize("name", ["tell", "atell"])
def test_a_session_that_fails_is_told_and_the_others_go_on(here: Place, module: str, name: str) -> None:
    for session_id, said in (("a", "1"), ("b", "poison"), ("c", "3")):
        fill(here, session_id, said, "later")
    run = here.run("summarize", "--with", f"{module}:{name}")
    assert (run.returncode, run.stdout) == (1, "2 sessions summarised, 0 skipped, 1 failed\n")
    problem = (
        "the summarizer raised RuntimeError; the turns wait:"
        " RuntimeError: no answer from https://***@models.example (twice)"
    )
    assert run.stderr == f"sessionkit: session 'b' was not summarised: {problem}\n"
    assert [text_of(here, session_id) for session_id in "abc"] == ["(1)", None, "(3)"]
    with here.sessions() as sessions:
        info = sessions.describe("b")
        assert info
        assert info.waiting == 1
    failed = here.run("summarize", "--with", f"{module}:{name}", "--json")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert failed.stdout == f'{{"summarized": 0, "skipped": 2, "failed": {{"b": "{problem}"}}, "missing": []}}\n'


def test_a_summarizer_that_says_nothing_fails(here: Place, module: str) -> None:
    fill(here, "a", "1", "2")
    run = here.run("summarize", "--with", f"{module}:silent")
    assert run.returncode == 1
    assert "the summarizer returned an empty text; the turns wait" in run.stderr


def test_asynchronous_summarizers_share_a_loop(anywhere: Place, module: str) -> None:
    for session_id in ("a", "b"):
        fill(anywhere, session_id, "1", "2")
    assert anywhere.run("summarize", "--with", f"{module}:telling").returncode == 0
    assert [text_of(anywhere, session_id) for session_id in ("a", "b")] == ["1 loop (1)", "1 loop (1)"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{}", "must have the form module:name, got 'summarizers_"),
        (":tell", "must have the form module:name"),
        ("nowhere_to_be_found:tell", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("{}:missing", "has no attribute 'missing'"),
        ("{}:number", "is not callable but int"),
    ],
)
def test_a_summarizer_that_is_not_there_is_wrong_usage(here: Place, module: str, name: str, message: str) -> None:
    run = here.run("summarize", "--with", name.format(module))
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("sessionkit: Invalid value for --with: ")
    assert len(run.stderr.splitlines()) == 1
    assert message in run.stderr


def test_a_summarizer_may_be_an_attribute(here: Place, module: str) -> None:
    fill(here, "a", "1", "2")
    assert here.run("summarize", "--with", f"{module}:Telling.tell").returncode == 0
    assert text_of(here, "a") == "(1)"


def test_show_and_tail_tell_a_summary_from_other_system_messages(here: Place, module: str) -> None:
    with here.sessions() as sessions:
        sessions.set_system_message("a", "Be brief.")
    fill(here, "a", "1", "2", "3")
    here.run("summarize", "--with", f"{module}:tell")
    shown = [
        "system pinned",
        "  Be brief.",
        "system summary of 2 turns",
        "  Summary of the conversation so far:",
        "  ",
        "  (1 2)",
        "user",
        "  3",
    ]
    assert here.run("show", "a").stdout.splitlines() == shown
    assert here.run("tail", "a").stdout.splitlines() == ["system", *shown[1:]]
    assert "system summary of 2 turns" in re.sub(r"\x1b\[[\d;]*m", "", here.on_terminal("show", "a")[1])


def test_a_summarizer_is_needed(here: Place) -> None:
    run = here.run("summarize")
    assert (run.returncode, run.stderr) == (2, "sessionkit: Missing option '--with'; see sessionkit summarize --help\n")


def test_a_store_that_is_away_ends_the_command(here: Place, module: str) -> None:
    away = replace(here, url="redis://127.0.0.1:1/?timeout=0.5")
    run = away.run("summarize", "--with", f"{module}:tell")
    assert (run.returncode, run.stdout) == (1, "")
    assert "cannot be reached" in run.stderr


def test_a_cron_job(on_redis: Place, module: str) -> None:
    for number in range(3):
        fill(on_redis, str(number), "1", "2")
    run = on_redis.run_apart("summarize", "--with", f"{module}:telling")
    assert (run.returncode, run.stdout, run.stderr) == (0, "3 sessions summarised, 0 skipped, 0 failed\n", "")
    code, shown = on_redis.on_terminal("summarize", "--with", f"{module}:tell")
    assert code == 0
    assert "Summarising" in shown
    assert "0 sessions summarised, 3 skipped, 0 failed" in shown


def test_ctrl_c_ends_it_and_the_turns_wait(here: Place, module: str) -> None:
    fill(here, "a", "1", "2")
    command = [*COMMAND, "summarize", "--with", f"{module}:slow"]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=here.all_variables) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, b"")
    with here.sessions() as sessions:
        info = sessions.describe("a")
        assert info
        assert info.waiting == 1
