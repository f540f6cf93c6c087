"""Usage of LangChain's messages: stored once, added up, and back equal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from sessionkit_integrations import SessionKitChatMessageHistory, SessionManager, Usage
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.records.codec import encode_all
from sessionkit_integrations.records.record import usage_of
from tests.equality import exact

FIGURES = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
DETAILS = {"input_token_details": {"cache_read": 64}, "output_token_details": {"reasoning": 12}}


@pytest.mark.parametrize(
    ("usage", "response", "stored", "beyond"),
    [
        (FIGURES, {}, {"input": 100, "output": 20}, {}),
        (
            {**FIGURES, **DETAILS},
            {"model_name": "gpt-5"},
            {"input": 100, "output": 20, "cached": 64, "reasoning": 12, "model": "gpt-5"},
            {},
        ),
        (
            {**FIGURES, "input_token_details": {"cache_read": 0, "cache_creation": 7, "audio": 0}},
            {"model_name": "m", "model": "m", "id": "x"},
            {"input": 100, "output": 20, "cached": 0, "model": "m"},
            {
                "response_metadata": {"model": "m", "id": "x"},
                "usage_metadata": {"input_token_details": {"cache_creation": 7, "audio": 0}},
            },
        ),
        (
            {**FIGURES, "total_tokens": 130, "output_token_details": {}, "service_tier": "flex"},
            {"model": "llama"},
            {"input": 100, "output": 20, "model": "llama"},
            {
                "usage_metadata": {"total_tokens": 130, "output_token_details": {}, "service_tier": "flex"},
                "model_in": "model",
            },
        ),
        (
            {**FIGURES, "input_token_details": {"cache_read": None}, "output_token_details": None},
            {"model_name": "x" * 201},
            {"input": 100, "output": 20},
            {
                "response_metadata": {"model_name": "x" * 201},
                "usage_metadata": {"input_token_details": {"cache_read": None}, "output_token_details": None},
            },
        ),
        (
            {**FIGURES, "input_tokens": 10**9},
            {"model_name": "m"},
            None,
            {"response_metadata": {"model_name": "m"}, "usage_metadata": {**FIGURES, "input_tokens": 10**9}},
        ),
        (
            {**FIGURES, "input_token_details": {"cache_read": float("nan"), "é": [float("inf")]}},
            {"model_name": "m"},
            {"input": 100, "output": 20, "model": "m"},
            {
                "usage_metadata": {"input_token_details": {"cache_read": "NaN", "é": ["Infinity"]}},
                "values": [
                    [["usage_metadata", "input_token_details", "cache_read"], "float"],
                    [["usage_metadata", "input_token_details", "é", 0], "float"],
                ],
            },
        ),
    ],
)
def test_usage_is_stored_once_and_comes_back(usage: Any, response: Any, stored: object, beyond: object) -> None:
    message = AIMessage("Hi")
    message.usage_metadata, message.response_metadata = usage, response
    codec = LangChainCodec()
    (record,) = encode_all(codec, [message])
    fields = json.loads(record)
    assert (fields.get("usage"), fields.get("langchain", {})) == (stored, beyond)
    read = codec.decode(codec.parse_json(record))
    assert exact(read) == exact(message)
    assert (usage_of(record) is None) == (stored is None)
    if stored:
        assert usage_of(record) == Usage(**stored)  # type: ignore[arg-type]


def test_usage_is_read_by_other_frameworks_and_from_them() -> None:
    sessions = SessionManager()
    history = SessionKitChatMessageHistory("s", sessions)
    usage: Any = {**FIGURES, **DETAILS}
    history.add_messages([HumanMessage("Hello"), AIMessage("Hi", usage_metadata=usage)])
    counted: Any = {"input": 1, "output": 2, "model": "gpt-5"}
    sessions.send_message("s", {"role": "assistant", "content": "Hi again", "usage": counted})
    assert sessions.get_session("s") == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "assistant", "content": "Hi again"},
    ]
    *_, own, foreign = history.messages
    assert isinstance(own, AIMessage)
    assert isinstance(foreign, AIMessage)
    assert own.usage_metadata == usage
    assert foreign.usage_metadata == {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert foreign.response_metadata == {"model_name": "gpt-5"}
    assert foreign.additional_kwargs == {}
    info = sessions.describe("s")
    assert info is not None
    assert info.usage == (Usage(100, 20, 64, 12), Usage(1, 2, model="gpt-5"))


def test_records_of_earlier_releases_have_their_usage_under_langchain() -> None:
    fields = {"role": "assistant", "content": "Hi", "langchain": {"usage_metadata": {**FIGURES, **DETAILS}}}
    message: BaseMessage = LangChainCodec().decode(fields)
    assert exact(message) == exact(AIMessage("Hi", usage_metadata={**FIGURES, **DETAILS}))
