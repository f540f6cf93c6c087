"""``sessionkit search``: on terminals, in pipes and as JSON."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from sessionkit_integrations import Edit, Record

if TYPE_CHECKING:
    from tests.cli.running import Place


@pytest.fixture
def filled(here: Place) -> Place:
    """Two sessions; one has an archive."""
    with here.sessions(1, archive=True) as sessions:
        sessions.add_user_message("ada", "I am allergic to peanuts.\nReally.")
        sessions.add_user_message("ada", "Hello")
        sessions.add_user_message("bob\x1b", "Peanuts, please")
        sessions.add_assistant_message("bob\x1b", "No \x1b[31mtea")
    return here


def test_json_has_whole_turns(filled: Place) -> None:
    (found,) = filled.lines("search", "allergic", "--json")
    at = datetime.fromisoformat(found.pop("at").replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - at) < timedelta(minutes=1)
    assert found.pop("score") > 0
    assert found == {
        "session_id": "ada",
        "messages": [{"role": "user", "content": "I am allergic to peanuts.\nReally."}],
        "snippet": {"text": "I am allergic to peanuts. Really.", "marks": [[5, 13]]},
        "archived": True,
        "position": 0,
    }


def test_a_pipe_gets_a_line_for_each_turn(filled: Place) -> None:
    run = filled.run("search", "peanuts")
    assert (run.returncode, run.stderr) == (0, "")
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    assert sorted((name, position, text) for name, position, _, text in lines) == [
        ("ada", "0", "I am allergic to peanuts. Really."),
        ("bob<U+001B>", "0", "Peanuts, please"),
    ]
    assert len(filled.run("search", "peanuts", "-n", "1").stdout.splitlines()) == 1
    assert filled.run("search", "", "--archived").stdout.split("\t")[0] == "ada"


def test_a_terminal_shows_what_matched(filled: Place) -> None:
    code, shown = filled.on_terminal("search", "peanuts", "--session", "ada")
    assert code == 0
    assert re.search(r"ada · message 0 · \d{4}-\d\d-\d\d \d\d:\d\d UTC · archived", shown)
    assert "\x1b[1;33mpeanuts\x1b[0m" in shown
    assert re.search(r"Searching.*0:00:0\d", shown)
    _, shown = filled.on_terminal("search", "tea")
    assert "\x1b[31m" not in shown
    assert "bob<U+001B>" in shown


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--role", "assistant"], ["bob<U+001B>"]),
        (["--since", "2026-01-01"], ["ada", "ada", "bob<U+001B>"]),
        (["--until", "2026-01-01T00:00Z"], []),
        (["--tool", "get_weather"], []),
        (["--session", "ada", "-n", "1"], ["ada"]),
    ],
)
def test_filters(filled: Place, arguments: list[str], found: list[str]) -> None:
    run = filled.run("search", "", *arguments)
    assert sorted(line.split("\t")[0] for line in run.stdout.splitlines()) == found
    assert run.stderr == ("" if found else "sessionkit: nothing was found\n")
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--session", "nobody"], 3, "there is no session 'nobody'"),
        (["--since", "yesterday"], 2, "must be a time in ISO 8601, got 'yesterday'"),
        (["--role", "human"], 2, "roles must be some of assistant, system, tool, user, got 'human'"),
    ],
)
def test_wrong_usage(filled: Place, arguments: list[str], code: int, said: str) -> None:
    run = filled.run("search", "tea", *arguments)
    assert run.returncode == code
    assert said in " ".join(run.stderr.replace("│", " ").split())


def test_a_session_that_cannot_be_read_is_told(filled: Place) -> None:
    with filled.sessions() as sessions:
        sessions.store.replace("broken", Edit((Record(b"{"),)), None, "edit")
    run = filled.run("search", "allergic")
    assert run.returncode == 0
    assert run.stdout.startswith("ada\t")
    assert "not everything was looked at" in run.stderr
    assert "if one cannot be read, sessionkit doctor says why" in run.stderr
