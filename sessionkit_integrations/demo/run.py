"""The demonstration, run with each chapter in a process of its own."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from sessionkit_integrations.errors import MissingDependencyError
from sessionkit_integrations.sessions.manager import SessionManager

try:
    from sessionkit_integrations.demo import chapters, show
except ImportError as error:
    raise MissingDependencyError("The demonstration", "all") from error


def demonstrate(url: str | None) -> None:
    """Run all chapters.

    Args:
        url: The store to run on; a SQLite file in a temporary folder if ``None``.

    Raises:
        MissingDependencyError: One of the frameworks is not installed.
        ValueError: The URL names no store, or one that does not outlive a process.
        SessionKitError: The store cannot be used.
    """
    if not find_spec("langchain_core") or not find_spec("llama_index"):
        raise MissingDependencyError("The demonstration", "all")
    with tempfile.TemporaryDirectory(prefix="sessionkit-demo-") as folder:
        url = url or f"sqlite:///{Path(folder) / 'chats.db'}"
        if url.startswith("memory:"):
            raise ValueError("the demonstration restarts its process, which sessions in memory do not outlive")
        url = _with_archive(url)
        with SessionManager.from_url(url) as sessions:
            session_id = f"demo-{secrets.token_hex(4)}"
            sessions.get_session(session_id)  # says now, and not within a chapter, if the store cannot be used
            show.console.print("\n[bold]One conversation, two frameworks[/], kept in")
            show.console.print(f"{sessions.store!r}", soft_wrap=True)
            try:
                for number in chapters.CHAPTERS:
                    command = [sys.executable, "-m", chapters.__name__, str(number), session_id]
                    # By standard input, as a store's URL may hold a password, and arguments are for all to see.
                    done = subprocess.run(command, input=url, text=True, check=False)  # noqa: S603 - our own command
                    if done.returncode:
                        sys.exit(done.returncode)  # the chapter has said why
            finally:
                sessions.reset_session(session_id)
        show.console.print()
        show.console.rule("[bold]That is all[/]", align="left")
        show.console.print("The session was deleted. Your turn: see “Quick start” in the README.\n")


def _with_archive(url: str) -> str:
    """Return a store's URL with an archive, which the last chapter looks back into."""
    place, _, query = url.partition("?")
    options = [option for option in query.split("&") if option and not option.startswith("archive=")]
    return f"{place}?{'&'.join([*options, 'archive=true'])}"
