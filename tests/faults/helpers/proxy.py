"""A proxy that executes commands and loses their replies, or loses the commands, at random."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING

from tests.listening import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.helpers.framing import Framing

PASS = "pass"  # noqa: S105 - the name of what is no fault
CUT_BEFORE = "cut before the command"
CUT_WITHIN = "cut within the command"
DROP = "executed, no reply"
TRUNCATE = "executed, half a reply"
DELAY = "executed, reply too late"
CUTS = {PASS: 84, CUT_BEFORE: 3.5, CUT_WITHIN: 3.5, DROP: 4, TRUNCATE: 4}
ALL = {**CUTS, DELAY: 1}


class Faults:
    """The faults that befall commands on their way through one or more proxies.

    Args:
        seed: The seed of the choices.
        weights: How often each fault is chosen, relative to the others.
        answers: For faults that are given here: whether the command is executed, and what is answered instead.
        pause: How many seconds a delayed reply takes.
    """

    def __init__(
        self,
        seed: int,
        weights: Mapping[str, float],
        *,
        answers: Mapping[str, tuple[bool, bytes]] | None = None,
        pause: float = 0.5,
    ) -> None:
        self._random = random.Random(seed)
        self._weights = dict(weights)
        self._lock = threading.Lock()
        self.answers = answers or {}
        self.pause = pause
        self.counts: Counter[str] = Counter()
        self.active = True

    def next(self) -> str:
        """Return what befalls the next command."""
        with self._lock:
            fault = self._random.choices(*zip(*self._weights.items(), strict=True))[0] if self.active else PASS
            self.counts[fault] += 1
            return fault

    def without(self, fault: str) -> None:
        """Let a fault never happen."""
        self._weights.pop(fault)

    @property
    def total(self) -> int:
        """Number of commands that something befell."""
        return sum(self.counts.values()) - self.counts[PASS]


class FaultyProxy(Listener):
    """Passes connections on to a server, and each command and its reply as its faults have it.

    Args:
        target: The port of the server.
        framing: The server's protocol.
        faults: What befalls the commands.
    """

    def __init__(self, target: int, framing: Framing, faults: Faults) -> None:
        self._target, self._framing, self._faults = target, framing, faults
        super().__init__(self._pass_on)

    def _pass_on(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            requests, replies = _Messages(client, self._framing), _Messages(server, self._framing)
            while (request := requests.next()) and self._exchange(request, client, server, replies):
                pass

    def _exchange(self, request: bytes, client: socket.socket, server: socket.socket, replies: _Messages) -> bool:
        """Pass a command on, and its reply back; return whether the connection is to live on."""
        fault = self._faults.next() if self._framing.may_fail(request) else PASS
        if fault == CUT_BEFORE:
            return False
        if fault == CUT_WITHIN:
            server.sendall(request[: len(request) // 2])
            return False
        executed, answer = self._faults.answers.get(fault, (True, None))
        if executed:
            server.sendall(request)
            reply = replies.next()
            answer = reply if answer is None else answer
        if answer is None or fault == DROP:
            return False
        if fault == TRUNCATE:
            client.sendall(answer[: len(answer) // 2])
            return False
        if fault == DELAY:
            self.stopped.wait(self._faults.pause)
        client.sendall(answer)
        return True


class _Messages:
    """The messages that come from a socket."""

    def __init__(self, source: socket.socket, framing: Framing) -> None:
        self._source, self._framing, self._data = source, framing, b""

    def next(self) -> bytes | None:
        """Return the next message, or ``None`` if there is no more."""
        while not (end := self._framing.length(self._data) if self._data else None):
            received = self._source.recv(65536)
            if not received:
                return None
            self._data += received
        message, self._data = self._data[:end], self._data[end:]
        return message
