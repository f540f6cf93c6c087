"""``sessionkit tail``."""

import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from sessionkit_integrations.cli.common import (
    Json,
    SessionId,
    Url,
    note,
    open_sessions,
    print_json,
    print_messages,
    read,
)
from sessionkit_integrations.errors import StoreUnavailableError
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.records.messages import Message, check_session_id
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.sessions.following import Follower
from sessionkit_integrations.sessions.manager import SessionManager


def tail(
    session_id: SessionId,
    url: Url,
    lines: Annotated[int, typer.Option("--messages", "-n", min=0, help="How many of the last messages to show.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new messages as they come.")] = False,
    interval: Annotated[float, typer.Option(min=0.05, help="How many seconds to wait between two looks.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Show the last messages of a session and, with -f, new ones as they come. With --json, one object a line."""
    with open_sessions(url) as sessions:
        check_session_id(session_id)
        plain = sessions.using(PlainCodec())
        records = (sessions.store.read(session_id) if follow else read(sessions, session_id)).records
        _print(plain.decode(session_id, records[max(len(records) - lines, 0) :]), as_json)
        if not follow:
            return
        if not records:
            note(f"there is no session {session_id!r} yet; waiting for it")
        follower = Follower(records, lambda: sessions.store.read(session_id, archived=True).records)
        for seen in _looks(sessions, session_id, interval):
            news = follower.look(seen)
            if news.deleted:
                note(f"the session {session_id!r} was deleted; waiting for it to begin again")
            if news.lost:
                note("the session was begun anew, or moved on by more than its window: messages may be missing here")
            _print(plain.decode(session_id, news.records), as_json)


def _looks(sessions: SessionManager, session_id: str, interval: float) -> Iterator[tuple[Record, ...]]:
    away = False
    while True:
        time.sleep(interval)
        try:
            records = sessions.store.read(session_id).records
        except StoreUnavailableError as error:
            if not away:
                note(f"{error}; trying again")
            away = True
        else:
            away = False
            yield records


def _print(messages: Sequence[Message], as_json: bool) -> None:
    if as_json:
        for message in messages:
            print_json(message)
    elif messages:
        print_messages(messages)
