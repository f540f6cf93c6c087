"""``sessionkit tail``."""

import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from sessionkit_integrations.cli.common import (
    Json,
    SessionId,
    Url,
    describe,
    note,
    open_sessions,
    print_json,
    print_messages,
)
from sessionkit_integrations.errors import StoreUnavailableError
from sessionkit_integrations.records.codec import PlainCodec, Reader
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.sessions.chats import Chats
from sessionkit_integrations.sessions.following import Follower
from sessionkit_integrations.sessions.steps import EVERYTHING
from sessionkit_integrations.view.reader import ViewReader


def tail(
    session_id: SessionId,
    url: Url,
    lines: Annotated[int, typer.Option("--messages", "-n", min=0, help="The number of last messages to show.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new messages as they come.")] = False,
    interval: Annotated[float, typer.Option(min=0.05, help="The seconds to wait between two looks.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Show the last messages of a session and, with -f, new ones as they come. With --json, one object a line."""
    with open_sessions(url) as sessions:
        chats = sessions.using(PlainCodec())
        reader: Reader[Any] = PlainCodec() if as_json else ViewReader()
        if not follow:
            describe(sessions, session_id)
        records = chats.snapshot(session_id).active
        first = max(len(records) - lines, 0)
        _print(chats.decode(session_id, records[first:], reader, first=first), as_json)
        if not follow:
            return
        if not records:
            note(f"there is no session {session_id!r} yet; waiting for it")
        follower = Follower(records, lambda: chats.snapshot(session_id, archived=EVERYTHING).archived)
        for active in _looks(chats, session_id, interval):
            look = follower.look(active)
            if look.deleted:
                note(f"the session {session_id!r} was deleted; waiting for it to begin again")
            if look.lost:
                note("the session began again, or moved on by more than its window: messages may be missing here")
            new = (
                chats.decode(session_id, [each.record], reader, first=each.position, archived=each.archived)[0]
                for each in look.new
            )
            _print(list(new), as_json)


def _looks(chats: Chats[Any], session_id: str, interval: float) -> Iterator[tuple[Record, ...]]:
    away = False
    while True:
        time.sleep(interval)
        try:
            records = chats.snapshot(session_id).active
        except StoreUnavailableError as error:
            if not away:
                note(f"{error}; trying again")
            away = True
        else:
            away = False
            yield records


def _print(messages: Sequence[Any], as_json: bool) -> None:
    if as_json:
        for message in messages:
            print_json(message)
    elif messages:
        print_messages(messages)
