"""``sessionkit list``, ``show`` and ``reset``."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Edit
from sessionkit_integrations.records.record import Record

if TYPE_CHECKING:
    from tests.cli.running import Place

ODD = "Ada: a*b {x}\n\x1b[31m%41"
TRICKY = "[bold red]:smile:[/] \x1b]0;title\x07 \u202ertl"


def fill(place: Place, session_ids: list[str], turns: int = 3, window: int = 2, **options: Any) -> None:
    with place.sessions(window, **options) as sessions:
        for session_id in session_ids:
            sessions.add_system_message(session_id, "Be brief.")
            for number in range(turns):
                sessions.add_user_message(session_id, f"question {number}")
                sessions.add_assistant_message(session_id, f"answer {number}")


def test_a_store_is_listed_shown_and_reset(anywhere: Place) -> None:
    fill(anywhere, ["a", "b", ODD], archive=True)
    rows = anywhere.lines("list")
    assert [row["session_id"] for row in rows] == sorted(["a", "b", ODD])
    for row in rows:
        assert (row["turns"], row["messages"]) == (2, 5)
        age = time.time() - datetime.fromisoformat(row["last_activity"].replace("Z", "+00:00")).timestamp()
        assert 0 <= age < 60

    [messages] = anywhere.lines("show", ODD)
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert [message["content"] for message in messages[1:]] == ["question 1", "answer 1", "question 2", "answer 2"]
    [archived] = anywhere.lines("show", ODD, "--archive")
    assert [message["content"] for message in archived] == ["question 0", "answer 0"]

    assert anywhere.lines("reset", ODD, "b", "--yes") == [{"session_id": name, "messages": 5} for name in (ODD, "b")]
    assert [row["session_id"] for row in anywhere.lines("list")] == ["a"]
    assert anywhere.run("show", ODD, "--archive").returncode == 3


def test_pages_hold_every_session_once(on_redis: Place) -> None:
    with on_redis.sessions() as sessions:
        for number in range(7):
            sessions.add_user_message(f"user {number}", "Hello")
    seen: list[str] = []
    while True:
        run = on_redis.run("list", "--limit", "3", *(["--after", seen[-1]] if seen else []))
        assert run.returncode == 0
        seen += [line.split("\t")[0] for line in run.stdout.splitlines()]
        if not run.stderr:
            break
        assert f"--after '{seen[-1]}'" in run.stderr
    assert seen == [f"user {number}" for number in range(7)]
    assert sorted(row["session_id"] for row in on_redis.lines("list", "--all")) == seen


def test_a_session_that_cannot_be_read_is_listed_all_the_same(on_redis: Place) -> None:
    with on_redis.sessions() as sessions:
        sessions.add_user_message("good", "Hello")
        key = sessions.store.keys.active("bad")  # type: ignore[attr-defined]
        sessions.store.ask("RPUSH", key, '{"role":"user","content":"from JavaScript","at":"x"}', "nonsense")  # type: ignore[attr-defined]
    bad, good = on_redis.lines("list")
    assert (bad["session_id"], bad["messages"], bad["last_activity"]) == ("bad", 2, None)
    assert good["last_activity"]
    run = on_redis.run("show", "bad")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("sessionkit: session 'bad', record 1: ")


def test_a_window_is_what_an_application_with_it_reads(here: Place) -> None:
    fill(here, ["s"], window=3)
    [messages] = here.lines("show", "s", "--window", "1")
    assert [message["content"] for message in messages] == ["Be brief.", "question 2", "answer 2"]
    assert here.run("show", "s", "--window", "1").stdout.splitlines()[1::2] == [
        *("  Be brief.", "  question 2", "  answer 2")
    ]
    assert len(here.lines("show", "s")[0]) == 7
    assert here.run("show", "s", "--archive").stderr == "sessionkit: nothing of this session is archived\n"


@pytest.mark.parametrize("how", ["terminal", "pipe"])
def test_text_of_a_message_is_no_markup_and_steers_no_terminal(here: Place, how: str) -> None:
    with here.sessions() as sessions:
        sessions.add_user_message(ODD, TRICKY)
        call = {"id": "1", "type": "function", "function": {"name": "[b]f\x1b[2J", "arguments": "{}"}}
        sessions.send_message(ODD, {"role": "assistant", "content": None, "tool_calls": [call]})  # type: ignore[list-item]
        sessions.add_user_message(
            ODD, [{"type": "text", "text": "[i]part[/i]"}, {"type": "image_url", "image_url": {"url": "x"}}]
        )
    shown = here.on_terminal("show", ODD)[1] if how == "terminal" else here.run("show", ODD).stdout
    listed = here.on_terminal("list")[1] if how == "terminal" else here.run("list").stdout
    colours = re.compile(r"\x1b\[[\d;]*m")
    assert bool(colours.search(shown)) == (how == "terminal")
    shown, listed = colours.sub("", shown), colours.sub("", listed)
    assert "[bold red]:smile:[/]" in shown
    assert "[b]f" in shown
    assert "[i]part[/i]" in shown
    assert not set(shown) & set("\x07\u202e")
    if how == "pipe":
        assert "[bold red]:smile:[/] <U+001B>]0;title<U+0007> <U+202E>rtl" in shown
        assert "calls [b]f<U+001B>[2J no result {}" in shown
        assert "[image] x" in shown
    assert "Ada: a*b {x}<U+000A><U+001B>[31m%41" in "".join(re.sub("[│┃]", "", listed).splitlines())
    assert ("messages" in listed) == (how == "terminal")
    assert "\x1b" not in shown + listed


def test_resetting_asks_first(here: Place) -> None:
    fill(here, ["a", "b"])
    code, shown = here.on_terminal_apart("reset", "a", "b", answer="n\n")
    assert (code, len(here.lines("list"))) == (130, 2)
    assert "Delete a (5 messages), b (5 messages), with all that is archived? [y/N]" in " ".join(shown.split())
    run = here.run("reset", "a")
    assert (run.returncode, len(here.lines("list"))) == (2, 2)
    assert "--yes" in run.stderr
    code, shown = here.on_terminal_apart("reset", "a", answer="y\n")
    assert code == 0
    assert [row["session_id"] for row in here.lines("list")] == ["b"]


def test_resetting_what_is_not_there_says_so_and_resets_the_rest(here: Place) -> None:
    fill(here, ["a"])
    run = here.run("reset", "nobody", "a", "--yes")
    assert (run.returncode, run.stdout) == (3, "deleted a (5 messages)\n")
    assert run.stderr == "sessionkit: there is no session 'nobody'; see sessionkit list\n"
    assert here.lines("list") == []


def test_files_are_not_made_by_looking_at_them(here: Place) -> None:
    path = here.url.removeprefix("sqlite:///")
    run = here.run("list", "--url", f"sqlite:///{path}.typo")
    assert (run.returncode, run.stderr) == (
        1,
        f"sessionkit: there is no file {path + '.typo'!r}: check the path in the URL of the store\n",
    )
    assert not Path(f"{path}.typo").exists()


def test_a_session_that_cannot_be_read_is_described_exported_and_reset(anywhere: Place) -> None:
    good = Record(b'{"role":"user","content":"good"}')
    with anywhere.sessions() as sessions:
        sessions.store.replace("bad", Edit((good, Record(b"{"), good), (Record(b"{"),)), None, "1")
    [row] = anywhere.lines("list")
    assert (row["turns"], row["messages"]) == (2, 3)
    for arguments, place in ((["show", "bad"], "record 1"), (["show", "bad", "--archive"], "record 0 of the archive")):
        run = anywhere.run(*arguments)
        assert (run.returncode, run.stdout) == (1, "")
        assert run.stderr.startswith(f"sessionkit: session 'bad', {place}: cannot be read as a message")
    assert anywhere.run("tail", "bad", "-n", "1").stdout == "user\n  good\n"
    assert anywhere.run("tail", "bad", "-n", "2").stderr.startswith("sessionkit: session 'bad', record 1: ")
    assert anywhere.run("export").returncode == 1
    run = anywhere.run("export", "--skip-corrupt")
    assert json.loads(run.stdout.splitlines()[1])["active"] == [{"role": "user", "content": "good"}] * 2
    assert "session 'bad': left out 2 records that cannot be read" in run.stderr
    assert anywhere.run("reset", "bad", "--yes").stdout == "deleted bad (3 messages)\n"
    assert anywhere.lines("list") == []
