"""Owners of URL schemes: the class that makes a store of a URL.

The package's own classes are in a table, by name, so that no driver is imported before its store is used. Any other
class takes the schemes that it lists at its definition. One that is not imported yet is named by an entry point of the
group `GROUP`.
"""

from __future__ import annotations

import re

BUILT_IN = {
    "memory": "sessionkit_integrations.stores.memory:InMemoryStore",
    "sqlite": "sessionkit_integrations.stores.sqlite.store:SQLiteStore",
    **dict.fromkeys(
        ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel"),
        "sessionkit_integrations.stores.redis.store:RedisStore",
    ),
    "upstash": "sessionkit_integrations.stores.redis.upstash:UpstashStore",
}
"""Schemes of the package's own stores, each with the module and the class."""

GROUP = "sessionkit.stores"
"""Group of the entry points of other stores; the name of an entry point is a scheme, its value a class."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")

defined: dict[str, type] = {}
"""Classes of others by their schemes; of two with the same scheme, the one defined last."""


def claim(cls: type, schemes: object) -> None:
    """Make a class the owner of the schemes that it lists.

    Raises:
        TypeError: ``schemes`` is not a tuple of strings.
        ValueError: One of them is not a URL scheme in lower case, or belongs to one of the package's own stores.
    """
    if not isinstance(schemes, tuple) or not all(isinstance(scheme, str) for scheme in schemes):
        raise TypeError(f"{cls.__qualname__}.schemes must be a tuple of strings, got {schemes!r}")
    for scheme in schemes:
        if not _SCHEME.fullmatch(scheme):
            raise ValueError(f"{cls.__qualname__}.schemes: {scheme!r} is not a URL scheme in lower case")
        owner = BUILT_IN.get(scheme)
        if owner is None:
            defined[scheme] = cls
        elif owner != f"{cls.__module__}:{cls.__qualname__}":
            raise ValueError(f"{cls.__qualname__}.schemes: {scheme!r} belongs to {owner.partition(':')[2]}")
