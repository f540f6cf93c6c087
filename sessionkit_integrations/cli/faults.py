"""How commands end: exit codes, and errors of one line."""

from __future__ import annotations

import os
import re
import sys
from enum import IntEnum
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from sessionkit_integrations.errors import InvalidSessionIdError, SessionKitError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Some versions of typer have click, others a copy of it.
_UsageError: Any = typer.BadParameter.__mro__[1]
_CREDENTIALS = re.compile(r"://\S*@")


class Exit(IntEnum):
    """What an exit code of ``sessionkit`` means."""

    OK = 0
    FAULT = 1
    USAGE = 2
    NOT_FOUND = 3
    WOULD_LOSE_DATA = 4
    STOPPED = 130


class NotFoundError(Exception):
    """There is no such session."""


_CODES = (
    (NotFoundError, Exit.NOT_FOUND),
    (InvalidSessionIdError, Exit.USAGE),
    ((SessionKitError, OSError), Exit.FAULT),
    (ValueError, Exit.USAGE),  # a URL that names no store
)


class _ClosedPipeError(Exception):
    """Whoever read the output has read enough."""


class Group(TyperGroup):
    """The commands. Typer itself would take a closed pipe for a fault."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ClosedPipeError from error


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line, say on standard error in one line what went wrong, and return the exit code.

    Args:
        app: The commands.
        arguments: What follows ``sessionkit``; none asks for help.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal need not know every character of a message
    try:
        code = app(args=list(arguments) or ["--help"], prog_name="sessionkit", standalone_mode=False)
        sys.stdout.flush()
    except (_ClosedPipeError, BrokenPipeError):
        # What is left in the buffer would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except (typer.Abort, KeyboardInterrupt):
        return Exit.STOPPED
    except _UsageError as error:
        problem = error.format_message().rstrip(".")
        if "'--url'" in problem and "SESSIONKIT_URL" not in problem:
            problem += " (or SESSIONKIT_URL in the environment)"  # which older versions of typer do not say
        return _fail(f"{problem}; see {_path(error)} --help", Exit.USAGE)
    except (NotFoundError, SessionKitError, OSError, ValueError) as error:
        return _fail(error, next(code for kind, code in _CODES if isinstance(error, kind)))
    return code if isinstance(code, int) else Exit.OK


def _path(error: Any) -> str:
    return error.ctx.command_path if error.ctx else "sessionkit"


def _fail(problem: object, code: Exit) -> Exit:
    # A URL in a wrong place is repeated by what refuses it.
    text = _CREDENTIALS.sub("://***@", " ".join(str(problem).split()))
    typer.echo(f"sessionkit: {text}", err=True)
    return code
