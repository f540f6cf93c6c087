"""A server that gives the same answer to each command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.listening import Listener

if TYPE_CHECKING:
    import socket


class Answering(Listener):
    """A server of Redis's protocol that greets as Redis does, and has one answer to everything else."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.asked = answer, 0
        super().__init__(self._answer)

    def _answer(self, client: socket.socket) -> None:
        while request := client.recv(65536):
            words = request.split(b"\r\n")
            if b"HELLO" in words:
                client.sendall(b"-ERR unknown command 'HELLO'\r\n")
            elif b"CLIENT" in words:
                client.sendall(b"+OK\r\n" * request.count(b"SETINFO"))
            else:
                self.asked += 1
                client.sendall(self.answer)
