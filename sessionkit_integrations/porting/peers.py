"""Conversations that other packages keep in Redis: where they are, and how they become records of ours.

Nothing is written where they are. Keys are looked for with SCAN, and one conversation is read at a time.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from sessionkit_integrations.porting.peer_redis import PeerRedis
from sessionkit_integrations.porting.stored import UNREADABLE, StoredSession, at_time, fields_of, read_session
from sessionkit_integrations.records.codec import encode_all
from sessionkit_integrations.stores.urls import store_from_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.records.codec import Codec
    from sessionkit_integrations.records.record import Record

T = TypeVar("T")
_MILLISECONDS = 1000


@dataclass
class Found:
    """A conversation.

    Attributes:
        session: What of it can be read.
        unreadable: What of it cannot: positions, and what is wrong there.
    """

    session: StoredSession
    unreadable: dict[int, str] = field(default_factory=dict)


class Peer(ABC):
    """Where another package keeps its conversations."""

    ignored: int = 0
    """How many lists or documents were looked at that are none of the package's."""

    @abstractmethod
    def ids(self) -> Iterator[str]:
        """Iterate over the ids of the conversations, each once."""

    @abstractmethod
    def read(self, session_id: str) -> Found | None:
        """Return a conversation; ``None`` if it is gone, or none of the package's."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


class _InRedis(Peer):
    """Conversations under keys that begin with a prefix."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis = PeerRedis(url, prefix)

    def ids(self) -> Iterator[str]:
        """See `Peer.ids`."""
        return self._redis.sessions()

    def close(self) -> None:
        """See `Peer.close`."""
        self._redis.close()


class LangChainCommunity(_InRedis):
    """``RedisChatMessageHistory`` of langchain_community: a list for each session, the last message first."""

    def __init__(self, url: str, prefix: str = "message_store:") -> None:
        super().__init__(url, prefix)
        self._codec, self._load = _langchain()

    def read(self, session_id: str) -> Found | None:
        """See `Peer.read`."""
        items = self._redis.read(session_id).records[::-1]
        return _converted(session_id, self._codec, items, lambda item: self._load(json.loads(item)))


class LangChainRedis(_InRedis):
    """``RedisChatMessageHistory`` of langchain_redis: a JSON document for each message."""

    def __init__(self, url: str, prefix: str = "chat:") -> None:
        super().__init__(url, prefix)
        self._codec, self._load = _langchain()
        self._keys: dict[str, list[str]] = {}

    def ids(self) -> Iterator[str]:
        """See `Peer.ids`."""
        # A key does not tell where its session's id ends, and releases differ in how they make it.
        keys = list(dict.fromkeys(self._redis.documents()))
        for key, session_id in zip(keys, self._redis.values(keys, "$.session_id"), strict=True):
            if isinstance(session_id, str):
                self._keys.setdefault(session_id, []).append(key)
            else:
                self.ignored += 1
        return iter(self._keys)

    def read(self, session_id: str) -> Found | None:
        """See `Peer.read`."""
        keys = self._keys[session_id]
        documents = [(key, each) for key, each in zip(keys, self._redis.values(keys, "$"), strict=True) if each]
        # The keys end in ULIDs, which order what was written at the same time.
        documents.sort(key=lambda document: (_time_of(document[1]) or 0, document[0]))
        found = [document for _, document in documents]
        return _converted(session_id, self._codec, found, self._load, _time_of)


class LlamaIndex(_InRedis):
    """LlamaIndex's ``RedisChatStore``: a list for each key, with nothing before it."""

    def __init__(self, url: str, prefix: str = "") -> None:
        super().__init__(url, prefix)
        from sessionkit_integrations.llama_index.codec import LlamaIndexCodec  # noqa: PLC0415, I001 - says what is missing
        from llama_index.core.base.llms.types import ChatMessage  # noqa: PLC0415 - the others do without it

        self._codec = LlamaIndexCodec()
        self._load = ChatMessage.model_validate_json

    def read(self, session_id: str) -> Found | None:
        """See `Peer.read`."""
        items = self._redis.read(session_id).records
        # Any list of the database may be one. Records of ours would do as its messages, but have no such field.
        if not any(_has_kwargs(item) for item in items):
            self.ignored += bool(items)
            return None
        return _converted(session_id, self._codec, items, self._load)


class JavaScript(Peer):
    """The JavaScript SessionKit, whose format is ours."""

    def __init__(self, url: str, prefix: str | None = None) -> None:
        self._store = store_from_url(with_raw_ids(url, prefix))

    def ids(self) -> Iterator[str]:
        """See `Peer.ids`."""
        return self._store.sessions()

    def read(self, session_id: str) -> Found | None:
        """See `Peer.read`."""
        session = read_session(self._store, session_id)
        if not session:
            return None
        unreadable: dict[int, str] = {}
        kept: dict[str, list[Record]] = {"archived": [], "active": []}
        whole = [("archived", each) for each in session.archived] + [("active", each) for each in session.active]
        for position, (name, record) in enumerate(whole):
            try:
                fields_of(record)
            except UNREADABLE as error:
                unreadable[position] = said(error)
            else:
                kept[name].append(record)
        return Found(replace(session, active=tuple(kept["active"]), archived=tuple(kept["archived"])), unreadable)

    def close(self) -> None:
        """See `Peer.close`."""
        self._store.close()


def with_raw_ids(url: str, prefix: str | None) -> str:
    """Return the URL of a store of the JavaScript SessionKit, which uses ids in keys as they are."""
    address, _, query = url.partition("?")
    options = [each for each in query.split("&") if each and (prefix is None or not each.startswith("key_prefix="))]
    if not any(each.startswith("raw_ids=") for each in options):
        options.append("raw_ids=true")
    if prefix is not None:
        options.append(urlencode({"key_prefix": prefix}))
    return f"{address}?{'&'.join(options)}"


def said(error: Exception) -> str:
    """Return what an error says, in one line that is not too long."""
    text = " ".join(str(error).split())
    text = text if isinstance(error, ValueError) else f"{type(error).__name__} {text}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 200


def _langchain() -> tuple[Codec[Any], Callable[[Any], Any]]:
    from sessionkit_integrations.langchain.codec import LangChainCodec  # noqa: PLC0415, I001 - says what is missing
    from langchain_core.messages import messages_from_dict  # noqa: PLC0415 - the others do without it

    return LangChainCodec(), lambda value: messages_from_dict([value])[0]


def _converted(
    session_id: str,
    codec: Codec[Any],
    items: Sequence[T],
    load: Callable[[T], Any],
    time_of: Callable[[T], int | None] = lambda _: None,
) -> Found | None:
    """Return the conversation that items make, each a message."""
    if not items:
        return None
    records: list[Record] = []
    unreadable: dict[int, str] = {}
    for position, item in enumerate(items):
        try:
            records += (at_time(record, time_of(item)) for record in encode_all(codec, [load(item)]))
        except UNREADABLE as error:
            unreadable[position] = said(error)
    return Found(StoredSession(session_id, tuple(records)), unreadable)


def _time_of(document: Any) -> int | None:
    seconds = document.get("timestamp") if isinstance(document, dict) else None
    return int(seconds * _MILLISECONDS) if isinstance(seconds, (int, float)) else None


def _has_kwargs(item: bytes) -> bool:
    try:
        value = json.loads(item)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "role" in value and "additional_kwargs" in value
