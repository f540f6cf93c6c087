"""``sessionkit show``."""

from typing import Annotated

import typer

from sessionkit_integrations.cli.common import (
    ALL_TURNS,
    Json,
    SessionId,
    Url,
    note,
    on_terminal,
    open_sessions,
    out,
    print_json,
    print_messages,
    read,
)
from sessionkit_integrations.records.record import role_of
from sessionkit_integrations.window.turns import number_turns


def show(
    session_id: SessionId,
    url: Url,
    window: Annotated[
        int | None, typer.Option(min=1, help="Show the last turns only, as an application with this window reads them.")
    ] = None,
    archive: Annotated[bool, typer.Option("--archive", help="Show what left the window and was kept.")] = False,
    as_json: Json = False,
) -> None:
    """Show the messages of a session, oldest first. With --json, one array of messages in OpenAI's shape."""
    if archive and window is not None:
        raise typer.BadParameter("the archive has no window", param_hint="--window")
    with open_sessions(url, window or ALL_TURNS) as sessions:
        turns = number_turns(map(role_of, read(sessions, session_id).records))
        sessions.memory_window = window or max([1, *turns])
        view = sessions.view(session_id)
        messages = sessions.get_archive(session_id) if archive else sessions.get_session(session_id)
    if as_json:
        print_json(messages)
    elif not messages:
        note("nothing of this session is archived" if archive else "all of this session is archived: see --archive")
    elif on_terminal() and not archive:
        out.print(view)
    else:
        print_messages(messages)
