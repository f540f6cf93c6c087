"""Servers of the tests' own: a listener on a free port, and a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

END_SECONDS = 5
"""Seconds that a connection may take to end once its peer is gone."""


class Listener:
    """Accepts connections until it is stopped, and ends those that are open then.

    Args:
        serve: Called with each connection, in a thread of its own; the connection is closed when it returns.

    Attributes:
        port: The port.
        stopped: Set when it stops, for those that wait.
    """

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self.stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Accept no more, and end all connections."""
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._connections.values():
            with contextlib.suppress(OSError):  # it is closed
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._connections:
            thread.join(END_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._use, args=(connection,), daemon=True)
            self._connections[thread] = connection
            thread.start()

    def _use(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the peer is gone
            self._serve(connection)
