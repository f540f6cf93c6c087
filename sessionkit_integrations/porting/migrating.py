"""Conversations of other packages as sessions of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from sessionkit_integrations.errors import InvalidSessionIdError
from sessionkit_integrations.porting.importing import Imported
from sessionkit_integrations.porting.peers import JavaScript, LangChainCommunity, LangChainRedis, LlamaIndex
from sessionkit_integrations.porting.stored import Outcome, StoredSession, write_session
from sessionkit_integrations.stores.redis.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sessionkit_integrations.porting.peers import Peer
    from sessionkit_integrations.stores.base import Store

PEERS: dict[str, Callable[..., Peer]] = {
    "langchain-community": LangChainCommunity,
    "langchain-redis": LangChainRedis,
    "llama-index": LlamaIndex,
    "javascript": JavaScript,
}
"""What conversations can come from: each takes a URL and, where it is not the usual one, a prefix of keys."""


@dataclass(frozen=True)
class Unreadable:
    """A message that cannot be read, by its position, or a whole session (``None``)."""

    session_id: str
    position: int | None
    problem: str


@dataclass
class Migrated(Imported):
    """What a migration came to.

    Attributes:
        left_out: The sessions that were not written because some of it cannot be read.
        unreadable: What cannot be read.
    """

    left_out: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def migrate(
    peer: Peer,
    session_ids: Iterable[str],
    store: Store,
    done: Migrated,
    *,
    dry_run: bool,
    overwrite: bool = False,
    skip_corrupt: bool = False,
) -> Iterator[tuple[StoredSession, Outcome | None]]:
    """Bring sessions into a store, and yield each and what became of it (``None``: it was left out).

    What was interrupted can be done again: what is there already is left as it is.

    Args:
        peer: Where they are; nothing is changed there.
        session_ids: Which.
        store: Where to.
        done: Is counted up meanwhile.
        dry_run: Whether only to say what would happen.
        overwrite: Whether to replace sessions that are there with other messages.
        skip_corrupt: Whether to leave out only messages that cannot be read, not their sessions.
    """
    for session_id in session_ids:
        found = peer.read(session_id)
        if found is None:
            continue
        session = found.session
        done.unreadable += (Unreadable(session_id, *each) for each in found.unreadable.items())
        if found.unreadable and not (skip_corrupt and session):
            done.left_out.append(session_id)
            yield session, None
            continue
        try:
            outcome = write_session(store, session, overwrite=overwrite, dry_run=dry_run)
        except InvalidSessionIdError as error:
            done.unreadable.append(Unreadable(session_id, None, str(error)))
            done.left_out.append(session_id)
            yield session, None
        else:
            done.count(session, outcome)
            yield session, outcome


def is_same_place(url: str, prefix: str | None, target: str) -> bool:
    """Return whether the lists of the JavaScript SessionKit are those of a store, by their URLs."""
    return _place(url, prefix) == _place(target, None)


def hidden_by_encoding(session_ids: Iterable[str], target: str) -> list[str]:
    """Return those of the ids in keys, as they are, that a store at the same place does not see."""
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
