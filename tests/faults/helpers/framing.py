"""The end of a message in the protocols of Redis and of Upstash."""

from __future__ import annotations

import re
from typing import Protocol

_AGGREGATES = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
_BULKS = (b"$", b"=", b"!")
_SETTING_UP = {b"AUTH", b"CLIENT", b"CLUSTER", b"COMMAND", b"HELLO", b"INFO", b"PING", b"READONLY", b"SELECT"}


class Framing(Protocol):
    """A protocol whose messages can be told apart."""

    def length(self, data: bytes) -> int | None:
        """Return how many bytes the first message has, or ``None`` if not all of it is there."""

    def may_fail(self, request: bytes) -> bool:
        """Return whether faults may befall this request."""


class Resp:
    """Redis's protocol, commands and replies alike; what sets a connection up is let alone."""

    def length(self, data: bytes) -> int | None:
        return _end_of_value(data, 0)

    def may_fail(self, request: bytes) -> bool:
        return request.split(b"\r\n", 3)[2].upper() not in _SETTING_UP


class Http:
    """HTTP requests and responses that give their length."""

    def length(self, data: bytes) -> int | None:
        head, found, _ = data.partition(b"\r\n\r\n")
        if not found:
            return None
        size = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        end = len(head) + len(found) + (int(size[1]) if size else 0)
        return end if end <= len(data) else None

    def may_fail(self, request: bytes) -> bool:
        return True


def _end_of_value(data: bytes, start: int) -> int | None:
    line_end = data.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, end = data[start : start + 1], line_end + 2
    if kind in _BULKS:
        size = int(data[start + 1 : line_end])
        end += size + 2 if size >= 0 else 0
        return end if end <= len(data) else None
    for _ in range(_AGGREGATES.get(kind, 0) * max(int(data[start + 1 : line_end]), 0) if kind in _AGGREGATES else 0):
        following = _end_of_value(data, end)
        if following is None:
            return None
        end = following
    return end
