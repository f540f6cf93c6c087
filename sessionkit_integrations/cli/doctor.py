"""``sessionkit doctor``."""

from dataclasses import asdict

import typer
from rich.table import Table
from rich.text import Text

from sessionkit_integrations.cli import checks
from sessionkit_integrations.cli.common import Json, Url, on_terminal, open_sessions, out, print_json, print_line
from sessionkit_integrations.cli.faults import Exit
from sessionkit_integrations.view.text import one_line, visible

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(url: Url, as_json: Json = False) -> None:
    """Check that a store works, and what could make it lose sessions.

    It writes, reads and deletes a session of its own. Exits with 1 if the store cannot be used, and with 4 if it can
    but something would lose data. With --json, an array of objects with check, status (ok, warn or fail) and text.
    """
    with open_sessions(url, must_exist=False) as sessions:
        found = list(checks.run(sessions))
    if as_json:
        print_json([{name: value for name, value in asdict(check).items() if name != "unusable"} for check in found])
    elif on_terminal():
        out.print(_table(found))
    else:
        for check in found:
            print_line(f"{check.status}\t{check.check}\t{one_line(check.text)}")
    if any(check.unusable for check in found):
        raise typer.Exit(Exit.FAULT)
    if any(check.status == "fail" for check in found):
        raise typer.Exit(Exit.WOULD_LOSE_DATA)


def _table(found: list[checks.Check]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found:
        table.add_row(Text(check.status, style=_STYLES[check.status]), check.check, Text(visible(check.text)))
    return table
