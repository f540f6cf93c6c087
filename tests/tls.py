"""A TLS front for a server that has none, and certificates for it."""

from __future__ import annotations

import select
import socket
import ssl
from typing import TYPE_CHECKING

import trustme

from tests.listening import Listener

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOOK_SECONDS = 0.1
"""Seconds after which a connection with nothing to pass on looks whether the front was stopped."""


class TLSFront(Listener):
    """Accepts TLS connections and passes them on to a port of this machine.

    Args:
        port: The port of the server behind it.
        folder: Folder for the certificate of the authority that clients are to trust.
        names: Names of the host in its certificate.

    Attributes:
        received: Bytes that clients sent through their connections.
    """

    def __init__(self, port: int, folder: Path, names: Sequence[str] = ("localhost", "127.0.0.1")) -> None:
        self.received = 0
        authority = trustme.CA()
        self.authority = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(self._context)
        self._target = port
        super().__init__(self._pass_on)

    def _pass_on(self, plain: socket.socket) -> None:
        with (
            self._context.wrap_socket(plain, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", self._target)) as server,
        ):
            while not self.stopped.is_set():
                # By one thread: two that use an SSL socket at once can bring down the interpreter, up to Python 3.13.
                ready = [secure] if secure.pending() else select.select([secure, server], [], [], LOOK_SECONDS)[0]
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is secure:
                        self.received += len(data)
                    (server if source is secure else secure).sendall(data)
