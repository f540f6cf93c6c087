"""Nothing that a message, an id or a server says reaches a terminal unseen, or as a command."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import typer

from sessionkit_integrations import Edit, StoreError
from sessionkit_integrations.cli.faults import run_command_line
from sessionkit_integrations.records.record import Record
from tests.listening import Listener
from tests.view.unseen import UNSEEN

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.cli.running import Place

CHARACTERS = [character for character in sorted(UNSEEN) if not "\ud800" <= character <= "\udfff"]
HOSTILE, SOME = (
    "\n" + "".join(f"{character} " for character in characters)
    for characters in (CHARACTERS, CHARACTERS[:100] + CHARACTERS[100::50])
)
"""All of them, and some for most places of a message: to show all of them everywhere would take seconds."""
ARGUMENT = HOSTILE.replace("\0", "")
"""All of them that an argument of a command may hold."""
COLOURS = re.compile(r"\x1b\[[\d;]*m")


def check(shown: str, text: str = HOSTILE) -> None:
    """Check that all of a text was shown, and that no character of it arrived that cannot be seen."""
    assert not set(COLOURS.sub("", shown).replace("\r\n", "\n")) & UNSEEN
    marks = [f"<U+{ord(character):04X}>" for character in text if character in UNSEEN]
    shown = re.sub(r"[│┃\s]", "", COLOURS.sub("", shown))  # lines of a panel go on in the next one
    assert all(mark in shown for mark in marks)


def record_of(**fields: Any) -> Record:
    return Record(json.dumps(fields, ensure_ascii=False).encode(errors="surrogatepass"))


@pytest.fixture
def hostile(here: Place) -> Place:
    """A session, archived in part, whose first message and ids hold all of them, and whose other fields hold some."""
    calls = [{"id": HOSTILE, "type": "function", "function": {"name": SOME, "arguments": SOME}}, SOME, 7]
    with here.sessions() as sessions:
        records = (
            record_of(role="user", content=HOSTILE, name=SOME),
            record_of(role="assistant", content=[{"type": SOME, SOME: SOME}], tool_calls=calls),
            record_of(role="tool", content=SOME, tool_call_id=SOME, name=SOME),
        )
        sessions.store.replace("s", Edit(records, records), None, "1")
        for start in range(0, len(ARGUMENT), 1200):
            sessions.add_user_message(f"{start} {ARGUMENT[start : start + 100]}", "x")
    return here


@pytest.mark.parametrize("arguments", [["show", "s"], ["show", "s", "--archive"], ["tail", "s"]], ids=" ".join)
def test_messages(hostile: Place, arguments: list[str]) -> None:
    check(hostile.run(*arguments).stdout)
    code, shown = hostile.on_terminal(*arguments)
    assert code == 0
    assert not set(COLOURS.sub("", shown).replace("\r\n", "\n")) & UNSEEN
    [messages] = hostile.lines("show", "s")
    assert messages[0]["content"] == HOSTILE
    assert not set(hostile.run(*arguments, "--json").stdout) & UNSEEN


def test_ids(hostile: Place) -> None:
    for shown in (hostile.run("list").stdout, hostile.on_terminal("list")[1], hostile.run("list", "--json").stdout):
        assert not set(COLOURS.sub("", shown).replace("\r\n", "\n")) & UNSEEN
    ids = [row["session_id"] for row in hostile.lines("list", "--all")]
    assert len(ids) > 2
    for session_id in ids:
        if session_id != "s":
            check(hostile.run("reset", session_id, "-y").stdout, session_id)


@pytest.mark.parametrize(
    "arguments",
    [["show", ARGUMENT[:90]], ["--url", ARGUMENT], ["show", "s", "--window", ARGUMENT], ["show", "s", ARGUMENT]],
)
def test_arguments(here: Place, arguments: list[str]) -> None:
    run = here.run(*arguments)
    assert run.returncode
    assert run.stderr.count("\n") == 1
    assert not set(run.stderr) & UNSEEN


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def command() -> None:
        raise StoreError(f"the server said {HOSTILE}\ud800")

    @app.callback()
    def callback() -> None: ...

    assert run_command_line(app, ["command"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("sessionkit: the server said ")
    check(said, HOSTILE.replace("\r", ""))


@pytest.fixture
def liar() -> Iterator[str]:
    """The URL of a server that answers everything with an error, which would steer a terminal."""
    reply = "-ERR \x1b]0;title\x07 \u202e\u200b\U000e0041 no\r\n".encode()

    def answer(connection: socket.socket) -> None:
        while received := connection.recv(65536):
            connection.sendall(reply * received.count(b"\r\n*1") or reply)

    with Listener(answer) as listener:
        yield f"redis://127.0.0.1:{listener.port}?timeout=2"


def test_an_error_of_a_server(here: Place, liar: str) -> None:
    run = here.run("show", "s", "--url", liar)
    assert (run.returncode, run.stdout) == (1, "")
    assert len(run.stderr.splitlines()) == 1
    assert not set(run.stderr.rstrip("\n")) & UNSEEN
    check(run.stderr, "\x1b\x07\u202e\u200b\U000e0041")
