"""``sessionkit show``."""

from dataclasses import replace
from typing import Annotated

import typer

from sessionkit_integrations.cli.common import (
    ALL_TURNS,
    Json,
    SessionId,
    Url,
    describe,
    note,
    on_terminal,
    open_sessions,
    out,
    print_json,
    print_messages,
)
from sessionkit_integrations.records.codec import PlainCodec
from sessionkit_integrations.sessions.steps import EVERYTHING
from sessionkit_integrations.view.reader import ViewReader
from sessionkit_integrations.view.text import RECENT


def show(
    session_id: SessionId,
    url: Url,
    window: Annotated[
        int | None, typer.Option(min=1, help="Show the last turns only, as an application with this window reads them.")
    ] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="Show messages that left the window and were kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the messages of a session, oldest first. With --json, one array of messages in OpenAI's shape."""
    if archive and window is not None:
        raise typer.BadParameter("the archive has no window", param_hint="--window")
    with open_sessions(url, window or ALL_TURNS) as sessions:
        info = describe(sessions, session_id)
        if as_json:
            print_json(sessions.get_archive(session_id) if archive else sessions.get_session(session_id))
            return
        if not (info.archived if archive else info.messages):
            note("nothing of this session is archived" if archive else "all of this session is archived: see --archive")
            return
        if archive:
            session = sessions.using(PlainCodec()).snapshot(session_id, archived=EVERYTHING)
            print_messages(session.read_with(ViewReader()).messages("archived"))
        elif on_terminal():
            view = sessions.view(session_id, archived=RECENT + 1)
            out.print(view if window else replace(view, window=max(1, view.turns)))
        else:
            view = sessions.view(session_id, archived=0)
            print_messages([*view.at("preamble"), *view.at("window")])
