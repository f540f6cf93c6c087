"""Writes that fail before they are sent: the error says that they cannot have happened, and of others that they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import RedisStore, SessionManager, StoreUnavailableError
from tests.faults.helpers.answering import Answering
from tests.faults.helpers.stalling import Stalling
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., Any]

SCHEMES = ["redis", "redis+cluster"]


def failed_write(url: str, call: Call) -> StoreUnavailableError:
    """Return the error of a write."""
    with SessionManager(store=RedisStore(url, timeout=1)) as sessions:
        with pytest.raises(StoreUnavailableError) as raised:
            call(sessions, "add_user_message", "s", "Hello")
        call(sessions, "close")
    return raised.value


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("login", ["", "app:secret@"])
def test_a_server_that_never_answers_the_greeting_was_sent_nothing(scheme: str, login: str, call: Call) -> None:
    with Stalling() as silent:
        error = failed_write(f"{scheme}://{login}127.0.0.1:{silent.port}", call)
    assert "cannot be reached" in str(error)
    assert not error.may_have_happened


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_server_that_does_not_run_was_sent_nothing(scheme: str, call: Call) -> None:
    error = failed_write(f"{scheme}://127.0.0.1:{free_port()}", call)
    assert "cannot be reached" in str(error)
    assert not error.may_have_happened


def test_a_server_that_never_answers_the_command_may_have_executed_it(call: Call) -> None:
    answering = Answering(b"")
    error = failed_write(f"redis://127.0.0.1:{answering.port}?protocol=2", call)
    answering.stop()
    assert answering.asked > 0
    assert "did not answer" in str(error)
    assert error.may_have_happened
