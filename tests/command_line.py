"""The ``sessionkit`` command in this process, for tests to which a process of its own would show nothing more."""

from __future__ import annotations

import os
import pty
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from typing import IO, TYPE_CHECKING
from unittest import mock

from sessionkit_integrations.cli import app
from sessionkit_integrations.cli.common import out
from sessionkit_integrations.cli.faults import run_command_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def run_here(
    arguments: Sequence[str], environment: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command line with no terminal, and return what it prints and its exit code.

    Args:
        arguments: The command line after ``sessionkit``.
        environment: All environment variables.
        given: Standard input.
    """
    with _file(given) as stdin, _file() as stdout, _file() as stderr:
        code = _run(arguments, environment, stdin, stdout, stderr)
        return subprocess.CompletedProcess(arguments, code, _text(stdout), _text(stderr))


def run_on_terminal(arguments: Sequence[str], environment: Mapping[str, str], answer: str = "") -> tuple[int, str]:
    """Run a command line on a terminal, and return its exit code and all that the terminal got.

    Args:
        arguments: The command line after ``sessionkit``.
        environment: All environment variables.
        answer: What is typed.
    """
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    with ThreadPoolExecutor(1) as screen:
        shown = screen.submit(all_of_terminal, ours)
        with os.fdopen(os.dup(theirs), encoding="utf-8") as stdin, os.fdopen(theirs, "w", encoding="utf-8") as output:
            code = _run(arguments, environment, stdin, output, output, on_terminal=True)
    return code, shown.result()


def all_of_terminal(ours: int) -> str:
    """Return all that a terminal gets until nobody has it open, and close it.

    Args:
        ours: The end of the terminal that is not the program's.
    """
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux says so at the end
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    return shown.decode()


def _run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdin: IO[str],
    stdout: IO[str],
    stderr: IO[str],
    *,
    on_terminal: bool = False,
) -> int:
    with (
        _environment(environment),
        mock.patch("sys.stdin", stdin),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
        _new_output() if on_terminal else nullcontext(),
    ):
        return int(run_command_line(app, arguments))


@contextmanager
def _new_output() -> Iterator[None]:
    """Let the commands' output look again at what it is printed on, which it does once in a process."""
    with mock.patch.dict(vars(out), vars(type(out)(highlight=False, markup=False, emoji=False))):
        yield


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    try:
        with mock.patch.dict(os.environ, variables, clear=True):
            time.tzset()
            yield
    finally:
        time.tzset()


def _file(text: str = "") -> IO[str]:
    file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - its user closes it
    file.write(text)
    file.seek(0)
    return file


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
