"""The names of keys in Redis."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_UNSAFE = re.compile(r"[\s{}:*?\[\]\\^%\x00-\x1f\x7f-\x9f]")
_NOT_IN_PREFIX = re.compile("[{}\ud800-\udfff]")
_GLOB = re.compile(r"[*?\[\]\\^]")


@dataclass(frozen=True)
class Keys:
    """The names of the keys under one prefix.

    The list of a session is the prefix and its id, as in the JavaScript SessionKit, with what could be mistaken for
    something else percent-encoded. The braces of its companions make them hash to the same slot of a Redis Cluster.

    Args:
        prefix: Beginning of all keys; it ends in ``:`` and has no braces.
        raw_ids: Whether ids are used as they are.

    Raises:
        ValueError: The prefix is not of that form.
    """

    prefix: str = "sessionkit:"
    raw_ids: bool = False

    def __post_init__(self) -> None:
        if not self.prefix.endswith(":") or _NOT_IN_PREFIX.search(self.prefix):
            raise ValueError(f"key_prefix must be UTF-8, end in ':' and have no braces, got {self.prefix!r}")

    def active(self, session_id: str) -> str:
        """Return the key of a session's active records."""
        return self.prefix + (session_id if self.raw_ids else _UNSAFE.sub(_percent, session_id))

    def archive(self, session_id: str) -> str:
        """Return the key of a session's archived records."""
        return self.all_of(session_id)[2]

    def all_of(self, session_id: str) -> tuple[str, str, str]:
        """Return the keys of a session in the order the scripts expect: list, meta, archive."""
        active = self.active(session_id)
        return active, f"{{{active}}}:meta", f"{{{active}}}:archive"

    def lease(self, session_id: str, name: str) -> str:
        """Return the key of one of a session's leases."""
        return f"{{{self.active(session_id)}}}:{name}"

    def staged(self, session_id: str, operation_id: str) -> str:
        """Return the key of an archive that is not yet a session's: no listing takes it for one."""
        return f"{{{self.active(session_id)}}}:fork:{operation_id}"

    def channel(self, active: str) -> str:
        """Return the channel of the notices of a session, given the key of its active records."""
        return f"{self.prefix}changes:{active[len(self.prefix) :]}"

    @property
    def channels(self) -> str:
        """A glob that matches the channels of all sessions."""
        return f"{_GLOB.sub(_escape, self.prefix)}changes:*"

    def session_of_channel(self, channel: str) -> str | None:
        """Return the session that a channel is of, or ``None`` for somebody else's."""
        beginning = f"{self.prefix}changes:"
        return self.session_of(self.prefix + channel[len(beginning) :]) if channel.startswith(beginning) else None

    @property
    def pattern(self) -> str:
        """A glob that matches all lists, active and archived, and that other keys may match too."""
        return f"*{_GLOB.sub(_escape, self.prefix)}*"

    def session_of(self, key: str) -> str | None:
        """Return the id of the session that a list belongs to, or ``None`` for a key of somebody else."""
        if key.startswith("{") and key.endswith("}:archive"):
            key = key[1 : -len("}:archive")]
        if not key.startswith(self.prefix):
            return None
        name = key[len(self.prefix) :]
        if self.raw_ids:
            return name or None
        session_id = unquote(name)
        return session_id if name and self.active(session_id) == key else None


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def _escape(match: re.Match[str]) -> str:
    return "\\" + match[0]
