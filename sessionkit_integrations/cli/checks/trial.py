"""Trial of a store: a session of doctor's own is written, read and deleted."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from sessionkit_integrations.cli.checks import Check, ok, unusable
from sessionkit_integrations.errors import StoreError

if TYPE_CHECKING:
    from sessionkit_integrations.records.messages import Message
    from sessionkit_integrations.sessions.manager import SessionManager

NAME = "use"


def session_id() -> str:
    """Return the id of a session that nobody else uses."""
    return f"sessionkit-doctor-{secrets.token_hex(8)}"


def run(sessions: SessionManager) -> Check:
    """Write, read and delete a session."""
    trial = session_id()
    messages: list[Message] = [{"role": "user", "content": "ping"}, {"role": "assistant", "content": "pong"}]
    try:
        try:
            sessions.send_messages(trial, messages, idempotency_key="trial")
            sessions.send_messages(trial, messages, idempotency_key="trial")
            found = sessions.get_session(trial)
        except BaseException:
            with suppress(StoreError):
                sessions.reset_session(trial)
            raise
        sessions.reset_session(trial)
        left = sessions.get_session(trial)
    except StoreError as error:
        return unusable(NAME, f"a session cannot be written, read and deleted: {error}")
    if found != messages:
        return unusable(NAME, f"a session of 2 messages, sent twice under one key, came back as {found!r}")
    if left:
        return unusable(NAME, "a session that was deleted is still there")
    return ok(NAME, "a session was written, read and deleted, and a repeated write wrote nothing twice")
