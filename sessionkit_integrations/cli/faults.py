"""Exit codes, and errors of one line."""

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
from sessionkit_integrations.view.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

# Some versions of typer have click, others a copy of it.
_UsageError: Any = typer.BadParameter.__mro__[1]
_BLANKS = re.compile(r"[ \t\r\n]+")
_CREDENTIALS = re.compile(r"://(?!user:password@host\b)\S*@")
"""Users and passwords of URLs, but not an example's."""


class Exit(IntEnum):
    """The exit codes of ``sessionkit``."""

    OK = 0
    FAULT = 1
    USAGE = 2
    NOT_FOUND = 3
    WOULD_LOSE_DATA = 4
    STOPPED = 130


class NotFoundError(Exception):
    """There is no such session, or no such message in it."""


_CODES = (
    (NotFoundError, Exit.NOT_FOUND),
    (InvalidSessionIdError, Exit.USAGE),
    (SessionKitError, Exit.FAULT),
    (ValueError, Exit.USAGE),  # a URL that names no store
)


class _ClosedPipeError(Exception):
    """The reader of the output has closed it."""


class Group(TyperGroup):
    """The commands. Typer itself would treat a closed pipe as a fault."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the command line names."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ClosedPipeError from error


def run_command_line(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; errors are printed on standard error, in one line each.

    Args:
        app: The commands.
        arguments: The command line after ``sessionkit``; an empty one asks for help.
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
        problem = error.format_message().rstrip(".").replace("Value error, ", "")  # as some versions of typer say
        if "'--url'" in problem and "SESSIONKIT_URL" not in problem:
            problem += " (or SESSIONKIT_URL in the environment)"  # which older versions of typer do not say
        return _fail(f"{problem}; see {_path(error)} --help", Exit.USAGE)
    except OSError as error:
        return _fail(f"{error.filename!r}: {error.strerror}" if error.filename else error, Exit.FAULT)
    except (NotFoundError, SessionKitError, ValueError) as error:
        return _fail(error, next(code for kind, code in _CODES if isinstance(error, kind)))
    return code if isinstance(code, int) else Exit.OK


def without_credentials(text: str) -> str:
    """Return a text without the users and passwords of the URLs in it."""
    return _CREDENTIALS.sub("://***@", text)


def _path(error: Any) -> str:
    return error.ctx.command_path if error.ctx else "sessionkit"


def _fail(problem: object, code: Exit) -> Exit:
    # An error repeats what it is about: a URL in a wrong place, or a text of the server or of a message.
    text = without_credentials(_BLANKS.sub(" ", str(problem)).strip())
    typer.echo(f"sessionkit: {one_line(text)}", err=True)
    return code
