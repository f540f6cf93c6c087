"""How long work goes on, and what it came to."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, where that is a terminal, and give what moves it on.

    Args:
        what: What it is about.
        total: Where it ends; ``None`` if that is not known.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _steps: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def summarize(summary: dict[str, Any], *, err: bool = False) -> None:
    """Print what it came to as one line of JSON, in ASCII, which every terminal and pipe takes.

    Args:
        summary: What it came to.
        err: Whether standard output is taken by something else.
    """
    typer.echo(json.dumps(summary), err=err)
