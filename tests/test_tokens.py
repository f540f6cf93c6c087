"""Counters of tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from sessionkit_integrations import InvalidMessageError, Message
from sessionkit_integrations.tokens import approximate_tokens, counted
from tests.test_records import messages

HELLO: Message = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize("tokens", [0, 7, np.int64(7), np.uint8(7)])
def test_what_a_counter_returns_is_an_integer(tokens: Any) -> None:
    number = counted(lambda _: tokens, HELLO)
    assert (number, type(number)) == (int(tokens), int)


@pytest.mark.parametrize("tokens", [-1, True, np.True_, 7.0, "7", None, np.int64(-1)])
def test_anything_else_is_refused(tokens: Any) -> None:
    with pytest.raises(InvalidMessageError, match="count_tokens must return an integer of at least 0, got ") as error:
        counted(lambda _: tokens, HELLO)
    assert error.value.field == "tokens"


def test_an_error_of_a_counter_is_the_cause_and_stays_out_of_the_text() -> None:
    def fail(message: Message) -> int:
        raise ValueError("key sk-123 is not valid")

    with pytest.raises(InvalidMessageError) as error:
        counted(fail, HELLO)
    assert str(error.value) == "tokens: cannot be counted: count_tokens raised ValueError; see the cause"
    assert isinstance(error.value.__cause__, ValueError)


@given(messages)
def test_every_message_can_be_counted(message: Any) -> None:
    assert counted(approximate_tokens, message) > 0
