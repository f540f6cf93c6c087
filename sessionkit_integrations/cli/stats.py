"""``sessionkit stats``."""

import csv
import io
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from sessionkit_integrations.cli.common import (
    Json,
    Since,
    Until,
    Url,
    describe,
    note,
    on_terminal,
    open_sessions,
    out,
    parse_time,
    print_json,
    print_line,
)
from sessionkit_integrations.cli.progress import progress
from sessionkit_integrations.sessions.statistics import DayStatistics, Statistics
from sessionkit_integrations.sessions.steps import run_on
from sessionkit_integrations.view.text import count, one_line

_BAR = 40
"""Columns of the bar of the busiest day."""


def stats(
    url: Url,
    session_id: Annotated[
        str | None, typer.Argument(metavar="SESSION", show_default=False, help="The session; all if it is left out.")
    ] = None,
    since: Since = None,
    until: Until = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the days as CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Count turns, messages, tokens, tools and answer times.

    Of a session or of all. A table on a terminal, with a bar for each day; elsewhere lines of a figure's name, a tab
    and its value. Days are in UTC. With --json, one object.
    """
    if as_csv and as_json:
        raise typer.BadParameter("cannot be given with --json", param_hint="--csv")
    from_time, to_time = parse_time("--since", since), parse_time("--until", until)
    with open_sessions(url) as sessions:
        if session_id is not None:
            describe(sessions, session_id)
        with progress("Counting", None) as seen:
            steps = sessions.survey(session_id, from_time, to_time, lambda: seen(1))
            figures = run_on(sessions.opened_store, steps)
    if as_json:
        print_json(figures.to_dict())
    elif as_csv:
        print_line(_as_csv(figures).rstrip("\n"))
    elif on_terminal():
        _show(figures)
    else:
        for name, value in _lines(figures):
            print_line(f"{one_line(name)}\t{value}")
    if figures.unreadable:
        note(f"{count(figures.unreadable, 'session')} could not be read: sessionkit doctor says why")


def _lines(figures: Statistics) -> Iterator[tuple[str, str]]:
    """Yield the figures but for the days, by name."""
    yield "sessions", str(figures.sessions)
    yield "turns", str(figures.turns)
    for role, number in figures.messages.items():
        yield f"{role} messages", str(number)
    yield "tokens", str(figures.tokens)
    for usage in figures.usage:
        details = f"{usage.input} in ({usage.cached} cached), {usage.output} out ({usage.reasoning} reasoning)"
        yield usage.model or "model not named", details
    for name, tool in figures.tools.items():
        yield name or "tool not named", f"{count(tool.calls, 'call')}, {count(tool.failures, 'failure')}"
    times = figures.answer_times
    for name, seconds in (("median", times.median), ("95 of 100", times.p95), ("longest", times.longest)):
        if seconds is not None:
            yield f"answer, {name}", f"{seconds:.3g} s"


def _show(figures: Statistics) -> None:
    table = Table(show_header=False, box=None)
    for name, value in _lines(figures):
        table.add_row(Text(one_line(name), "bold"), value)
    out.print(table)
    if figures.days:
        out.print(_bars(figures.days))


def _bars(days: tuple[DayStatistics, ...]) -> Table:
    busiest = max(day.turns for day in days)
    table = Table("day", box=None, header_style="bold")
    table.add_column("turns", justify="right")
    table.add_column("", width=_BAR)
    for day in days:
        table.add_row(day.day.isoformat(), str(day.turns), Bar(busiest, 0, day.turns, width=_BAR))
    return table


def _as_csv(figures: Statistics) -> str:
    text = io.StringIO()
    columns = ["day", "turns", "messages", "tokens", "input", "output", "cached", "reasoning"]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(figures.to_dict()["days"])
    return text.getvalue()
