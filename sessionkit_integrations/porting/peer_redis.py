"""Keys of other packages in Redis, read with the connections, retries and errors of a store of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.stores.redis.commands import SCAN_COUNT, Command
from sessionkit_integrations.stores.redis.keys import Keys
from sessionkit_integrations.stores.redis.store import RedisStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BATCH = 100
"""How many documents are asked for at once."""

_JSON_TYPE = "ReJSON-RL"
"""What Redis calls a JSON document."""


@dataclass(frozen=True)
class _PeerKeys(Keys):
    """Keys with any prefix, and ids as they are."""

    def __post_init__(self) -> None:
        pass

    @property
    def pattern(self) -> str:
        return super().pattern[1:]

    def session_of(self, key: str) -> str | None:
        return (key[len(self.prefix) :] or None) if key.startswith(self.prefix) else None


class PeerRedis(RedisStore):
    """A server with lists or JSON documents whose keys begin with a prefix.

    ``sessions`` lists what follows it in the keys of lists, and ``read`` returns their elements.

    Args:
        url: Where the server is; see `RedisStore`.
        prefix: How the keys begin.
    """

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url)
        self._keys = _PeerKeys(prefix, raw_ids=True)

    def documents(self) -> Iterator[str]:
        """Iterate over the keys of JSON documents, some of which may come more than once."""
        for node in self.nodes():
            cursor = -1
            while cursor:
                page = (max(cursor, 0), "MATCH", self._keys.pattern, "COUNT", SCAN_COUNT, "TYPE", _JSON_TYPE)
                cursor, keys = self._run(Command("SCAN", (), page, _page), node)
                yield from keys

    def values(self, keys: Sequence[str], path: str) -> Iterator[Any]:
        """Yield what is at a path of each of some documents; ``None`` where nothing is."""
        size = 1 if self._sender.cluster else _BATCH  # keys of one command are of one slot
        for start in range(0, len(keys), size):
            yield from self._run(Command("JSON.MGET", tuple(keys[start : start + size]), (path,), _values))


def _page(reply: Any) -> tuple[int, list[str]]:
    return int(reply[0]), [key if isinstance(key, str) else key.decode(errors="replace") for key in reply[1]]


def _values(reply: Any) -> list[Any]:
    return [None if found is None else next(iter(json.loads(found)), None) for found in reply]
