"""Keys of other packages in Redis, read with the connections, retries and errors of a store of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.stores.redis.commands import SCAN_COUNT, Command
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.redis.store import RedisStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BATCH = 100
"""Documents that are read at once."""

_JSON_TYPE = "ReJSON-RL"
"""Redis' name for the type of a JSON document."""


@dataclass(frozen=True)
class _RawKeys(Keys):
    """Keys with any prefix, and ids as they are."""

    def __post_init__(self) -> None:
        pass

    @property
    def pattern(self) -> str:
        return super().pattern[1:]

    def session_of(self, key: str) -> str | None:
        return (key[len(self.prefix) :] or None) if key.startswith(self.prefix) else None


class ForeignRedis(RedisStore):
    """A server with lists or JSON documents whose keys begin with a prefix.

    ``sessions`` lists the rest of the keys of lists.

    Args:
        url: The server's URL; see `RedisStore`.
        prefix: Beginning of the keys.
    """

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url)
        self._keys = _RawKeys(prefix, raw_ids=True)

    def items(self, session_id: str) -> Sequence[bytes]:
        """Return the elements of a list."""
        return self.read(session_id).records

    def documents(self) -> Iterator[str | None]:
        """Iterate over the keys of JSON documents; some come more than once, those that are not UTF-8 as ``None``."""
        for node in self.nodes():
            cursor = -1
            while cursor:
                page = (max(cursor, 0), "MATCH", self._keys.pattern, "COUNT", SCAN_COUNT, "TYPE", _JSON_TYPE)
                cursor, keys = self._run(Command("SCAN", (), page, _page), node)
                yield from keys

    def values(self, keys: Sequence[str], path: str) -> Iterator[bytes | None]:
        """Yield the JSON of what is at a path of each of some documents; ``None`` where there is no document."""
        size = 1 if self._sender.cluster else _BATCH  # keys of one command are of one slot
        for start in range(0, len(keys), size):
            yield from self._run(Command("JSON.MGET", tuple(keys[start : start + size]), (path,), list))


def _page(reply: Any) -> tuple[int, list[str | None]]:
    return int(reply[0]), [_text(key) for key in reply[1]]


def _text(key: bytes) -> str | None:
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
