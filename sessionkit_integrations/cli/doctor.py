"""``sessionkit doctor``."""

from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.table import Table
from rich.text import Text

from sessionkit_integrations.cli.checks import Check, trial
from sessionkit_integrations.cli.common import Json, Url, on_terminal, open_sessions, out, print_json, print_line
from sessionkit_integrations.cli.faults import Exit
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.stores.memory import InMemoryStore
from sessionkit_integrations.stores.redis.scripted import ScriptedStore
from sessionkit_integrations.stores.sqlite.store import SQLiteStore
from sessionkit_integrations.view.text import one_line, visible

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(url: Url, as_json: Json = False) -> None:
    """Check a store: does it work, and what could make it lose sessions?

    It writes, reads and deletes a session of its own. Exits with 1 if the store cannot be used, and with 4 if it can
    but something would lose data. With --json, an array of objects with check, status (ok, warn or fail) and text.
    """
    with open_sessions(url, must_exist=False) as sessions:
        checks = list(_checks(sessions))
    if as_json:
        print_json([{name: value for name, value in asdict(check).items() if name != "unusable"} for check in checks])
    elif on_terminal():
        out.print(_table(checks))
    else:
        for check in checks:
            print_line(f"{check.status}\t{check.check}\t{one_line(check.text)}")
    if any(check.unusable for check in checks):
        raise typer.Exit(Exit.FAULT)
    if any(check.status == "fail" for check in checks):
        raise typer.Exit(Exit.WOULD_LOSE_DATA)


def _checks(sessions: SessionManager) -> Iterator[Check]:
    store = sessions.store
    if isinstance(store, InMemoryStore):
        yield trial.run(sessions)
        yield Check("persistence", "fail", "sessions are in the memory of one process, and gone when it ends")
    elif isinstance(store, SQLiteStore):
        from sessionkit_integrations.cli.checks import sqlite  # noqa: PLC0415 - only what is needed

        yield from sqlite.run(sessions, store)
    elif isinstance(store, ScriptedStore):
        yield from _checks_of_server(sessions, store)


def _checks_of_server(sessions: SessionManager, store: ScriptedStore) -> Iterator[Check]:
    if type(store).__name__ == "UpstashStore":
        from sessionkit_integrations.cli.checks import upstash  # noqa: PLC0415 - only what is needed

        yield from upstash.run(sessions, store)
    else:
        from sessionkit_integrations.cli.checks import redis  # noqa: PLC0415 - needs the driver

        yield from redis.run(sessions, store)


def _table(checks: list[Check]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        table.add_row(Text(check.status, style=_STYLES[check.status]), check.check, Text(visible(check.text)))
    return table
