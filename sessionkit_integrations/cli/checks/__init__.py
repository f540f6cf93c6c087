"""Checks of ``sessionkit doctor``: a module for each kind of store."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from sessionkit_integrations.records.encryption import VARIABLE, Encrypt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.sessions.manager import SessionManager

_MODULES = {
    "sessionkit_integrations.stores.memory.InMemoryStore": "memory",
    "sessionkit_integrations.stores.sqlite.store.SQLiteStore": "sqlite",
    "sessionkit_integrations.stores.redis.store.RedisStore": "redis",
    "sessionkit_integrations.stores.redis.upstash.UpstashStore": "upstash",
    "sessionkit_integrations.stores.base.Store": "any",
}
"""Module with the checks of each class of stores; a subclass has its nearest base's."""


@dataclass(frozen=True)
class Check:
    """Result of a check.

    Attributes:
        check: Subject of the check.
        status: ``ok``; ``warn`` if it could lose data, or could not be checked; ``fail`` if it would lose data.
        text: Meaning, in plain words.
        unusable: True if the store cannot be used at all.
    """

    check: str
    status: Literal["ok", "warn", "fail"]
    text: str
    unusable: bool = False


def ok(check: str, text: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(check, "ok", text)


def warn(check: str, text: str) -> Check:
    """Return a check that found a risk, or could not be made."""
    return Check(check, "warn", text)


def fail(check: str, text: str) -> Check:
    """Return a check that found what would lose data."""
    return Check(check, "fail", text)


def unusable(check: str, text: str) -> Check:
    """Return a check that found the store unusable."""
    return Check(check, "fail", text, unusable=True)


def run(sessions: SessionManager) -> Iterator[Check]:
    """Check the store of a manager, by the checks of its class."""
    places = (f"{cls.__module__}.{cls.__qualname__}" for cls in type(sessions.store).__mro__)
    module = next(_MODULES[place] for place in places if place in _MODULES)
    checks: Iterator[Check] = import_module(f"{__name__}.{module}").run(sessions, sessions.store)
    is_usable = True
    for check in checks:
        is_usable = is_usable and not check.unusable
        yield check
    keys = Encrypt.from_environment()
    if is_usable:
        yield from import_module(f"{__name__}.seals").run(sessions.store, keys)
    if keys is not None:
        newest, *older = keys.key_ids
        reads = f", and reads with {', '.join(older)} as well" if older else ""
        yield ok("keys", f"{VARIABLE} encrypts with the key {newest}{reads}")
