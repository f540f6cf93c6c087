"""URLs of Redis servers, as we take them and as redis-py does."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import redis

from sessionkit_integrations.runtime.redaction import AMBIGUOUS, is_ambiguous, split_url

_CLUSTER_SCHEMES = {"redis+cluster://": "redis://", "rediss+cluster://": "rediss://"}


_NO_TEXTS = frozenset(
    {"connection_class", "credential_provider", "event_dispatcher", "maint_notifications_config", "parser_class"}
    | {"redis_connect_func", "retry", "retry_on_error", "socket_keepalive_options", "socket_type"}
)
"""Options of redis-py whose values are objects."""


def is_of_cluster(url: str | None) -> bool:
    """Return whether a URL is one of a cluster."""
    return url is not None and url.startswith(tuple(_CLUSTER_SCHEMES))


def plain(url: str) -> str:
    """Return a URL as redis-py knows it."""
    for scheme, known in _CLUSTER_SCHEMES.items():
        if url.startswith(scheme):
            return known + url[len(scheme) :]
    return url


def fault_of(url: str) -> str | None:
    """Say, without showing any of a URL, why redis-py can make nothing of it; ``None`` if it can."""
    if is_ambiguous(url):
        return AMBIGUOUS
    place, secrets = split_url(url)
    if unfit := _NO_TEXTS & {name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)}:
        return f"the Redis URL has an option that no URL can have: {', '.join(sorted(unfit))}"
    try:
        pool = redis.ConnectionPool.from_url(plain(place), **secrets)
        pool.connection_class(**pool.connection_kwargs)  # not connected yet
    except TypeError as error:
        return f"the Redis URL has an option that there is not: {str(error).rpartition('argument ')[2]}"
    except (AttributeError, redis.RedisError):
        return "the Redis URL has an option with a wrong value"
    except ValueError:
        return (
            "the Redis URL is not of the form redis://user:password@host:port/database (or rediss://, unix://,"
            " redis+cluster://), with special characters in the password percent-encoded"
        )
    return None


def passwords_of(given: Any) -> list[str]:
    """Return the password of a client, if it has one, to take it out of errors."""
    place = getattr(given, "connection_pool", None) or getattr(given, "nodes_manager", None)
    password = getattr(place, "connection_kwargs", {}).get("password")
    return [password] if isinstance(password, str) and password else []


def url_of(address: dict[str, Any]) -> str:
    """Return the URL of a server, given its host and port and, if there is one, the name of its user."""
    host, user = str(address["host"]), address.get("username")
    host = f"[{host}]" if ":" in host else host
    return f"redis://{quote(user, safe='') + '@' if user else ''}{host}:{address['port']}"


def place_of(url: str | None, address: dict[str, Any], given: Any) -> str:
    """Return where a store's server is, with no more of its URL than that."""
    if given is not None:
        pool = getattr(given, "connection_pool", None)
        address = getattr(pool, "connection_kwargs", {})
    elif url is not None:
        parts = urlsplit(url)
        address = {"path": parts.path} if parts.scheme == "unix" else {"host": parts.hostname, "port": parts.port}
    if address.get("path"):
        return f"Redis at {address['path']}"
    if address.get("host") or address.get("port"):
        return f"Redis at {address.get('host') or 'localhost'}:{address.get('port') or 6379}"
    return "Redis"
