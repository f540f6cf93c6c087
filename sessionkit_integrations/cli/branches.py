"""``sessionkit fork`` and ``sessionkit undo``."""

from typing import Annotated

import typer

from sessionkit_integrations.cli.common import (
    Json,
    SessionId,
    Url,
    Yes,
    ask,
    describe,
    open_sessions,
    print_json,
    print_line,
)
from sessionkit_integrations.view.text import count, one_line


def fork(
    session_id: SessionId,
    new_session_id: Annotated[
        str, typer.Argument(metavar="NEW", show_default=False, help="The id of the new session, which must not exist.")
    ],
    url: Url,
    turns: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            show_default=False,
            help="Copy up to the end of the N-th turn; -1 is the last one, 0 copies the system messages alone.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy a session to a new one, with its archive and summary.

    All of it is copied, or what is there up to the end of a turn.
    """
    with open_sessions(url) as sessions:
        # So many turns are in the window of the application.
        sessions.memory_window = max(describe(sessions, session_id).turns, 1)
        sessions.fork(session_id, new_session_id, turns=turns)
        info = sessions.describe(new_session_id)
    messages, archived = (info.messages, info.archived) if info else (0, 0)
    if as_json:
        print_json(
            {"session_id": new_session_id, "forked_from": session_id, "messages": messages, "archived": archived}
        )
    else:
        figures = f"{count(messages, 'message')}, and {archived} archived"
        print_line(f"forked {one_line(session_id)} to {one_line(new_session_id)} ({figures})")


def undo(
    session_id: SessionId,
    url: Url,
    turns: Annotated[int, typer.Option(metavar="N", min=1, help="The number of turns.")] = 1,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take the last turns off a session, after asking.

    With --json, their messages are printed.
    """
    with open_sessions(url) as sessions:
        number = min(turns, describe(sessions, session_id).turns)
        what = "the last turn" if number == 1 else f"the last {number} turns"
        if not yes:
            ask(f"Take {what} off {one_line(session_id)}?")
        undone = sessions.undo(session_id, turns)
    if as_json:
        print_json({"session_id": session_id, "messages": undone})
    else:
        print_line(f"took {what} off {one_line(session_id)} ({count(len(undone), 'message')})")
