"""Conversations of other packages as sessions of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from sessionkit_integrations.errors import CorruptSessionError, InvalidSessionIdError, SealError
from sessionkit_integrations.porting.importing import Imported
from sessionkit_integrations.porting.sources import JavaScript, LangChainCommunity, LangChainRedis, LlamaIndex
from sessionkit_integrations.porting.stored import Outcome, StoredSession, write_session
from sessionkit_integrations.stores.redis.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sessionkit_integrations.porting.sources import Conversation, Source
    from sessionkit_integrations.sessions.manager import SessionManager

SOURCES: dict[str, Callable[..., Source]] = {
    "langchain-community": LangChainCommunity,
    "langchain-redis": LangChainRedis,
    "llama-index": LlamaIndex,
    "javascript": JavaScript,
}
"""Sources by the names of packages; each takes a URL and, where it is not the usual one, a prefix of keys."""


@dataclass(frozen=True)
class Unreadable:
    """A message that cannot be read, by its position, or a whole session (``None``)."""

    session_id: str
    position: int | None
    problem: str


@dataclass
class Migrated(Imported):
    """The outcome of a migration.

    Attributes:
        left_out: The sessions that were not written because a part of them cannot be read.
        unreadable: The messages and sessions that cannot be read.
    """

    left_out: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


@dataclass(frozen=True)
class Migration:
    """A migration of conversations of another package into a store.

    One that was interrupted can be repeated: sessions that are there already are left as they are.

    Attributes:
        source: The conversations; nothing is changed there.
        sessions: The sessions of the store to write to.
        dry_run: Whether only to say what would happen.
        overwrite: Whether to replace sessions that are there with other messages.
        skip_corrupt: Whether to leave out only the turns that cannot be read, not their sessions.
        done: Is counted up meanwhile.
    """

    source: Source
    sessions: SessionManager
    dry_run: bool
    overwrite: bool = False
    skip_corrupt: bool = False
    done: Migrated = field(default_factory=Migrated)

    def move(self, session_ids: Iterable[str]) -> Iterator[tuple[StoredSession, Outcome | None]]:
        """Bring sessions into the store, and yield each and its outcome; ``None`` if it was left out.

        Raises:
            StoreError: One of the two servers failed; what a session holds stops nothing.
        """
        for session_id in session_ids:
            try:
                conversation = self.source.read(session_id)
            except (InvalidSessionIdError, CorruptSessionError, SealError) as error:
                yield self._leave_out(StoredSession(session_id, ()), str(error))
            else:
                if conversation is not None:
                    yield self._move(conversation)

    def _move(self, conversation: Conversation) -> tuple[StoredSession, Outcome | None]:
        session = conversation.session
        self.done.unreadable += (Unreadable(session.id, *each) for each in conversation.problems.items())
        if conversation.problems:
            if not (self.skip_corrupt and conversation.complete):
                return self._leave_out(session)
            session = conversation.complete
        try:
            outcome = write_session(self.sessions, session, overwrite=self.overwrite, dry_run=self.dry_run)
        except InvalidSessionIdError as error:
            return self._leave_out(session, str(error))
        self.done.count(session, outcome)
        return session, outcome

    def _leave_out(self, session: StoredSession, problem: str | None = None) -> tuple[StoredSession, None]:
        if problem is not None:
            self.done.unreadable.append(Unreadable(session.id, None, problem))
        self.done.left_out.append(session.id)
        return session, None


def is_same_place(url: str, prefix: str | None, target: str) -> bool:
    """Return whether the JavaScript SessionKit and a store have the same lists, by their URLs."""
    return _place(url, prefix) == _place(target, None)


def hidden_by_encoding(session_ids: Iterable[str], target: str) -> list[str]:
    """Return the ids, as they are in keys, that a store at the same place does not see."""
    options = parse_qs(urlsplit(target).query)
    if options.get("raw_ids", ["false"])[-1].lower() in {"true", "1"}:
        return []
    keys = Keys(options.get("key_prefix", [Keys().prefix])[-1])
    return [session_id for session_id in session_ids if keys.session_of(keys.prefix + session_id) is None]


def _place(url: str, prefix: str | None) -> tuple[str, str, str, str]:
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    host = f"{(parts.hostname or 'localhost').replace('localhost', '127.0.0.1')}:{parts.port or 6379}"
    scheme = parts.scheme.replace("rediss", "redis")
    database = options.get("db", [parts.path.strip("/") or "0"])[-1]
    return scheme, host, database, prefix or options.get("key_prefix", [Keys().prefix])[-1]
