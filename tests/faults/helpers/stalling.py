"""Servers that do not answer as they should: silent ones, slow ones, and some that cannot even be connected to."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

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
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0 if not accepts else 100)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._held: list[socket.socket] = []
        self.accepts = accepts
        if accepts:
            threading.Thread(target=self._accept, daemon=True).start()
        else:
            self._fill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._listener.close()
        for each in self._held:
            each.close()

    def _fill(self) -> None:
        while True:
            waiting = socket.socket()
            self._held.append(waiting)
            waiting.settimeout(0.3)
            try:
                waiting.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._held.append(client)
            if self._answer:
                threading.Thread(target=self._dribble, args=(client,), daemon=True).start()

    def _dribble(self, client: socket.socket) -> None:
        for byte in self._answer:
            if self._stopped.wait(self._pause):
                return
            try:
                client.sendall(bytes([byte]))
            except OSError:
                return
