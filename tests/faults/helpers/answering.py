"""A server that gives the same answer to each command."""

from __future__ import annotations

import socket
import threading


class Answering:
    """A server of Redis's protocol that greets as Redis does, and has one answer to everything else."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.asked = answer, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            while request := client.recv(65536):
                words = request.split(b"\r\n")
                if b"HELLO" in words:
                    client.sendall(b"-ERR unknown command 'HELLO'\r\n")
                elif b"CLIENT" in words:
                    client.sendall(b"+OK\r\n" * request.count(b"SETINFO"))
                else:
                    self.asked += 1
                    client.sendall(self.answer)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
