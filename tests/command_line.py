"""The ``sessionkit`` command in this process, for tests to which a process of its own would show nothing more."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import IO, TYPE_CHECKING
from unittest import mock

from sessionkit_integrations.cli import app
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
    with _environment(environment), _file(given) as stdin, _file() as stdout, _file() as stderr:
        with mock.patch("sys.stdin", stdin), redirect_stdout(stdout), redirect_stderr(stderr):
            code = run_command_line(app, arguments)
        return subprocess.CompletedProcess(arguments, int(code), _text(stdout), _text(stderr))


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
