"""Stores by URL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode

from sessionkit_integrations.runtime.redaction import AMBIGUOUS, Secret, hidden, is_ambiguous
from sessionkit_integrations.stores.memory import InMemoryStore
from sessionkit_integrations.stores.sqlite.store import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations.stores.base import Store

REDIS_SCHEMES = frozenset({"redis", "rediss", "unix", "redis+cluster", "rediss+cluster"})
_SHARED_OPTIONS = ("ttl", "archive")
_SERVER_OPTIONS = (*_SHARED_OPTIONS, "key_prefix", "raw_ids", "timeout")


def store_from_url(url: str) -> Store:
    """Return the store that a URL names; see `SessionManager.from_url`.

    Raises:
        ValueError: The URL names no store, or a wrong option.
        MissingDependencyError: The store's driver is not installed.
    """
    url = hidden(url)
    scheme = url.partition(":")[0].lower()
    if scheme in REDIS_SCHEMES and is_ambiguous(url):
        raise ValueError(AMBIGUOUS)
    query = [(name, Secret(value)) for name, value in parse_qsl(url.partition("?")[2], keep_blank_values=True)]
    if scheme == "memory":
        return InMemoryStore(**_options(query, _SHARED_OPTIONS))
    if scheme == "sqlite":
        return SQLiteStore(_sqlite_path(url), **_options(query, (*_SHARED_OPTIONS, "timeout")))
    if scheme in REDIS_SCHEMES:
        from sessionkit_integrations.stores.redis.store import RedisStore  # noqa: PLC0415 - imports the driver

        # redis-py takes options of its own from the query, so that those stay there.
        theirs = Secret(urlencode([(name, value) for name, value in query if name not in _SERVER_OPTIONS]))
        ours = [(name, value) for name, value in query if name in _SERVER_OPTIONS]
        return RedisStore(f"{url.partition('?')[0]}?{theirs}", **_options(ours, _SERVER_OPTIONS))
    if scheme == "upstash":
        from sessionkit_integrations.stores.redis.upstash import UpstashStore  # noqa: PLC0415 - imports the driver

        token = hidden(os.environ.get("UPSTASH_REDIS_REST_TOKEN") or os.environ.get("UPSTASH_TOKEN"))
        if not token:
            raise ValueError("set UPSTASH_REDIS_REST_TOKEN in the environment")
        return UpstashStore(_upstash_url(url), token, **_options(query, _SERVER_OPTIONS))
    raise ValueError(
        f"no store has the scheme {scheme!r}; there are memory, sqlite, upstash, {', '.join(sorted(REDIS_SCHEMES))}"
    )


def _sqlite_path(url: str) -> str:
    # As SQLAlchemy has it: three slashes and a relative path, or four and an absolute one.
    path = unquote(url.partition("?")[0].removeprefix("sqlite:///"))
    if path.startswith("sqlite:") or not path:
        raise ValueError("a SQLite URL is sqlite:///relative/path or sqlite:////absolute/path")
    return path


def _upstash_url(url: str) -> Secret:
    host = url.partition("://")[2].partition("?")[0].partition("/")[0]
    return Secret(f"https://{host}")


def _options(query: Sequence[tuple[str, str]], allowed: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in query:
        if name not in allowed:
            raise ValueError(f"the store has no option {name!r}; it has {', '.join(allowed)}")
        options[name] = _OPTION_TYPES.get(name, str)(str(value))
    return options


def _flag(value: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
    except KeyError:
        raise ValueError(f"true or false is wanted, not {value!r}") from None


_OPTION_TYPES: dict[str, Callable[[str], Any]] = {"ttl": float, "timeout": float, "archive": _flag, "raw_ids": _flag}
