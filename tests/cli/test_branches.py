"""``sessionkit fork`` and ``undo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_sessions import ODD, fill

if TYPE_CHECKING:
    from tests.cli.running import Place


def shown(place: Place, session_id: str, *options: str) -> list[str]:
    [messages] = place.lines("show", session_id, *options)
    return [message["content"] for message in messages]


def turns(first: int, last: int) -> list[str]:
    return [f"{kind} {number}" for number in range(first, last + 1) for kind in ("question", "answer")]


@pytest.mark.parametrize(
    ("options", "active", "archived"),
    [
        ([], turns(3, 4), turns(0, 2)),
        (["--turns", "-1"], turns(3, 4), turns(0, 2)),
        (["--turns", "3"], turns(1, 2), turns(0, 0)),
        (["--turns=-3"], turns(1, 2), turns(0, 0)),
        (["--turns", "0"], [], []),
    ],
)
def test_a_session_is_forked(here: Place, options: list[str], active: list[str], archived: list[str]) -> None:
    fill(here, ["a"], turns=5, archive=True)
    (said,) = here.lines("fork", "a", ODD, *options)
    figures = {"messages": len(active) + 1, "archived": len(archived)}
    assert said == {"session_id": ODD, "forked_from": "a", **figures}
    assert shown(here, ODD) == ["Be brief.", *active]
    assert not archived or shown(here, ODD, "--archive") == archived


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("a", "b"), 1, "there is a session 'b' already; give the fork another id, or reset it"),
        (("a", "a"), 1, "there is a session 'a' already; give the fork another id, or reset it"),
        (("nobody", "c"), 3, "there is no session 'nobody'; see sessionkit list"),
        (("a", "c", "--turns", "9"), 2, "turns must be from -3 to 3, the number of turns in session 'a', got 9"),
        (("a", ""), 2, "a session id must not be empty"),
    ],
)
def test_what_cannot_be_forked_is_left(here: Place, arguments: tuple[str, ...], code: int, said: str) -> None:
    fill(here, ["a", "b"], archive=True)
    run = here.run("fork", *arguments)
    assert (run.returncode, run.stdout, run.stderr) == (code, "", f"sessionkit: {said}\n")
    assert [row["session_id"] for row in here.lines("list")] == ["a", "b"]


def test_turns_are_taken_off_after_asking(here: Place) -> None:
    fill(here, ["a"], turns=4, window=4)
    code, terminal = here.on_terminal("undo", "a", "--turns", "2", answer="n\n")
    assert (code, shown(here, "a")) == (130, ["Be brief.", *turns(0, 3)])
    assert "Take the last 2 turns off a? [y/N]" in terminal
    run = here.run("undo", "a")
    assert (run.returncode, "--yes" in run.stderr) == (2, True)
    code, terminal = here.on_terminal("undo", "a", answer="y\n")
    assert (code, shown(here, "a")) == (0, ["Be brief.", *turns(0, 2)])
    assert "took the last turn off a (2 messages)" in terminal
    (said,) = here.lines("undo", "a", "--turns", "9", "-y")
    assert said["session_id"] == "a"
    assert [message["content"] for message in said["messages"]] == turns(0, 2)
    run = here.run("undo", "nobody", "-y")
    assert (run.returncode, run.stderr) == (3, "sessionkit: there is no session 'nobody'; see sessionkit list\n")


def test_names_are_shown_safely(anywhere: Place) -> None:
    fill(anywhere, [ODD], archive=True)
    name = "Ada: a*b {x}<U+000A><U+001B>[31m%41"
    said = anywhere.run("fork", ODD, "b").stdout
    assert said == f"forked {name} to b (5 messages, and 2 archived)\n"
    assert anywhere.run("undo", ODD, "--yes").stdout == f"took the last turn off {name} (2 messages)\n"
    messages: Any = shown(anywhere, "b")
    assert messages == ["Be brief.", *turns(1, 2)]
