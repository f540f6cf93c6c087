"""Validation: wrong messages raise an error that names the field, and nothing is written."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from sessionkit_integrations import (
    ConflictError,
    CorruptSessionError,
    InvalidMessageError,
    InvalidSessionIdError,
    MissingDependencyError,
    RemovedClassError,
    SessionBusyError,
    SessionKitError,
    SessionManager,
    StoreUnavailableError,
    VocabularyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD: dict[str, Any] = {"role": "user", "content": "Hello"}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

CUSTOM = {"id": "2", "type": "custom", "custom": {"name": "f", "input": "x"}}
MIXED: dict[Any, Any] = {**GOOD, 1: 2}

nested: list[Any] = []
for _ in range(100_000):
    nested = [nested]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {
            "role": "assistant",
            "content": "x",
            "tool_calls": [CALL, CUSTOM],
        },
        {"role": "assistant", "content": "x", "refusal": None, "annotations": [], "tool_calls": None},
        {"role": "tool", "content": "42", "tool_call_id": "1", "name": "f"},
        {"role": "system", "content": "é 🧠 \u0000 \u2028", "mine": {"a": [1, 2.5, True, None]}},
    ],
)
def test_good_messages_come_back_as_they_were(message: Any, call: Callable[..., Any]) -> None:
    with SessionManager() as sessions:
        call(sessions, "send_message", "s", message)
        assert call(sessions, "get_session", "s") == [message]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"role": "robot", "content": "x"}, "role"),
        ({"role": ["user"], "content": "x"}, "role"),
        ({"content": "x"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": None}, "content"),
        ({"role": "assistant", "content": None, "tool_calls": []}, "content"),
        ({"role": "user", "content": 5}, "content"),
        ({"role": "user", "content": ("a",)}, "content"),
        ({"role": "user", "content": ["text"]}, "content[0]"),
        ({"role": "user", "content": [{"text": "no type"}]}, "content[0]"),
        ({"role": "user", "content": [{"type": "x", "data": b"bytes"}]}, "content[0].data"),
        ({"role": "user", "content": "lone \ud800"}, "content"),
        ({"role": "assistant", "content": "x", "tool_calls": "f"}, "tool_calls"),
        ({"role": "assistant", "content": "x", "tool_calls": ["f"]}, "tool_calls[0]"),
        ({"role": "assistant", "content": "x", "tool_calls": [{"id": 5}]}, "tool_calls[0].id"),
        ({"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}, "tool_calls[0].function"),
        (
            {"role": "assistant", "content": "x", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]},
            "tool_calls[0].function.arguments",
        ),
        ({"role": "assistant", "content": "x", "tool_calls": [{"id": "1", "type": "custom"}]}, "tool_calls[0].custom"),
        ({"role": "assistant", "content": "x", "tool_calls": [{"id": "1", "type": "x"}]}, "tool_calls[0].type"),
        ({"role": "user", "content": [{"type": "text"}]}, "content[0].text"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}, "content[0].image_url"),
        ({"role": "tool", "content": "x", "tool_call_id": 7}, "tool_call_id"),
        ({**GOOD, "name": 7}, "name"),
        ({**GOOD, "at": 7}, "at"),
        ({**GOOD, "langchain": {}}, "langchain"),
        ({**GOOD, "extra": {"when": object()}}, "extra.when"),
        ({**GOOD, "extra": [1, math.nan]}, "extra[1]"),
        ({**GOOD, "extra": {1: 2}}, "extra"),
        (MIXED, "1"),
        ({**GOOD, "extra": nested}, "extra"),
        ({**GOOD, "extra": 10**5000}, "extra"),
        ("Hello", "message"),
    ],
)
def test_bad_messages_raise_and_nothing_of_their_batch_is_written(
    message: Any, field: str, call: Callable[..., Any]
) -> None:
    with SessionManager() as sessions:
        with pytest.raises(InvalidMessageError) as raised:
            call(sessions, "send_messages", "s", [GOOD, message, GOOD])
        assert raised.value.field == field
        assert str(raised.value).startswith(f"{field}: ")
        assert call(sessions, "get_session", "s") == []


@pytest.mark.parametrize("session_id", ["", "x" * 513, "é" * 257, "\ud800", 5, None, b"bytes"])
@pytest.mark.parametrize("method", ["get_session", "get_archive", "reset_session", "add_user_message"])
def test_bad_session_ids_raise(session_id: Any, method: str, call: Callable[..., Any]) -> None:
    arguments = ["Hello"] if method == "add_user_message" else []
    with SessionManager() as sessions, pytest.raises(InvalidSessionIdError):
        call(sessions, method, session_id, *arguments)


def test_the_longest_session_id_is_512_bytes() -> None:
    with SessionManager() as sessions:
        sessions.add_user_message("é" * 256, "Hello")
        assert list(sessions.list_sessions()) == ["é" * 256]


@pytest.mark.parametrize(
    "error",
    [
        InvalidMessageError("role", "is wrong"),
        InvalidSessionIdError("is wrong"),
        MissingDependencyError("RedisStore", "redis"),
        RemovedClassError("History", "Base of langchain-core", "the other one"),
        SessionBusyError("s", "is in another turn"),
        StoreUnavailableError("gone", may_have_happened=True),
        VocabularyError("o200k_base"),
        ConflictError("late"),
        CorruptSessionError("s", 3, "is garbage"),
    ],
)
def test_errors_have_one_root_and_can_be_sent_between_processes(error: SessionKitError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert isinstance(copy, SessionKitError)
    assert (type(copy), str(copy), copy.__dict__) == (type(error), str(error), error.__dict__)


def test_errors_of_callers_are_also_pythons_own() -> None:
    assert issubclass(InvalidMessageError, ValueError)
    assert issubclass(InvalidSessionIdError, ValueError)
    assert issubclass(MissingDependencyError, ImportError)
    assert issubclass(RemovedClassError, ImportError)
