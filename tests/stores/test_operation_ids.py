"""Idempotency keys, and the ids of operations that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import InvalidMessageError, SessionManager, Store
from sessionkit_integrations.stores.operation_ids import operation_id

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_key_has_one_id_and_no_key_a_new_one_each_time() -> None:
    assert operation_id("request-1") == operation_id("request-1") != operation_id("request-2")
    assert len({operation_id() for _ in range(1000)}) == 1000
    for key in ("request-1", " ", "\0", "\ud800", "x" * 10_000, None):
        assert len(operation_id(key)) == 9
        assert operation_id(key).isascii()


def test_an_empty_key_is_refused(store: Store, call: Callable[..., Any]) -> None:
    """It would be the same for all callers that lack an id of their own, and all but one of their messages lost."""
    sessions = SessionManager(store=store)
    with pytest.raises(InvalidMessageError, match="must not be empty") as raised:
        call(sessions, "send_message", "s", {"role": "user", "content": "Hello"}, idempotency_key="")
    assert raised.value.field == "idempotency_key"
    assert call(sessions, "get_session", "s") == []


@pytest.mark.parametrize("key", [1, b"key", ["key"], True])
def test_a_key_is_a_string(key: Any) -> None:
    with pytest.raises(TypeError, match="idempotency_key must be a str, got"):
        operation_id(key)
