"""The ``sessionkit`` command on a store: in this process, or in one of its own where that is the point."""

from __future__ import annotations

import itertools
import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionkit_integrations import RedisStore, SessionManager, SQLiteStore, Store, UpstashStore
from tests.command_line import all_of_terminal, run_here, run_on_terminal
from tests.processes import running
from tests.upstash_rest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.backends import Backends
    from tests.tls import TLSFront

_numbers = itertools.count()

COMMAND = [sys.executable, "-W", "error", "-m", "sessionkit_integrations"]


@dataclass(frozen=True)
class Place:
    """A store that the command is told of by the environment."""

    url: str
    make_store: Callable[..., Store]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def all_variables(self) -> dict[str, str]:
        terminal = {"COLUMNS": "80", "TERM": "xterm", "PYTHONIOENCODING": "utf-8", "TZ": "UTC"}
        # With it, Python does not notice that a pipe took only a part of what was written.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        return {**inherited, **terminal, "SESSIONKIT_URL": self.url, **self.environment}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command with no terminal, in this process."""
        return run_here(arguments, self.all_variables)

    def run_apart(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command with no terminal, in a process of its own."""
        return subprocess.run(  # noqa: S603 - our own
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self.all_variables,
        )

    def lines(self, *arguments: str) -> list[Any]:
        """Return what the command prints as JSON, one value a line, of a run that goes well."""
        run = self.run(*arguments, "--json")
        assert run.returncode == 0, run.stderr
        return [json.loads(line) for line in run.stdout.splitlines()]

    def on_terminal(self, *arguments: str, answer: str = "") -> tuple[int, str]:
        """Run the command on a terminal, in this process; return its exit code and all that the terminal got."""
        return run_on_terminal(arguments, self.all_variables, answer)

    def on_terminal_apart(self, *arguments: str, answer: str = "") -> tuple[int, str]:
        """Run the command on a terminal, in a process of its own; return the same."""
        ours, theirs = pty.openpty()
        command = [*COMMAND, *arguments]
        with running(command, env=self.all_variables, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            os.write(ours, answer.encode())
            shown = all_of_terminal(ours)
            return process.wait(60), shown

    def sessions(self, window: int = 10, **options: Any) -> SessionManager:
        """Return the sessions of the store, for the test's own use."""
        return SessionManager(window, self.make_store(**options))


def place(name: str, backends: Backends, front: TLSFront | None, folder: Path) -> Place:
    """Return a new place on a backend; ``front`` is that of the Upstash endpoint."""
    prefix = f"cli{next(_numbers)}:"
    if name == "sqlite":
        path = folder / "chats.db"
        return Place(f"sqlite:///{path}", lambda **options: SQLiteStore(path, **options))
    if front is not None:
        return Place(
            f"upstash://127.0.0.1:{front.port}?key_prefix={prefix}",
            lambda **options: UpstashStore(backends.upstash().url, TOKEN, key_prefix=prefix, **options),
            {"UPSTASH_REDIS_REST_TOKEN": TOKEN, "SSL_CERT_FILE": str(front.authority)},
        )
    url = backends.cluster().url if name == "cluster" else backends.server(name).url
    return Place(f"{url}?key_prefix={prefix}", lambda **options: RedisStore(url, key_prefix=prefix, **options))
