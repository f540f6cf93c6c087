"""``sessionkit list``."""

import heapq
import shlex
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from sessionkit_integrations.cli.common import (
    Json,
    Url,
    iso_time,
    note,
    note_trying_again,
    on_terminal,
    open_sessions,
    out,
    print_json,
    print_line,
)
from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.sessions.watching import Watch, Watcher
from sessionkit_integrations.view.text import one_line

_AT_ONCE = 8
_CHUNK = 64

_EVERY = 1.0
"""Seconds between two looks at a store that gives no notices."""


@dataclass(frozen=True)
class Row:
    """A listed session; its last activity is in UTC, and unknown if only others wrote to it."""

    session_id: str
    turns: int
    messages: int
    last_activity: str | None


def list_sessions(
    url: Url,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="The most sessions to list.")] = 50,
    after: Annotated[str, typer.Option(metavar="SESSION", help="List sessions whose ids come after this one.")] = "",
    all_of_them: Annotated[
        bool, typer.Option("--all", help="List all sessions as they are found, in no particular order.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Then go on, with a line for each session as it changes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List sessions by id, with turns, messages and last activity.

    A table on a terminal; elsewhere a line for each session, with tabs between the columns. With --json, one object
    a line.
    """
    with open_sessions(url) as sessions, _watched(sessions) if watch else nullcontext(()) as changed:
        found = (session_id for session_id in sessions.list_sessions() if session_id > after)
        ids = found if all_of_them else iter(heapq.nsmallest(limit + 1, found))
        page = list(islice(ids, limit)) if not all_of_them else []
        more = not all_of_them and next(ids, None) is not None
        # Closed before the sessions, which threads that are still at work would open again.
        with closing(_rows(sessions, ids if all_of_them else page)) as rows:
            if page and on_terminal() and not as_json:
                out.print(_table(rows))
            else:
                _print(rows, as_json)
        if not page and not all_of_them and on_terminal():
            note(f"there are no sessions{f' after {after!r}' if after else ''}")
        if more:
            note(f"there are more: add --after {shlex.quote(page[-1])}, or --all")
        for session_id in changed:
            _print([_row(sessions, session_id) or Row(session_id, 0, 0, None)], as_json)


def _watched(sessions: SessionManager) -> Watch[str]:
    """Return the sessions that change from now on."""
    chats = sessions.using(PLAIN)
    watcher = Watcher(sessions.store, chats, None, every=_EVERY, report=note_trying_again)
    return Watch(watcher, lambda session_id, _: session_id)


def _print(rows: Iterable[Row], as_json: bool) -> None:
    for row in rows:
        if as_json:
            print_json(asdict(row))
        else:
            print_line(f"{one_line(row.session_id)}\t{row.turns}\t{row.messages}\t{row.last_activity or '-'}")


def _rows(sessions: SessionManager, ids: Iterable[str]) -> Generator[Row, None, None]:
    ids = iter(ids)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while chunk := list(islice(ids, _CHUNK)):
            for row in pool.map(lambda session_id: _row(sessions, session_id), chunk):
                if row is not None:
                    yield row


def _row(sessions: SessionManager, session_id: str) -> Row | None:
    info = sessions.describe(session_id)
    if info is None:
        return None  # deleted since it was found
    return Row(session_id, info.turns, info.messages, iso_time(info.updated))


def _table(rows: Iterable[Row]) -> Table:
    table = Table("session", header_style="bold")
    table.columns[0].overflow = "fold"
    table.add_column("turns", justify="right")
    table.add_column("messages", justify="right")
    table.add_column("last activity", no_wrap=True)
    for row in rows:
        table.add_row(Text(one_line(row.session_id)), str(row.turns), str(row.messages), _local(row.last_activity))
    return table


def _local(time: str | None) -> str:
    if time is None:
        return "unknown"
    try:
        return datetime.fromisoformat(time.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError):
        return time  # a moment that the local time zone has no name for
