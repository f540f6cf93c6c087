"""Whatever a writer accepts, every reader reads; what it does not accept, it refuses with a typed error."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from sessionkit_integrations import (
    InvalidMessageError,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
)
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from tests.fuzz.junk import LANGCHAIN, LLAMA_INDEX, plain, spoilt

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, Callable[[SessionManager], Any]] = {
    "plain": lambda sessions: sessions.get_session("s"),
    "LangChain": lambda sessions: SessionKitChatMessageHistory("s", sessions).messages,
    "LlamaIndex": lambda sessions: SessionKitChatStore(sessions=sessions).get_messages("s"),
    "OpenAI Agents SDK": lambda sessions: sessions.using(OpenAIAgentsCodec()).read("s"),
    "view": lambda sessions: sessions.view("s")._repr_html_(),
    "OpenAI": lambda sessions: to_openai(sessions.get_session("s"))["messages"],
    "Anthropic": lambda sessions: to_anthropic(sessions.get_session("s"))["messages"],
    "Gemini": lambda sessions: to_gemini(sessions.get_session("s"))["contents"],
}
thorough = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(write: Callable[[SessionManager, Any], None], message: Any) -> None:
    """Write a message after a turn, and fail unless everybody can read the session; nothing is written of a refused."""
    sessions = SessionManager()
    sessions.add_user_message("s", "an earlier turn")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic warns of junk
        try:
            write(sessions, message)
        except InvalidMessageError:
            assert len(sessions.get_session("s")) == 1
            return
        for record in sessions.store.read("s").records:
            json.loads(record.decode(), parse_constant=pytest.fail)
        for name, read in READERS.items():
            assert read(sessions), name
        assert len(sessions.view("s").messages) == 2


def in_langchain(sessions: SessionManager, message: Any) -> None:
    SessionKitChatMessageHistory("s", sessions).add_messages([message])


def in_llama_index(sessions: SessionManager, message: Any) -> None:
    SessionKitChatStore(sessions=sessions).add_message("s", message)


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@thorough
@given(message=plain)
@example(message={"role": "assistant", "content": None, "tool_calls": [{**CALL, "extra_content": None}]})
@example(message={"role": "assistant", "content": "Hi", "refusal": False})
@example(message={"role": "assistant", "content": "Hi", "reasoning_details": True})
@example(message={"role": "assistant", "content": [{"type": ""}], "tool_calls": [CALL]})
def test_plain_messages(message: Any) -> None:
    check(lambda sessions, message: sessions.send_message("s", message), message)


@thorough
@given(message=spoilt(LANGCHAIN))
def test_messages_of_langchain(message: Any) -> None:
    check(in_langchain, message)


@thorough
@given(message=spoilt(LLAMA_INDEX))
def test_messages_of_llama_index(message: Any) -> None:
    check(in_llama_index, message)
