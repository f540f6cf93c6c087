"""What the commands share: options, opening a store, and output."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from sessionkit_integrations.cli.faults import NotFoundError
from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.messages import Message, check_session_id
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.stores.base import Snapshot
from sessionkit_integrations.stores.sqlite.store import SQLiteStore
from sessionkit_integrations.view.text import one_line, visible
from sessionkit_integrations.window.turns import Window

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="SESSIONKIT_URL",
        metavar="URL",
        show_default=False,
        help="The URL of the store: sqlite:///chats.db, redis://…, redis+cluster://…, upstash://…"
        " Where it holds a password, better set it by the environment.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", show_default=False, help="The id of the session.")]

ALL_TURNS = Window(2**31 - 1)
"""A window that holds whatever a store does: how many turns an application reads, a store does not know."""

_STYLES = {"system": "magenta", "user": "bold cyan", "assistant": "bold green", "tool": "yellow"}


class _Output(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


out = _Output(highlight=False, markup=False, emoji=False)
"""Standard output. What is printed there comes from messages: no markup, and only text that `visible` returned."""


def open_sessions(url: str, window: int | Window = ALL_TURNS, *, must_exist: bool = True) -> SessionManager:
    """Return the sessions of a store.

    Args:
        url: The store's URL.
        window: How many turns to read.
        must_exist: Whether a SQLite file has to be there already. Else a misspelled name makes one.

    Raises:
        StoreError: There is no such file.
        ValueError: The URL names no store, or a wrong option.
        MissingDependencyError: The store's driver is not installed.
    """
    sessions = SessionManager.from_url(url, window)
    if must_exist and isinstance(sessions.store, SQLiteStore) and not Path(sessions.store.path).exists():
        raise StoreError(f"there is no file {sessions.store.path!r}")
    return sessions


def read(sessions: SessionManager, session_id: str) -> Snapshot:
    """Return the active records of a session.

    Raises:
        NotFoundError: There is no such session.
        InvalidSessionIdError: There cannot be one.
        StoreError: The store failed.
    """
    check_session_id(session_id)
    snapshot = sessions.store.read(session_id)
    if not snapshot.records and not sessions.store.read(session_id, archived=True).records:
        raise NotFoundError(f"there is no session {session_id!r}")
    return snapshot


def on_terminal() -> bool:
    """Return whether somebody looks at standard output."""
    return sys.stdout.isatty()


def print_messages(messages: Sequence[Message]) -> None:
    """Print messages as a chat, at once; on a terminal, lines are wrapped."""
    out.print(render(messages), soft_wrap=not on_terminal())
    out.file.flush()


def print_line(text: str) -> None:
    """Print a line as it is, at once."""
    typer.echo(text)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, at once."""
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    typer.echo(json.dumps(value, ensure_ascii=plain))


def note(text: str) -> None:
    """Say something beside the output, on standard error."""
    typer.echo(f"sessionkit: {one_line(text)}", err=True)


def render(messages: Sequence[Message]) -> RenderableType:
    """Return messages as a chat to be printed by rich."""
    return Group(*(_chat(message) for message in messages))


def _chat(message: Message) -> Text:
    lines = Text.assemble((message["role"], _STYLES[message["role"]]))
    if message.get("name"):
        lines.append(f" {one_line(str(message.get('name')))}", style="dim")
    content = message["content"]
    for part in content if isinstance(content, list) else [{"type": "text", "text": content or ""}]:
        text = part["text"] if part.get("type") == "text" and isinstance(part.get("text"), str) else None
        for line in visible(f"[{part.get('type')}]" if text is None else text).splitlines():
            lines.append(f"\n  {line}")
    for call in message.get("tool_calls") or ():
        function: Any = call.get("function") or call.get("custom") or {}
        arguments = function.get("arguments", function.get("input", ""))
        lines.append(f"\n  calls {one_line(str(function.get('name')))} {one_line(str(arguments))}", style="yellow")
    return lines
