"""Servers that do not answer as they should: silent ones, slow ones, and some that cannot even be connected to."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.listening import Listener

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class Stalling:
    """A listener on a port of its own.

    Args:
        answer: What it sends, byte by byte, to whoever connects; nothing is silence.
        pause: How many seconds it waits before each byte.
        accepts: Whether connections are made at all; otherwise its backlog is full.
    """

    def __init__(self, answer: bytes = b"", *, pause: float = 0.1, accepts: bool = True) -> None:
        self._answer, self._pause = answer, pause
        self.accepts = accepts
        self._open = ExitStack()
        if accepts:
            self._listener = self._open.enter_context(Listener(self._dribble))
            self.port = self._listener.port
        else:
            self.port = self._full()
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _full(self) -> int:
        """Return a port whose backlog is full."""
        listener = self._open.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listener.getsockname()[1]
        while True:
            waiting = self._open.enter_context(socket.socket())
            waiting.settimeout(0.3)
            try:
                waiting.connect(("127.0.0.1", port))
            except TimeoutError:
                return port

    def _dribble(self, client: socket.socket) -> None:
        for byte in self._answer:
            if self._listener.stopped.wait(self._pause):
                return
            client.sendall(bytes([byte]))
        self._listener.stopped.wait()
