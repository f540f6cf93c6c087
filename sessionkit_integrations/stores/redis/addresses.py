"""Addresses of Redis servers: URLs as this package and as redis-py read them, and how a place is called in errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import redis

from sessionkit_integrations.runtime.redaction import (
    AMBIGUOUS,
    BARE_WORDS,
    has_bare_words,
    is_ambiguous,
    kind_of,
    option_name,
    split_url,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLUSTER_SCHEMES = {"redis+cluster://": "redis://", "rediss+cluster://": "rediss://"}
_SENTINEL_SCHEMES = ("redis+sentinel://", "rediss+sentinel://")

_OBJECTS = frozenset(
    {"connection_class", "credential_provider", "event_dispatcher", "maint_notifications_config", "parser_class"}
    | {"redis_connect_func", "retry", "retry_on_error", "socket_keepalive_options", "socket_type"}
)
"""Options of redis-py whose values are objects."""


def is_of_cluster(url: str | None) -> bool:
    """Return whether a URL is one of a cluster."""
    return url is not None and url.startswith(tuple(_CLUSTER_SCHEMES))


def as_of_redis_py(url: str) -> str:
    """Return a URL in the form that redis-py knows."""
    for scheme, known in _CLUSTER_SCHEMES.items():
        if url.startswith(scheme):
            return known + url[len(scheme) :]
    return url


def tls_options(url: str) -> dict[str, bool]:
    """Return the options by which redis-py compares the certificate's host, unless the URL turns that off by name.

    Before version 6 it does so only if told, and takes the certificate of any other host.
    """
    named = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
    is_off = "ssl_check_hostname" in named or named.get("ssl_cert_reqs", "").lower() == "none"
    return {} if is_off or not as_of_redis_py(url).startswith("rediss://") else {"ssl_check_hostname": True}


def find_fault(url: str) -> str | None:
    """Return why redis-py cannot use a URL, without showing any of it; ``None`` if it can."""
    if url.startswith(_SENTINEL_SCHEMES):
        return (
            "a Redis Sentinel has no URL here: give the client that it finds, as in"
            ' RedisStore(client=redis.sentinel.Sentinel([("host", 26379)]).master_for("name"))'
        )
    if is_ambiguous(url):
        return AMBIGUOUS
    if has_bare_words(url):
        return BARE_WORDS
    if unfit := _OBJECTS & {name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)}:
        return f"the Redis URL has an option that no URL can have: {', '.join(sorted(unfit))}"
    return _fault_by_redis_py(url)


def _fault_by_redis_py(url: str) -> str | None:
    place, login = split_url(url)
    try:
        pool = redis.ConnectionPool.from_url(as_of_redis_py(place), **login)
        pool.connection_class(**pool.connection_kwargs)  # not connected yet
    except TypeError as error:
        name = str(error).rpartition("argument ")[2].strip("'")
        return f"the Redis URL has an unknown option: {option_name(name)!r}"
    except (AttributeError, redis.RedisError):
        return "the Redis URL has an option with a wrong value"
    except ValueError:
        return (
            "the Redis URL must be of the form redis://user:password@host:port/database (or rediss://, unix://,"
            " redis+cluster://), with special characters in the password percent-encoded"
        )
    return None


def check_address(options: Mapping[str, Any], *, by_client: bool) -> None:
    """Check that exactly one thing says where a server is, and says it in a form that redis-py takes.

    Args:
        options: The arguments ``url``, ``host``, ``port``, ``username`` and ``password``; secrets are hidden.
        by_client: Whether a client is given.

    Raises:
        TypeError: One of them has the wrong type.
        ValueError: Two of them contradict each other, or redis-py cannot use the URL.
    """
    for name, value in options.items():
        kind = int if name == "port" else str
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise TypeError(f"{name} must be a {kind.__name__}, got {kind_of(value)}")
    named = [name for name, value in options.items() if value is not None]
    if by_client and named:
        raise ValueError(f"a given client has its own connections: leave out {', '.join(named)}")
    url = options["url"]
    if url is None:
        return
    if beside := [name for name in named if name in {"host", "port", "username"}]:
        raise ValueError(f"the Redis URL says where the server is, and as which user: leave out {', '.join(beside)}")
    if fault := find_fault(url):
        raise ValueError(fault)
    if options["password"] is not None and "password" in split_url(url)[1]:
        raise ValueError("the Redis URL has a password: leave out password")


def url_of(address: Mapping[str, Any]) -> str:
    """Return the URL of a server, given its host and port."""
    host = str(address["host"])
    host = f"[{host}]" if ":" in host else host
    return f"redis://{host}:{address['port']}"


def with_user(url: str, user: str | None) -> str:
    """Return a URL that has no user with the name of one."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{quote(user, safe='')}@{rest}" if user else url


def place_of(url: str | None, address: dict[str, Any], given: Any) -> str:
    """Return the name of a store's server in errors, with no more of its URL than the place."""
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
