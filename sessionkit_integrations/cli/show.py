"""``sessionkit show``."""

from typing import Annotated

import typer

from sessionkit_integrations.cli.common import (
    ALL_TURNS,
    Json,
    SessionId,
    Url,
    note,
    open_sessions,
    out,
    print_json,
    print_messages,
    read,
)


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
        read(sessions, session_id)
        view = sessions.view(session_id)
        messages = sessions.get_archive(session_id) if archive else sessions.get_session(session_id)
    if as_json:
        print_json(messages)
    elif not messages:
        note("nothing of this session is archived" if archive else "all of this session is archived: see --archive")
    elif archive:
        print_messages(messages)
    else:
        out.print(view)
