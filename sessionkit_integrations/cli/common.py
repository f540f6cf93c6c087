"""Options that commands share, opening a store, and output."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from sessionkit_integrations.cli.faults import NotFoundError
from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.environment import seal_of_environment
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.stores.sqlite.store import SQLiteStore
from sessionkit_integrations.stores.values import SessionInfo
from sessionkit_integrations.view.model import MessageView
from sessionkit_integrations.view.terminal import to_chat, to_lines
from sessionkit_integrations.view.text import one_line, visible_json, when
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from sessionkit_integrations.sessions.embedding import Embed
    from sessionkit_integrations.sessions.summaries import Summary

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="SESSIONKIT_URL",
        metavar="URL",
        show_default=False,
        help="The URL of the store: sqlite:///chats.db, redis://…, redis+cluster://…, upstash://…"
        " If it holds a password, set it in the environment instead.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", show_default=False, help="The id of the session.")]

ALL_TURNS = Window(2**31 - 1)
"""A window that holds everything a store does: a store does not know how many turns its application reads."""


class _Output(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


_TIME = "A time in ISO 8601, such as 2026-11-28 or 2026-11-28T12:00Z; in your time zone if it names none."
Since = Annotated[
    str | None, typer.Option(metavar="TIME", show_default=False, help=f"Look at turns from then on. {_TIME}")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", show_default=False, help="Look at turns that began before.")]
"""The times between which turns began; `parse_time` reads them."""

MATCH = "bold yellow"
"""The style of what was looked for."""

out = _Output(highlight=False, markup=False, emoji=False)
"""Standard output. Texts of messages are printed there: without markup, and only as `view.text` made them visible."""


def open_sessions(
    url: str,
    window: int | Window = ALL_TURNS,
    *,
    must_exist: bool = True,
    summary: "Summary | None" = None,
    embed: "Embed | None" = None,
) -> SessionManager:
    """Return the sessions of a store. Records are encrypted and opened with the keys of ``SESSIONKIT_KEYS``.

    Args:
        url: The store's URL.
        window: The window to read with.
        must_exist: Whether a SQLite file has to be there already. Otherwise a misspelled name makes one.
        summary: The way in which they are summarised.
        embed: The model that embeds them.

    Raises:
        StoreError: There is no such file.
        ValueError: The URL names no store, or a wrong option.
        MissingDependencyError: The store's driver is not installed.
    """
    sessions = SessionManager.from_url(url, window, summary=summary, embed=embed, seal=seal_of_environment())
    if must_exist and isinstance(sessions.store, SQLiteStore) and not Path(sessions.store.path).exists():
        raise StoreError(f"there is no file {sessions.store.path!r}: check the path in the URL of the store")
    return sessions


def iso_time(at: datetime | None) -> str | None:
    """Return a time in UTC in ISO 8601, to the millisecond."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(option: str, text: str | None) -> datetime | None:
    """Return the time that an option gives, with its zone, or ``None`` if it is not given.

    Raises:
        BadParameter: It is not a time in ISO 8601.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"must be a time in ISO 8601, got {text!r}", param_hint=option) from error


def about_turn(position: int, at: datetime | None, *, archived: bool) -> str:
    """Return the number of a turn's first message, its time, and whether it left the window."""
    about = [f"message {position}", when(at) if at else "", "archived" * archived]
    return " · ".join(each for each in about if each)


def describe(sessions: SessionManager, session_id: str) -> SessionInfo:
    """Return figures of a session.

    Raises:
        NotFoundError: There is no such session.
        InvalidSessionIdError: The id is not one.
        StoreError: The store failed.
    """
    info = sessions.describe(session_id)
    if info is None:
        raise NotFoundError(f"there is no session {session_id!r}; see sessionkit list")
    return info


def ask(question: str) -> None:
    """Ask for a yes, and stop without one.

    Raises:
        typer.BadParameter: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on; add --yes to confirm", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_messages(messages: Sequence[MessageView]) -> None:
    """Print messages in full, as a chat, at once; on a terminal, lines are wrapped."""
    if on_terminal():
        out.print(to_chat(messages))
    else:
        out.print(to_lines(messages), soft_wrap=True)
    out.file.flush()


def print_line(text: str) -> None:
    """Print a line as it is, at once."""
    typer.echo(text)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, at once."""
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    typer.echo(visible_json(json.dumps(value, ensure_ascii=plain)))


def note(text: str) -> None:
    """Print a remark on standard error, beside the output."""
    typer.echo(f"sessionkit: {one_line(text)}", err=True)


def note_refused(reasons: Mapping[str, str]) -> None:
    """Say which sessions were left as they are, as they are there already, and why."""
    for session_id, reason in reasons.items():
        why, _, advice = reason.partition("; ")
        note(f"session {session_id!r} {why}, and was left as it is; {advice}")


def note_trying_again(error: Exception) -> None:
    """Say that a store cannot be reached, and that it is tried again."""
    note(f"{error}; trying again")
