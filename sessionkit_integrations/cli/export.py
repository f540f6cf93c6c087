"""``sessionkit export``."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from sessionkit_integrations.cli.common import Json, Url, note, open_sessions, print_line
from sessionkit_integrations.cli.progress import progress, summarize
from sessionkit_integrations.porting.exporting import Exported, export_sessions
from sessionkit_integrations.records.messages import check_session_id
from sessionkit_integrations.view.text import count

NO_SUCH_SESSION = 3
"""The exit code where one of the sessions that were asked for is not there."""


class Format(str, Enum):
    """The format of the lines."""

    SESSIONKIT = "sessionkit"
    OPENAI = "openai"


def export(
    url: Url,
    session_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="SESSION", show_default=False, help="The sessions to export; all if there is none."),
    ] = None,
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file to write; '-' is standard output.")
    ] = "-",
    to: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="|".join(Format),
            help="Everything that is stored, or examples for OpenAI's fine-tuning.",
        ),
    ] = Format.SESSIONKIT,
    skip_corrupt: Annotated[
        bool,
        typer.Option(
            "--skip-corrupt",
            help="Leave out records that cannot be read (of fine-tuning data, their turns), and count them.",
        ),
    ] = False,
    sealed: Annotated[
        bool,
        typer.Option(
            "--sealed",
            help="Leave encrypted and compressed records as they are, which needs no key. Encrypted sessions can then"
            " be imported only under the same key prefix and id.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write sessions, with their archives, as JSON Lines.

    What is encrypted becomes plain text in the file, with the keys of SESSIONKIT_KEYS, unless you say --sealed.

    With --json, the summary is JSON; it goes to standard error if the lines go to standard output. A file appears when
    all of it is written, or not at all.
    """
    for session_id in session_ids or ():
        check_session_id(session_id)
    if sealed and to is Format.OPENAI:
        raise typer.BadParameter("a model learns nothing from what is sealed; leave it out", param_hint="--sealed")
    done = Exported()
    with open_sessions(url) as sessions:
        ids = list(dict.fromkeys(session_ids)) if session_ids else sorted(sessions.list_sessions())
        with progress("Exporting", len(ids)) as advance, _opened(output) as file:
            lines = export_sessions(
                sessions,
                _counted(ids, advance),
                done,
                fine_tuning_data=to is Format.OPENAI,
                skip_corrupt=skip_corrupt,
                sealed=sealed,
            )
            for line in lines:
                file.write(line + b"\n")
    _report(done, as_json=as_json, to_stdout=output == "-")
    if done.missing:
        raise typer.Exit(NO_SUCH_SESSION)


def _report(done: Exported, *, as_json: bool, to_stdout: bool) -> None:
    for session_id in done.missing:
        note(f"there is no session {session_id!r}")
    for session_id, number in done.corrupt.items():
        note(f"session {session_id!r}: left out {count(number, 'record')} that cannot be read")
    if as_json:
        summarize(asdict(done), err=to_stdout)
        return
    if done.without_assistant:
        note(f"left out {count(done.without_assistant, 'session')} in which no assistant speaks")
    text = f"{count(done.sessions, 'session')} exported, with {count(done.messages, 'message')}"
    if to_stdout:
        note(text)
    else:
        print_line(text)


def _counted(ids: Iterable[str], advance: Callable[[int], None]) -> Iterator[str]:
    for session_id in ids:
        yield session_id
        advance(1)


@contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    """Give the file to write to; it replaces an older one when all is written."""
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(output))
    if path.exists() and not path.is_file():  # a device, a pipe
        with path.open("wb") as file:
            yield file
        return
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {str(path.parent)!r}", param_hint="--output")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
