"""Common to all commands: exit codes, errors of one line, closed pipes, help and completion."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.cli.running import COMMAND, Place
from tests.processes import running

SECRET = "s3cret"  # noqa: S105 - of the tests


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "nobody"], 3, "there is no session 'nobody'"),
        (["tail", "nobody"], 3, "there is no session 'nobody'"),
        (["show", ""], 2, "a session id must not be empty"),
        (["show"], 2, "Missing argument 'SESSION'; see sessionkit show --help"),
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["list", "--limit", "0"], 2, "Invalid value for '--limit'"),
        (["list", f"redis://:{SECRET}@localhost"], 2, "(redis://***@localhost)"),
        (["list", "--url", "nonsense://x"], 2, "no store has the scheme 'nonsense'"),
        (
            ["list", "--url", f"redis://u:{SECRET}@127.0.0.1:1/?timeout=0.5"],
            1,
            "Redis at 127.0.0.1:1 cannot be reached",
        ),
        (["list", "--url", f"redis://u:{SECRET}/@127.0.0.1:1"], 2, "percent-encode it"),
        (["show", "s", "--archive", "--window", "1"], 2, "the archive has no window"),
    ],
)
def test_errors_are_one_line_and_have_a_code(here: Place, arguments: list[str], code: int, message: str) -> None:
    run = here.run(*arguments)
    assert (run.returncode, run.stdout) == (code, "")
    assert len(run.stderr.splitlines()) == 1, run.stderr
    assert run.stderr.startswith("sessionkit: ")
    assert message in run.stderr
    assert SECRET not in run.stderr


def test_a_url_is_needed_and_said_how_to_give(here: Place) -> None:
    without = Place("", here.make_store)
    run = without.run("list")
    assert (run.returncode, run.stdout) == (2, "")
    assert "--url" in run.stderr
    assert "SESSIONKIT_URL" in run.stderr
    assert without.run("list", "--url", here.url).returncode == 0


@pytest.mark.parametrize(
    "arguments", [["show", "s"], ["show", "s", "--json"], ["list", "-n", "300"], ["list", "--all", "--json"]]
)
def test_a_closed_pipe_is_no_fault(here: Place, arguments: list[str]) -> None:
    with here.sessions(400) as sessions:
        # More than a pipe takes.
        sessions.send_messages("s", [{"role": "user", "content": f"{number}" * 100} for number in range(300)])
        for number in range(200 if arguments[0] == "list" else 0):
            sessions.add_user_message(f"{number:0500}", "Hello")
    reading, writing = os.pipe()
    command = [*COMMAND, *arguments]
    with running(command, stdout=writing, stderr=subprocess.PIPE, env=here.all_variables) as process:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")


def test_ctrl_c_ends_it_without_a_traceback(here: Place) -> None:
    with here.sessions() as sessions:
        sessions.add_user_message("s", "Hello")
    command = [*COMMAND, "tail", "-f", "s", "--json"]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=here.all_variables) as process:
        assert process.stdout is not None
        assert b"Hello" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")


def test_help_and_completion_are_there(here: Place) -> None:
    without_arguments = here.run()
    assert without_arguments.returncode == 0
    for command in ("demo", "list", "show", "tail", "reset", "doctor", "summarize", "reseal"):
        assert f" {command} " in without_arguments.stdout
        assert here.run(command, "--help").returncode == 0
    # The shell that the tests were started from need not be known, or one.
    named = Place(here.url, here.make_store, {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    completion = named.run_apart("--show-completion", "bash")
    assert (completion.returncode, completion.stderr) == (0, "")
    assert "complete -o default -F _sessionkit_completion sessionkit" in completion.stdout
    words = {"_SESSIONKIT_COMPLETE": "complete_bash", "COMP_WORDS": "sessionkit re", "COMP_CWORD": "1"}
    assert Place(here.url, here.make_store, words).run_apart().stdout.split() == ["reseal", "reset"]


def test_output_need_not_know_every_character(here: Place) -> None:
    with here.sessions() as sessions:
        sessions.add_user_message("s", "Olá 🙂")
    plain = Place(here.url, here.make_store, {"PYTHONIOENCODING": "ascii"})
    assert json.loads(plain.run_apart("show", "s", "--json").stdout) == [{"role": "user", "content": "Olá 🙂"}]
    assert plain.run_apart("show", "s").stdout == "user\n  Ol\\xe1 \\U0001f642\n"
