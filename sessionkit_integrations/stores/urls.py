"""Stores by URL."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from sessionkit_integrations.runtime.redaction import hidden
from sessionkit_integrations.stores.base import Store
from sessionkit_integrations.stores.options import check_url
from sessionkit_integrations.stores.schemes import BUILT_IN, GROUP, defined

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def store_from_url(url: str) -> Store:
    """Return the store that a URL names; see `SessionManager.from_url`.

    Raises:
        TypeError: ``url`` is not a string, or the entry point of its scheme is not a class of stores.
        ValueError: The URL names no store, or has an option that the store does not take.
        MissingDependencyError: The store's driver is not installed.
    """
    url = hidden(url)
    check_url(url)
    if ":" not in url:
        raise ValueError(f"a store's URL begins with a scheme, as in sqlite:///chats.db; there are {_all_schemes()}")
    return _class_of(url.partition(":")[0].lower()).from_url(url)


def _class_of(scheme: str) -> type[Store]:
    """Return the class that makes stores of URLs with a scheme."""
    if scheme in BUILT_IN:
        module, _, name = BUILT_IN[scheme].partition(":")
        cls: object = getattr(import_module(module), name)
    elif scheme in defined:
        cls = defined[scheme]
    else:
        cls = _load(scheme)
    if not isinstance(cls, type) or not issubclass(cls, Store):
        raise TypeError(f"the entry point {scheme!r} of the group {GROUP!r} must be a class of stores, got {cls!r}")
    return cls


def _load(scheme: str) -> object:
    entries = _entry_points()
    if scheme not in entries:
        raise ValueError(
            f"no store has the scheme {scheme!r}; there are {_all_schemes()}"
            " (one of your own: import its module, or install its package)"
        )
    try:
        cls: object = entries[scheme].load()
    except (ImportError, AttributeError) as error:
        raise ValueError(f"the store {entries[scheme].value!r} of the scheme {scheme!r} cannot be imported") from error
    return cls


def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _all_schemes() -> str:
    return ", ".join(sorted({*BUILT_IN, *defined, *_entry_points()}))
