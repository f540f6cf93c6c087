"""Checks of a store that the package knows nothing about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, trial, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.stores.base import Store


def run(sessions: SessionManager, store: Store) -> Iterator[Check]:
    """Write, read and delete a session."""
    yield trial.run(sessions)
    yield warn("persistence", f"could not be checked: doctor does not know {type(store).__name__}")
