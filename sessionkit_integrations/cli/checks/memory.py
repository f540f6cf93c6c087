"""Checks of the memory of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, fail, trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.stores.memory import InMemoryStore


def run(sessions: SessionManager, store: InMemoryStore) -> Iterator[Check]:  # noqa: ARG001 - as of every store
    """Check sessions in memory."""
    yield trial.run(sessions)
    yield fail("persistence", "sessions are in the memory of one process, and gone when it ends")
