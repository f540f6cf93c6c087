"""``sessionkit reset``."""

from typing import Annotated

import typer

from sessionkit_integrations.cli.common import (
    Json,
    Url,
    Yes,
    ask,
    describe,
    note,
    open_sessions,
    print_json,
    print_line,
)
from sessionkit_integrations.cli.faults import Exit, NotFoundError
from sessionkit_integrations.view.text import count, one_line


def reset(
    session_ids: Annotated[
        list[str], typer.Argument(metavar="SESSION", show_default=False, help="The ids of the sessions.")
    ],
    url: Url,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete sessions and their archives, after asking."""
    missing = 0
    with open_sessions(url) as sessions:
        found: dict[str, int] = {}
        for session_id in dict.fromkeys(session_ids):
            try:
                found[session_id] = describe(sessions, session_id).messages
            except NotFoundError as error:
                missing += 1
                note(str(error))
        if found and not yes:
            _ask(found)
        for session_id, messages in found.items():
            sessions.reset_session(session_id)
            if as_json:
                print_json({"session_id": session_id, "messages": messages})
            else:
                print_line(f"deleted {one_line(session_id)} ({count(messages, 'message')})")
    if missing:
        raise typer.Exit(Exit.NOT_FOUND)


def _ask(found: dict[str, int]) -> None:
    names = ", ".join(
        f"{one_line(session_id)} ({count(messages, 'message')})" for session_id, messages in found.items()
    )
    ask(f"Delete {names}, with all that is archived?")
