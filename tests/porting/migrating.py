"""Migrations from a Redis database, run as their users run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sessionkit_integrations import SessionManager
from sessionkit_integrations.langchain.codec import LangChainCodec
from tests.porting.commands import run, summary

if TYPE_CHECKING:
    import redis
    from langchain_core.messages import BaseMessage

    from sessionkit_integrations.records.codec import Codec
    from sessionkit_integrations.sessions.snapshot import SessionSnapshot

M = TypeVar("M")

ALL = 10_000
"""A window that no conversation of the tests fills."""

IDS = ("plain", "a b:{c}*", "é🧠")


def contents(client: redis.Redis) -> dict[bytes, bytes | None]:
    """Return the keys of a database and their serialized values."""
    keys: Any = client.keys()
    dumps: Any = {key: client.dump(key) for key in keys}
    return dumps  # type: ignore[no-any-return]


def in_langchain(url: str, session_id: str) -> list[BaseMessage]:
    """Return the messages of a session as LangChain's, as they are stored."""
    with SessionManager.from_url(url, ALL) as sessions:
        return stored(sessions, session_id, LangChainCodec())


def stored(sessions: SessionManager, session_id: str, codec: Codec[M]) -> list[M]:
    """Return the messages of a session without answers that are made up for its open calls."""
    snapshot: SessionSnapshot[M] = sessions.using(codec).snapshot(session_id)
    return snapshot.messages("preamble", "window")


def check_migration(package: str, source: redis.Redis, source_url: str, target: str, *more: str) -> dict[str, Any]:
    """Run the migration dry, for real and again, and return the summary of the second."""
    before = contents(source)
    dry = run("migrate", "--from", package, source_url, "--url", target, *more)
    assert "would write: " in dry.stdout
    assert dry.stdout.endswith("nothing was changed; do it with --yes\n")
    with SessionManager.from_url(target) as sessions:
        assert list(sessions.list_sessions()) == []
    done = summary("migrate", "--from", package, source_url, "--url", target, *more, "--yes")
    again = summary("migrate", "--from", package, source_url, "--url", target, *more, "--yes")
    assert (again["written"], again["unchanged"], again["messages"]) == (0, done["written"], 0)
    assert contents(source) == before
    return done
