"""Secrets of sessions, asked for each time, as they may be forgotten at any time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sessionkit_integrations.errors import StoreError
from sessionkit_integrations.records.secrets import Secret
from sessionkit_integrations.runtime.calling import acall, call

if TYPE_CHECKING:
    from sessionkit_integrations.records.secrets import Secrets


def ask(secrets: Secrets, session_id: str) -> Secret | None:
    """Return the secret of a session, or ``None`` if it was forgotten.

    Raises:
        StoreError: The function raised, which is the ``__cause__``, or returned what is no secret.
    """
    try:
        secret = _secret(call(partial(secrets, session_id)))
    except KeyError:
        return None
    except Exception as error:
        raise _failed(session_id, error) from error
    return _checked(session_id, secret)


async def aask(secrets: Secrets, session_id: str) -> Secret | None:
    """See `ask`. A plain function is asked in a thread."""
    function = partial(secrets, session_id)
    try:
        secret = _secret(await acall(function, is_coroutine=secrets.is_coroutine, thread="sessionkit-secrets"))
    except KeyError:
        return None
    except Exception as error:
        raise _failed(session_id, error) from error
    return _checked(session_id, secret)


def _secret(returned: object) -> Secret | None:
    return None if returned is None else Secret(returned)


def _checked(session_id: str, secret: Secret | None) -> Secret | None:
    if secret is not None and secret.problem:
        raise StoreError(f"secrets= must return at least 16 bytes for {session_id!r}, or None; it {secret.problem}")
    return secret


def _failed(session_id: str, error: Exception) -> StoreError:
    return StoreError(f"secrets= raised {type(error).__name__} for session {session_id!r}")
