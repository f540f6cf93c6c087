"""Checks of an Upstash database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, ok, trial, unusable, warn
from sessionkit_integrations.cli.checks.servers import clock
from sessionkit_integrations.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionkit_integrations.sessions.manager import SessionManager
    from sessionkit_integrations.stores.redis.scripted import ScriptedStore


def run(sessions: SessionManager, store: ScriptedStore) -> Iterator[Check]:
    """Check a database through its REST API."""
    session_id = trial.session_id()
    try:
        store.read(session_id)
    except StoreError as error:
        if "unauthorized" in str(error).lower() or "WRONGPASS" in str(error):
            yield unusable("token", f"the token does not belong to this database: {error}")
        else:
            yield unusable("connection", str(error))
        return
    yield ok("connection", "the database answers")
    try:
        store.ask("DEL", store.keys.active(session_id))
    except StoreError as error:
        if "NOPERM" not in str(error):
            yield unusable("token", str(error))
        else:
            yield unusable("token", "this is a read-only token: sessions can be read, but neither written nor listed")
        return
    yield ok("token", "the token may read and write")
    yield trial.run(sessions)
    yield warn(
        "eviction",
        "could not be checked, as the API does not tell: see that Eviction is off in the console, or sessions are"
        " deleted when the database is full",
    )
    yield ok("persistence", "Upstash keeps what it answers for on disk")
    yield clock(store)
