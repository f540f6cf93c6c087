"""``sessionkit show``."""

from dataclasses import replace
from typing import Annotated

import typer
from rich.text import Text

from sessionkit_integrations.cli.common import (
    ALL_TURNS,
    MATCH,
    Json,
    SessionId,
    Url,
    about_turn,
    describe,
    iso_time,
    note,
    on_terminal,
    open_sessions,
    out,
    print_json,
    print_messages,
)
from sessionkit_integrations.cli.faults import NotFoundError
from sessionkit_integrations.records.codec import PLAIN
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.sessions.steps import EVERYTHING
from sessionkit_integrations.view.reader import ViewReader
from sessionkit_integrations.view.text import RECENT


def show(
    session_id: SessionId,
    url: Url,
    window: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Show the last turns only, as an application with this window reads them."
        ),
    ] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="Show messages that left the window and were kept.")
    ] = False,
    around: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="MESSAGE",
            show_default=False,
            help="Show the turn that has this message, and those beside it, in the window and the archive."
            " 'sessionkit search' gives its number.",
        ),
    ] = None,
    turns: Annotated[
        int, typer.Option(metavar="N", min=0, help="The most turns before and after it, with --around.")
    ] = 2,
    as_json: Json = False,
) -> None:
    """Show the messages of a session, oldest first.

    With --json, one array of messages in OpenAI's shape. With --around, each turn comes after a line that says where it
    is; with --json as well, it is an object on a line.
    """
    if archive and window is not None:
        raise typer.BadParameter("the archive has no window", param_hint="--window")
    if around is not None and (archive or window is not None):
        raise typer.BadParameter("it looks in the window and the archive", param_hint="--around")
    with open_sessions(url, window or ALL_TURNS) as sessions:
        info = describe(sessions, session_id)
        if around is not None:
            _show_around(sessions, session_id, around, turns, as_json=as_json)
            return
        if as_json:
            print_json(sessions.get_archive(session_id) if archive else sessions.get_session(session_id))
            return
        if not (info.archived if archive else info.messages):
            note("nothing of this session is archived" if archive else "all of this session is archived: see --archive")
            return
        if archive:
            session = sessions.using(PLAIN).snapshot(session_id, archived=EVERYTHING)
            print_messages(session.read_with(ViewReader()).messages("archived"))
        elif on_terminal():
            view = sessions.view(session_id, archived=RECENT + 1)
            out.print(view if window else replace(view, window=max(1, view.turns)))
        else:
            view = sessions.view(session_id, archived=0)
            print_messages([*view.at("preamble"), *view.at("window")])


def _show_around(sessions: SessionManager, session_id: str, position: int, turns: int, *, as_json: bool) -> None:
    # Imported where a session is looked at so.
    from sessionkit_integrations.sessions.around import Row  # noqa: PLC0415

    row = Row(sessions.using(PLAIN), session_id)
    if position >= len(row):
        counted = f"it has {len(row)} without the preamble, counted from 0"
        raise NotFoundError(f"session {session_id!r} has no message {position}: {counted}")
    for turn in row.around(position, turns):
        messages = row.read(turn, ViewReader())
        at = next((message.at for message in messages if message.at is not None), None)
        if as_json:
            about = {"messages": row.read(turn, PLAIN), "at": iso_time(at), "archived": turn.left}
            print_json({**about, "position": turn.start})
            continue
        is_it = turn.start <= position < turn.stop
        header = about_turn(turn.start, at, archived=turn.left)
        out.print(Text(f"{'>>>' if is_it else '---'} {header}", MATCH if is_it else "dim"), soft_wrap=True)
        print_messages(messages)
