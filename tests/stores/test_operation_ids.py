"""Idempotency keys, and the ids of operations that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessionkit_integrations import InvalidMessageError, SessionManager, Store
from sessionkit_integrations.stores.operation_ids import (
    MOST_REMEMBERED,
    PERIOD,
    REMEMBERED_OPERATIONS,
    is_known,
    operation_id,
    remember,
)

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


def remembered(*moments: int) -> list[str]:
    """Return the numbers of the operations that are remembered, of some at these times."""
    operations = ""
    for number, moment in enumerate(moments):
        operations = remember(operations, str(number), moment)
    return [each for each in operations.split() if not each.startswith("@")]


@given(st.text("@ 09!²٣a") | st.text())
@example("@!79593571 mo3lyczJI")
@example("@" + "9" * 5000)
@example("  ".join(map(str, range(300))))
def test_what_is_damaged_is_remembered_from(operations: str) -> None:
    now = 176_380 * PERIOD
    for number in range(40):
        operations = remember(operations, f"new{number}", now)
    assert all(is_known(operations, f"new{number}") for number in range(8, 40))


def numbers(first: int, last: int) -> list[str]:
    return list(map(str, range(first, last)))


def test_ids_are_remembered_by_number_and_by_time() -> None:
    now = 176_380 * PERIOD
    assert remembered(*[now] * 300) == numbers(300 - MOST_REMEMBERED, 300)
    assert remembered(*[now] * 100, now + PERIOD) == numbers(0, 101)
    assert remembered(*[now] * 100, now + PERIOD, now + 2 * PERIOD) == numbers(102 - REMEMBERED_OPERATIONS, 102)
    assert remembered(*[now] * 20, *[now + PERIOD] * 40, now + 9 * PERIOD) == numbers(20, 61)
    # The clock of one is ahead, which makes nobody forget what was just now.
    assert remembered(*[now] * 100, now + 3 * PERIOD, *[now] * 10) == numbers(0, 111)


def test_ids_of_earlier_releases_have_no_marks() -> None:
    earlier = numbers(0, REMEMBERED_OPERATIONS)
    assert remember(" ".join(earlier), "new", 176_380 * PERIOD) == " ".join([*earlier, "@176380", "new"])
