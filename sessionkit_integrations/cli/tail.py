"""``sessionkit tail``."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from sessionkit_integrations.cli.common import (
    Json,
    SessionId,
    Url,
    describe,
    note,
    note_trying_again,
    open_sessions,
    print_json,
    print_messages,
)
from sessionkit_integrations.records.codec import PLAIN, Reader
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.sessions.chats import Chats
from sessionkit_integrations.sessions.live import messages_of
from sessionkit_integrations.sessions.watching import Watch, Watcher
from sessionkit_integrations.view.reader import ViewReader

_REMEMBERED = 10_000
"""Messages that are not shown again after an edit, the last ones."""


def tail(
    session_id: SessionId,
    url: Url,
    lines: Annotated[
        int, typer.Option("--messages", "-n", metavar="N", min=0, help="The number of last messages to show.")
    ] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new messages as they come.")] = False,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="The seconds to wait between two looks.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Show the last messages of a session, and new ones with -f.

    With --json, one object a line.
    """
    with open_sessions(url) as sessions:
        chats = sessions.using(PLAIN)
        reader: Reader[Any] = PLAIN if as_json else ViewReader()
        if not follow:
            describe(sessions, session_id)
            records = chats.snapshot(session_id).active
            _print(_last(chats, session_id, records, lines, reader), as_json)
            return
        watcher = Watcher(sessions.opened_store, chats, session_id, every=interval, report=note_trying_again)
        with Watch(watcher, lambda _, found: found) as changes:
            records = () if watcher.start is None else watcher.start.active
            _print(_last(chats, session_id, records, lines, reader), as_json)
            if not records:
                note(f"there is no session {session_id!r} yet; waiting for it")
            seen = deque(records, _REMEMBERED)
            for found in changes:
                if found.kind == "deleted":
                    note(f"the session {session_id!r} was deleted; waiting for it to begin again")
                new = found
                if found.kind == "replaced":
                    note("the session was edited, or moved on by more than its window: messages may be missing here")
                    new = replace(found, records=tuple(each for each in found.records if each.record not in seen))
                _print(messages_of(chats, session_id, new, reader), as_json)
                seen.extend(each.record for each in new.records)


def _last(chats: Chats[Any], session_id: str, records: Sequence[Record], number: int, reader: Reader[Any]) -> list[Any]:
    first = max(len(records) - number, 0)
    return chats.decode(session_id, records[first:], reader, first=first)


def _print(messages: Sequence[Any], as_json: bool) -> None:
    if as_json:
        for message in messages:
            print_json(message)
    elif messages:
        print_messages(messages)
