"""``sessionkit import``."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from sessionkit_integrations.cli.common import Json, Url, note, note_refused, open_sessions, print_line
from sessionkit_integrations.cli.progress import progress, summarize
from sessionkit_integrations.porting.fine_tuning import PREFIX
from sessionkit_integrations.porting.importing import Imported, import_lines
from sessionkit_integrations.view.text import count

_NAMED = 10
"""Bad lines that are named, the first ones; --json has all."""


def import_sessions(
    url: Url,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="The file to read; standard input if there is none, or if it is '-'.",
        ),
    ] = "-",
    *,
    prefix: Annotated[
        str,
        typer.Option(
            "--prefix",
            metavar="PREFIX",
            help="Beginning of the ids of conversations that have none, as in fine-tuning data.",
        ),
    ] = PREFIX,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace sessions that are there with other messages, but none that needs a secret of its own.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Read sessions from JSON Lines: an export, or fine-tuning data.

    Each session is written as a whole or not at all. An import that was interrupted can be repeated: sessions that
    are there already are left as they are, and those that are there with other messages are named.
    """
    done = Imported()
    with (
        _opened(file) as lines,
        open_sessions(url, must_exist=False) as sessions,
        progress("Importing", _size(lines)) as advance,
    ):
        for size in import_lines(sessions, lines, done, prefix=prefix, overwrite=overwrite):
            advance(size)
    for bad in done.bad_lines[:_NAMED]:
        note(f"line {bad.line}: {bad.problem}; nothing of it was written")
    if len(done.bad_lines) > _NAMED:
        note(f"and {count(len(done.bad_lines) - _NAMED, 'more line')}; is it a file of JSON Lines?")
    note_refused(done.reasons)
    if as_json:
        summarize(asdict(done))
    else:
        print_line(
            f"{count(done.written, 'session')} written, {done.overwritten} overwritten, {done.unchanged} there already,"
            f" {len(done.refused)} refused, {count(len(done.bad_lines), 'bad line')}"
        )
    if done.refused or done.bad_lines:
        raise typer.Exit(1)


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as lines:
        yield lines


def _size(lines: BinaryIO) -> int | None:
    status = os.fstat(lines.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None
