"""Conversations that other packages keep in Redis, and their conversion to our records.

Nothing is written there. Keys are found with SCAN, and one conversation is read at a time. Its items were written by
others and go through the loaders of their packages, which may raise anything. An item that cannot be converted becomes
a problem with its position, and the next one follows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from sessionkit_integrations.porting.foreign_redis import ForeignRedis
from sessionkit_integrations.porting.stored import (
    StoredSession,
    at_time,
    explanation,
    read_session,
    readable,
    stored,
    without,
)
from sessionkit_integrations.records.codec import encode_all
from sessionkit_integrations.records.environment import seal_of_environment
from sessionkit_integrations.records.record import Record
from sessionkit_integrations.sessions.manager import SessionManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sessionkit_integrations.records.codec import Codec

T = TypeVar("T")

_MILLISECONDS = 1000
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""Unix times at which the years 1 and 9999 begin and end."""
_UNREADABLE = Record(b"")
"""Stands for an item that cannot be read."""


@dataclass(frozen=True)
class Conversation:
    """A conversation of another package.

    Attributes:
        session: All of it that can be read.
        complete: The turns of it in which everything can be read.
        problems: The position of each item that cannot be read, and what is wrong with it.
    """

    session: StoredSession
    complete: StoredSession
    problems: dict[int, str] = field(default_factory=dict)


class Source(ABC):
    """Conversations that another package keeps."""

    ignored: int = 0
    """Number of lists or documents that turned out not to be the package's."""

    @abstractmethod
    def ids(self) -> Iterator[str]:
        """Iterate over the ids of the conversations, each once."""

    @abstractmethod
    def read(self, session_id: str) -> Conversation | None:
        """Return a conversation; ``None`` if it is gone, or not the package's."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


class _InRedis(Source):
    """Conversations under keys that begin with a prefix."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis = ForeignRedis(url, prefix)

    def ids(self) -> Iterator[str]:
        """See `Source.ids`."""
        return self._redis.sessions()

    def close(self) -> None:
        """See `Source.close`."""
        self._redis.close()


class LangChainCommunity(_InRedis):
    """``RedisChatMessageHistory`` of langchain_community: a list for each session, the last message first."""

    def __init__(self, url: str, prefix: str = "message_store:") -> None:
        super().__init__(url, prefix)
        self._codec, self._load = _langchain()

    def read(self, session_id: str) -> Conversation | None:
        """See `Source.read`."""
        items = self._redis.items(session_id)[::-1]
        return _converted(session_id, self._codec, items, lambda item: self._load(json.loads(item)))


class LangChainRedis(_InRedis):
    """``RedisChatMessageHistory`` of langchain_redis: a JSON document for each message."""

    def __init__(self, url: str, prefix: str = "chat:") -> None:
        super().__init__(url, prefix)
        self._codec, self._load = _langchain()
        self._keys: dict[str, list[str]] = {}

    def ids(self) -> Iterator[str]:
        """See `Source.ids`."""
        # A key does not tell where its session's id ends, and releases differ in how they make it.
        found = list(dict.fromkeys(self._redis.documents()))
        keys = [key for key in found if key is not None]
        self.ignored += len(found) - len(keys)
        for key, value in zip(keys, self._redis.values(keys, "$.session_id"), strict=True):
            session_id = _first(value)
            if isinstance(session_id, str):
                self._keys.setdefault(session_id, []).append(key)
            else:
                self.ignored += 1
        return iter(self._keys)

    def read(self, session_id: str) -> Conversation | None:
        """See `Source.read`."""
        keys = self._keys[session_id]
        found = [(key, text) for key, text in zip(keys, self._redis.values(keys, "$"), strict=True) if text]
        # The keys end in ULIDs, which order what was written at the same time.
        found.sort(key=lambda each: (_time_of(_first(each[1])) or 0, each[0]))
        return _converted(
            session_id,
            self._codec,
            [text for _, text in found],
            lambda text: self._load(json.loads(text)[0]),
            lambda text: _time_of(_first(text)),
        )


class LlamaIndex(_InRedis):
    """LlamaIndex's ``RedisChatStore``: a list for each key, with nothing before it."""

    def __init__(self, url: str, prefix: str = "") -> None:
        super().__init__(url, prefix)
        from sessionkit_integrations.llama_index.codec import LlamaIndexCodec  # noqa: PLC0415, I001 - says what is missing
        from llama_index.core.base.llms.types import ChatMessage  # noqa: PLC0415 - the others do without it

        self._codec = LlamaIndexCodec()
        self._load = ChatMessage.model_validate_json

    def read(self, session_id: str) -> Conversation | None:
        """See `Source.read`."""
        items = self._redis.items(session_id)
        # Any list of the database may be one. Records of ours would do as its messages, but have no such field.
        if not any(_has_kwargs(item) for item in items):
            self.ignored += bool(items)
            return None
        return _converted(session_id, self._codec, items, self._load)


class JavaScript(Source):
    """The JavaScript SessionKit, whose format is ours."""

    def __init__(self, url: str, prefix: str | None = None) -> None:
        self._sessions = SessionManager.from_url(with_raw_ids(url, prefix), seal=seal_of_environment())

    def ids(self) -> Iterator[str]:
        """See `Source.ids`."""
        return self._sessions.list_sessions()

    def read(self, session_id: str) -> Conversation | None:
        """See `Source.read`."""
        found = read_session(self._sessions, session_id)
        if not found:
            return None
        faults = found.faults()
        # Positions count the archive first, as the older part of the conversation.
        problems = {fault.position + (0 if fault.archived else len(found.archived)): fault.problem for fault in faults}
        session, complete = (stored(readable(found, faults, whole_turns=turns)) for turns in (False, True))
        return Conversation(session, complete, dict(sorted(problems.items())))

    def close(self) -> None:
        """See `Source.close`."""
        self._sessions.close()


def with_raw_ids(url: str, prefix: str | None) -> str:
    """Return the URL of a store of the JavaScript SessionKit, which uses ids in keys as they are."""
    address, _, query = url.partition("?")
    options = [each for each in query.split("&") if each and (prefix is None or not each.startswith("key_prefix="))]
    if not any(each.startswith("raw_ids=") for each in options):
        options.append("raw_ids=true")
    if prefix is not None:
        options.append(urlencode({"key_prefix": prefix}))
    return f"{address}?{'&'.join(options)}"


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
) -> Conversation | None:
    """Return the conversation that items make, each a message."""
    if not items:
        return None
    records: list[Record] = []
    unreadable: list[int] = []
    problems: dict[int, str] = {}
    for position, item in enumerate(items):
        try:
            added = [at_time(record, time_of(item)) for record in encode_all(codec, [load(item)])]
        except Exception as error:  # noqa: BLE001 - the loaders of other packages raise anything
            problems[position] = explanation(error)
            unreadable.append(len(records))
            added = [_UNREADABLE]
        records += added
    session, complete = (
        StoredSession(session_id, without(records, unreadable, whole_turns=turns)) for turns in (False, True)
    )
    return Conversation(session, complete, problems)


def _first(text: bytes | None) -> Any:
    """Return the first value of a JSON array, or ``None`` if there is none or it cannot be read."""
    try:
        values = json.loads(text or b"[]")
    except (ValueError, RecursionError):
        return None
    return values[0] if isinstance(values, list) and values else None


def _time_of(document: Any) -> int | None:
    """Return the time of a document in Unix milliseconds, if it has one that calendars know."""
    seconds = document.get("timestamp") if isinstance(document, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return None
    return int(seconds * _MILLISECONDS)


def _has_kwargs(item: bytes) -> bool:
    try:
        value = json.loads(item)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "role" in value and "additional_kwargs" in value
