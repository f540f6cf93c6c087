"""``sessionkit show --around``: the turns beside one that a search found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import Edit, Record

if TYPE_CHECKING:
    from tests.cli.running import Place

TALK = ("I land at noon", "I am allergic to peanuts", "My order is ORD-48213", "Is it far?", "Thank you")


def fill(place: Place) -> None:
    """Write five turns, three of which leave the window; the second one calls a tool."""
    with place.sessions(2, archive=True) as sessions:
        sessions.add_system_message("ada", "Be brief.")
        for text in TALK:
            sessions.add_user_message("ada", text)
            if "peanuts" in text:
                call = {"id": "1", "type": "function", "function": {"name": "note", "arguments": "{}"}}
                sessions.send_message("ada", {"role": "assistant", "content": None, "tool_calls": [call]})  # type: ignore[list-item]
                sessions.send_message("ada", {"role": "tool", "content": "noted", "tool_call_id": "1"})
            sessions.add_assistant_message("ada", f"You said: {text}")


def questions(turns: list[Any]) -> list[str]:
    return [turn["messages"][0]["content"] for turn in turns]


def test_a_turn_that_was_found_is_shown_with_those_beside_it(anywhere: Place) -> None:
    fill(anywhere)
    for query, number, beside in (("peanuts", 1, TALK[:3]), ("far", 3, TALK[2:]), ("noon", 0, TALK[:2])):
        (hit,) = (each for each in anywhere.lines("search", query) if query in each["messages"][0]["content"])
        turns = anywhere.lines("show", "ada", "--around", str(hit["position"]), "--turns", "1")
        assert questions(turns) == list(beside)
        (found,) = (turn for turn in turns if turn["position"] == hit["position"])
        assert found == {name: hit[name] for name in ("messages", "at", "archived", "position")}
        assert found["archived"] is (number < 3)
    assert [turn["position"] for turn in anywhere.lines("show", "ada", "--around", "6")] == [0, 2, 6, 8, 10]


def test_any_message_of_the_turn_tells_it(here: Place) -> None:
    fill(here)
    shown = [here.run("show", "ada", "--around", str(position), "--turns", "0").stdout for position in range(2, 6)]
    lines = shown[0].splitlines()
    assert re.fullmatch(r">>> message 2 · \d{4}-\d\d-\d\d \d\d:\d\d UTC · archived", lines[0])
    assert lines[1:] == [
        *("user", "  I am allergic to peanuts", "assistant", "  calls note {}"),
        *("tool answers 1", "  noted", "assistant", "  You said: I am allergic to peanuts"),
    ]
    assert set(shown) == {shown[0]}


def test_the_turn_is_told_from_those_beside_it(here: Place) -> None:
    fill(here)
    shown = here.run("show", "ada", "--around", "8", "--turns", "1").stdout
    headers = [line.split(" · ") for line in shown.splitlines() if "message" in line]
    assert [(first, rest[1:]) for first, *rest in headers] == [
        ("--- message 6", ["archived"]),
        (">>> message 8", []),
        ("--- message 10", []),
    ]
    _, shown = here.on_terminal("show", "ada", "--around", "8", "--turns", "1")
    assert "\x1b[1;33m>>> message 8 · " in shown
    assert "\x1b[2m--- message 6 · " in shown


def test_of_a_long_archive_the_pages_that_are_looked_at_are_read(here: Place) -> None:
    with here.sessions(1, archive=True) as sessions:
        sessions.send_messages("long", [{"role": "user", "content": f"number {each}"} for each in range(602)])
        sessions.store.replace("long", Edit(archive=(Record(b"{"),)), None, "edit")
    assert questions(here.lines("show", "long", "--around", "250", "--turns", "1")) == [
        *("number 249", "number 250", "number 251"),
    ]
    run = here.run("show", "long", "--around", "600", "--turns", "1")
    assert (run.returncode, run.stdout.count("number 599")) == (1, 1)
    assert run.stderr.startswith("sessionkit: session 'long', record 601 of the archive: cannot be read as a message")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--around", "12"], 3, "session 'ada' has no message 12: it has 12 without the preamble, counted from 0"),
        (["--around", "-1"], 2, "Invalid value for '--around'"),
        (["--around", "1", "--archive"], 2, "it looks in the window and the archive"),
        (["--around", "1", "--window", "2"], 2, "it looks in the window and the archive"),
    ],
)
def test_wrong_usage(here: Place, arguments: list[str], code: int, said: str) -> None:
    fill(here)
    run = here.run("show", "ada", *arguments)
    assert (run.returncode, run.stdout) == (code, "")
    assert said in " ".join(run.stderr.replace("│", " ").split())


def test_it_follows_a_session_whose_turns_leave_the_window(here: Place) -> None:
    fill(here)
    before = here.lines("show", "ada", "--around", "8", "--turns", "0")
    with here.sessions(1, archive=True) as sessions:
        sessions.add_user_message("ada", "Good bye")
    assert here.lines("show", "ada", "--around", "8", "--turns", "0") == [{**before[0], "archived": True}]
    assert json.dumps(before).count('"archived": false') == 1
