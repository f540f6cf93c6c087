"""Checks of a store that the package knows nothing about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, trial, unusable, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.stores.base import Store


def run(sessions: SessionManager, store: Store) -> Iterator[Check]:
    """Write, read and delete a session."""
    try:
        yield trial.run(sessions)
    except Exception as error:  # noqa: BLE001 - a store of somebody else may raise anything
        yield unusable(trial.NAME, f"a session cannot be written, read and deleted: {type(error).__name__}: {error}")
    yield warn("persistence", f"could not be checked: doctor does not know {type(store).__name__}")
