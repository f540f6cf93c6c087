"""The progress of long commands, and their summaries."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, if that is a terminal, and give the function that moves it on.

    Args:
        what: The work, in a word.
        total: The steps that it takes; ``None`` if nobody knows, for which the time is shown.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _steps: None
        return
    columns = Progress.get_default_columns()
    if total is None:
        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def summarize(summary: dict[str, Any], *, err: bool = False) -> None:
    """Print a summary as one line of JSON, in ASCII, which every terminal and pipe takes.

    Args:
        summary: The summary.
        err: Whether to print it on standard error, as the output is on standard output.
    """
    typer.echo(json.dumps(summary), err=err)
