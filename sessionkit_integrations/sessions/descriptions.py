"""Sessions as JSON, for frameworks that write their objects so: by the URL of their store, without secrets."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.runtime.logs import LOGGER
from sessionkit_integrations.sessions.manager import SessionManager
from sessionkit_integrations.sessions.quotas import Quota
from sessionkit_integrations.stores.copies import find, identity_of, with_password
from sessionkit_integrations.stores.urls import store_from_url
from sessionkit_integrations.window.turns import Window

if TYPE_CHECKING:
    from sessionkit_integrations.records.sealing import Seal

_NAMES = ("identity", "url", "needs_password", "window", "max_message_bytes")
_FUNCTIONS = ("count_tokens", "summary", "embed")
"""Arguments of a manager that JSON cannot hold."""


def describe(sessions: SessionManager) -> dict[str, Any]:
    """Return what `restore` needs to make sessions again, as JSON."""
    place, window = sessions.store.describe_url(), sessions.window
    return {
        "identity": identity_of(sessions),
        "url": None if place is None else place.url,
        "needs_password": place is not None and place.needs_password,
        "window": asdict(window),
        "max_message_bytes": sessions.max_message_bytes,
        "quota": None if sessions.quota is None else asdict(sessions.quota),
        "seal": _described_seal(sessions),
        "left_out": [name for name in _FUNCTIONS if getattr(sessions, f"_{name}") is not None],
    }


def restore(description: dict[str, Any]) -> SessionManager:
    """Return sessions that were described: the same object in the same process, else one of the same sessions.

    JSON holds no functions: the others count tokens by `approximate_tokens`, make no summaries and search by words.
    What is to be summarised waits for whoever does.

    Raises:
        StoreError: There are none: they are in the memory of another process, or their client, or their password, or
            the keys with which they are encrypted.
        ValueError: It is not a description.
    """
    if not description.keys() >= set(_NAMES):
        raise ValueError(f"a description of sessions must have {', '.join(_NAMES)}")
    identity, url, needs_password, window, max_message_bytes = map(description.__getitem__, _NAMES)
    found = find(identity)
    if isinstance(found, SessionManager):
        return found
    if url is None:
        raise StoreError(
            "sessions on a store that no URL describes are in one process only: use a store with a URL, or pass the"
            " sessions again"
        )
    if left_out := description.get("left_out"):
        LOGGER.warning("sessions were made again from JSON without their %s", ", ".join(left_out))
    store = store_from_url(with_password(url, needs_password))
    quota = None if description.get("quota") is None else Quota(**description["quota"])
    seal = None if description.get("seal") is None else _seal_of(description["seal"])
    return SessionManager(Window(**window), store, max_message_bytes=max_message_bytes, quota=quota, seal=seal)


def _described_seal(sessions: SessionManager) -> list[dict[str, Any]] | None:
    """Return the way in which records are sealed, with the ids of the keys instead of the keys."""
    seal = sessions._seal  # noqa: SLF001 - of this package
    if seal is None:
        return None
    parts: Any = seal if isinstance(seal, (list, tuple)) else [seal]
    return [
        {"key_ids": list(each.key_ids), "mark": each.mark}
        if hasattr(each, "key_ids")
        else {"min_bytes": each.min_bytes}
        for each in parts
    ]


def _seal_of(described: list[dict[str, Any]]) -> Seal:
    """Return the way in which records are sealed that was described.

    Raises:
        StoreError: The environment has none of its keys.
    """
    # Imported where records are sealed.
    from sessionkit_integrations.records.encryption import of_key_ids  # noqa: PLC0415
    from sessionkit_integrations.records.sealing import Compress  # noqa: PLC0415

    return [
        of_key_ids(tuple(each["key_ids"]), each["mark"]) if "key_ids" in each else Compress(each["min_bytes"])
        for each in described
    ]
