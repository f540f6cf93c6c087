"""What the commands share: options, opening a store, and output."""

import re
from typing import Annotated

import typer

from sessionkit_integrations.manager import SessionManager

Url = Annotated[
    str,
    typer.Option("--url", envvar="SESSIONKIT_URL", metavar="URL", show_default=False, help="The URL of the store."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def open_sessions(url: str, *, must_exist: bool = True) -> SessionManager:  # noqa: ARG001 - until the frame is there
    """Return the sessions of a store."""
    return SessionManager.from_url(url)


def print_line(text: str) -> None:
    """Print a line as it is, at once."""
    typer.echo(text)


def note(text: str) -> None:
    """Say something beside the output, on standard error."""
    typer.echo(f"sessionkit: {one_line(text)}", err=True)


def one_line(text: str) -> str:
    """Return a text with what would steer a terminal made visible."""
    return _STEERING.sub(lambda found: repr(found[0])[1:-1], text)
