"""``sessionkit search``."""

from typing import Annotated

import typer
from rich.text import Text

from sessionkit_integrations.cli.common import (
    MATCH,
    Json,
    Since,
    Until,
    Url,
    about_turn,
    describe,
    iso_time,
    note,
    on_terminal,
    open_sessions,
    out,
    parse_time,
    print_json,
    print_line,
)
from sessionkit_integrations.cli.progress import progress
from sessionkit_integrations.search.hits import Hit
from sessionkit_integrations.view.text import one_line


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The words to find; '' lists turns by time.")],
    url: Url,
    session_id: Annotated[
        str | None, typer.Option("--session", metavar="SESSION", show_default=False, help="Search this session only.")
    ] = None,
    roles: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", show_default=False, help="Look at messages of this role; repeat it."),
    ] = None,
    tool: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Find turns in which this tool was called.")
    ] = None,
    since: Since = None,
    until: Until = None,
    archived: Annotated[bool, typer.Option("--archived", help="Find only turns that left the window.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="The most turns to find.")] = 10,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Seconds after which to return what was found.")
    ] = 10.0,
    as_json: Json = False,
) -> None:
    """Find turns in one session or in all, the best first.

    It looks in the window and in the archive. Elsewhere than on a terminal, a line for each turn: its session, the
    number of its first message, which 'sessionkit show SESSION --around' takes, its time and a piece of it, with tabs
    between. With --json, one object a line, with all messages of the turn.
    """
    from_time, to_time = parse_time("--since", since), parse_time("--until", until)
    with open_sessions(url) as sessions:
        if session_id is not None:
            describe(sessions, session_id)
        with progress("Searching", None):
            hits = sessions.search(
                query,
                session_id=session_id,
                roles=roles or None,  # type: ignore[arg-type]  # which the query checks
                since=from_time,
                until=to_time,
                tool=tool,
                archived=archived,
                limit=limit,
                timeout=timeout,
            )
    for hit in hits:
        if as_json:
            print_json(_as_json(hit))
        elif on_terminal():
            out.print(_as_text(hit))
        else:
            line = (one_line(hit.session_id), str(hit.position), iso_time(hit.at) or "-", one_line(hit.snippet.text))
            print_line("\t".join(line))
    if not hits:
        note("nothing was found")
    if not hits.complete:
        note(
            "not everything was looked at: give it a longer --timeout, or name a --session; if one cannot be read,"
            " sessionkit doctor says why"
        )


def _as_json(hit: Hit) -> dict[str, object]:
    snippet = {"text": hit.snippet.text, "marks": hit.snippet.marks}
    return {**vars(hit), "at": iso_time(hit.at), "snippet": snippet}


def _as_text(hit: Hit) -> Text:
    text = Text(f"{one_line(hit.session_id)} · {about_turn(hit.position, hit.at, archived=hit.archived)}", "dim")
    text.append("\n  ", "not dim")
    for piece, is_match in hit.snippet.pieces():
        text.append(one_line(piece), f"not dim {MATCH}" if is_match else "not dim")
    return text
