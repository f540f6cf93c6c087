"""Conversations that other packages keep in Redis: where they are, and how they become records of ours.

Nothing is written to where they are. Keys are looked for with SCAN, a session is read at a time.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.porting.stored import UNREADABLE, StoredSession, at_time, read_session
from sessionkit_integrations.records import encode_all, parse
from sessionkit_integrations.stores.commands import Command, Keys
from sessionkit_integrations.stores.redis import RedisStore
from sessionkit_integrations.urls import store_from_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessionkit_integrations.records import Codec
    from sessionkit_integrations.stores.base import Store

_BATCH = 100
"""How many documents are asked for at once."""

_SCAN_COUNT = 1000
_MILLISECONDS = 1000


@dataclass
class Found:
    """A conversation.

    Attributes:
        session: What of it can be read.
        unreadable: What of it cannot, by its position.
    """

    session: StoredSession
    unreadable: dict[int, str] = field(default_factory=dict)


class Peer:
    """Where another package keeps its conversations.

    Args:
        url: The URL of the server.
        prefix: What its keys begin with.
    """

    ignored: int = 0
    """How many lists are none of the package's."""

    @abstractmethod
    def ids(self) -> Iterator[str]:
        """Iterate over the ids of the conversations, each once."""

    @abstractmethod
    def read(self, session_id: str) -> Found | None:
        """Return a conversation; ``None`` if it is none of the package's."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True)
class _PeerKeys(Keys):
    """Keys of another package, which may have any prefix."""

    def __post_init__(self) -> None:
        pass

    def session_of(self, key: str) -> str | None:
        return key[len(self.prefix) :] or None if key.startswith(self.prefix) else None


class _PeerStore(RedisStore):
    """The server that another package's keys are on."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url)
        self._keys = _PeerKeys(prefix, raw_ids=True)

    def documents(self) -> Iterator[str]:
        """Iterate over the keys of all JSON documents, some of which may come more than once."""
        for node in self._placement().nodes:
            cursor = -1
            while cursor:
                args = (max(cursor, 0), "MATCH", f"{self._keys.pattern[1:]}", "COUNT", _SCAN_COUNT, "TYPE", "ReJSON-RL")
                reply = self._run(Command("SCAN", (), args, _as_it_is), node)
                cursor = int(reply[0])
                yield from (key for key in map(_text, reply[1]) if self._keys.session_of(key))

    def values(self, keys: Sequence[str], path: str) -> list[Any]:
        """Return what is at a path of JSON documents; ``None`` for those that are gone."""
        size = 1 if self._sender.cluster else _BATCH
        found = []
        for start in range(0, len(keys), size):
            batch = tuple(keys[start : start + size])
            replies = self._run(Command("JSON.MGET", batch, (path,), _as_it_is))
            found += [(json.loads(reply) or [None])[0] if reply is not None else None for reply in replies]
        return found


class _Lists(Peer):
    """Conversations that are lists, one message an element."""

    def __init__(self, url: str, prefix: str) -> None:
        self._store = _PeerStore(url, prefix)

    def ids(self) -> Iterator[str]:
        return self._store.sessions()

    def close(self) -> None:
        self._store.close()


class LangChainCommunity(_Lists):
    """``langchain_community.chat_message_histories.RedisChatMessageHistory``: lists, the latest message first."""

    def read(self, session_id: str) -> Found | None:
        from langchain_core.messages import messages_from_dict  # noqa: PLC0415 - the others do without it

        from sessionkit_integrations.langchain_messages import LangChainCodec  # noqa: PLC0415 - as above

        items = self._store.read(session_id).records[::-1]
        return _converted(
            session_id,
            LangChainCodec(),
            [lambda item=item: messages_from_dict([json.loads(item)])[0] for item in items],
        )
