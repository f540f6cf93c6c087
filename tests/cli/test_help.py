"""The help of all commands: it fits a terminal of 80 columns, its examples are true, and a page says the same."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.commands import PAGE, commands, examples, page
from tests.site import DOCS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.running import Place

COMMANDS = commands()
INTRODUCED = re.findall(r"^(sessionkit .*?)(?: *#.*)?$", (DOCS / "command_line.md").read_text("utf-8"), re.MULTILINE)


def test_the_page_says_what_the_help_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.commands"


def test_the_list_of_commands_says_in_a_line_what_each_does(here: Place) -> None:
    listed = here.run("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_80_columns_and_ends_with_examples(here: Place, name: str) -> None:
    shown = here.run(*name.split(), "--help").stdout.rstrip("\n").splitlines()
    assert max(map(len, shown)) <= 80
    below = shown[shown.index("  Examples:") + 1 :]
    assert below[-1].startswith(f"    sessionkit {name}")
    if name:
        assert [line.strip() for line in below] == examples(COMMANDS[name])


@pytest.mark.parametrize("line", [*(each for name in COMMANDS for each in examples(COMMANDS[name])), *INTRODUCED])
def test_an_example_is_a_command_line(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONKIT_URL", "memory://")
    _, name, *arguments = shlex.split(line.partition(" > ")[0])
    assert COMMANDS[name].make_context(name, arguments).args == []


def test_every_command_is_introduced() -> None:
    assert {line.split()[1] for line in INTRODUCED} | {"demo", "reseal"} == COMMANDS.keys()


def test_what_a_terminal_wraps_stays_below_its_message(here: Place) -> None:
    with here.sessions() as sessions:
        sessions.add_user_message("s", "tea " * 40)
    code, shown = here.on_terminal("tail", "s")
    lines = shown.replace("\r", "").rstrip("\n").split("\n")
    assert (code, len(lines)) == (0, 4)
    assert all(line.startswith("  tea ") for line in lines[1:])


def test_an_empty_store_says_so_instead_of_an_empty_table(here: Place) -> None:
    assert here.on_terminal("list") == (0, "sessionkit: there are no sessions\r\n")
    assert here.on_terminal("list", "--after", "m") == (0, "sessionkit: there are no sessions after 'm'\r\n")
    run = here.run("list")
    assert (run.stdout, run.stderr) == ("", "")


def test_files_that_are_not_there_are_named(here: Place) -> None:
    run = here.run("import", "/nowhere/backup.jsonl")
    assert (run.returncode, run.stderr) == (1, "sessionkit: '/nowhere/backup.jsonl': No such file or directory\n")
    run = here.run("export", "-o", "/nowhere/backup.jsonl")
    assert run.returncode == 2
    assert "--output: there is no folder '/nowhere'; see sessionkit export --help" in run.stderr


def test_of_many_bad_lines_the_first_are_named(here: Place, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("tea\n" * 12, "utf-8")
    run = here.run("import", str(file))
    named = run.stderr.splitlines()
    assert (run.returncode, len(named)) == (1, 11)
    assert named[-1] == "sessionkit: and 2 more lines; is it a file of JSON Lines?"
    assert run.stdout == "0 sessions written, 0 overwritten, 0 there already, 0 refused, 12 bad lines\n"


def test_the_url_of_an_example_is_not_hidden(here: Place) -> None:
    run = here.run("migrate", "sqlite:///chats.db", "--from", "langchain-redis")
    assert "redis://user:password@host:port/database" in run.stderr
