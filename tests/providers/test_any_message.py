"""Messages of writers who check nothing: a request can be made of each, or the error says what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai

if TYPE_CHECKING:
    from collections.abc import Callable

    Convert = Callable[..., dict[str, Any]]

CONVERTERS = (to_openai, to_anthropic, to_gemini)
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.sampled_from(["", "x", "\ud83e"])
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "id", "function", "custom", "name", "arguments", "image_url", "url", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
FIELDS = ("content", "tool_calls", "tool_call_id", "name", "is_error", "reasoning_details", "reasoning_content")
MORE = ("refusal", "extra_content", "audio", "function_call")
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system", "developer"])},
    optional=dict.fromkeys((*FIELDS, *MORE), JUNK),
)


@pytest.mark.parametrize("convert", CONVERTERS)
@given(messages=st.lists(MESSAGES, max_size=3))
def test_junk_in_any_field_becomes_a_request(convert: Convert, messages: list[dict[str, Any]]) -> None:
    assert convert([{"role": "user", "content": "Hello"}, *messages])


@pytest.mark.parametrize("convert", CONVERTERS)
@pytest.mark.parametrize(
    ("message", "field"),
    [(None, "message"), ("x", "message"), ({}, "role"), ({"role": ["user"]}, "role"), ({"role": "robot"}, "role")],
)
def test_what_is_not_a_message_is_said_to_be_none(convert: Convert, message: Any, field: str) -> None:
    with pytest.raises(InvalidMessageError) as raised:
        convert([{"role": "user", "content": "Hello"}, message])
    assert raised.value.field == field


@pytest.mark.parametrize("call", [None, 7, {}, {"id": "a", "function": {"name": 1, "arguments": "{}"}}])
def test_a_call_that_cannot_be_read_leaves_a_note(call: Any) -> None:
    asks: Any = {"role": "assistant", "content": "Wait.", "tool_calls": [CALL, call]}
    _, said, answer = to_openai([{"role": "user", "content": "Hello"}, asks])["messages"]
    assert [each["id"] for each in said["tool_calls"]] == ["call_1"]
    assert "Wait." in str(said["content"])
    assert "a tool call that cannot be read" in str(said["content"])
    assert answer["tool_call_id"] == "call_1"
