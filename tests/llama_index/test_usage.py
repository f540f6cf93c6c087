"""Usage of LlamaIndex's messages: stored once, added up, and back equal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage, ChatResponse
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion

from sessionkit_integrations import CorruptSessionError, SessionKitChatStore, SessionManager, Usage
from sessionkit_integrations.llama_index import with_usage
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import decode_all, encode_all
from sessionkit_integrations.records.record import Record
from tests.equality import exact

COUNTS = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


@pytest.mark.parametrize(
    ("role", "kwargs", "usage", "beyond"),
    [
        ("assistant", COUNTS, {"input": 100, "output": 20}, {"usage": "pct"}),
        (
            "assistant",
            {"output_tokens": 2, "input_tokens": 1, "x": 1},
            {"input": 1, "output": 2},
            {"additional_kwargs": {"x": 1}, "usage": "io"},
        ),
        (
            "assistant",
            {**COUNTS, "input_tokens": 7, "total_tokens": 120.0},
            {"input": 100, "output": 20},
            {"additional_kwargs": {"total_tokens": 120.0, "input_tokens": 7}, "usage": "pc"},
        ),
        ("assistant", {"prompt_tokens": 1}, None, {"additional_kwargs": {"prompt_tokens": 1}}),
        (
            "assistant",
            {**COUNTS, "prompt_tokens": -1},
            None,
            {"additional_kwargs": {**COUNTS, "prompt_tokens": -1}},
        ),
        ("user", COUNTS, None, {"additional_kwargs": COUNTS}),
    ],
)
def test_usage_is_stored_once_and_comes_back(role: str, kwargs: Any, usage: object, beyond: object) -> None:
    message = ChatMessage(role=role, content="Hi", additional_kwargs=kwargs)
    (record,) = encode_all(LlamaIndexCodec(), [message])
    fields = json.loads(record)
    assert (fields.get("usage"), fields["llama_index"]) == (usage, beyond)
    (read,) = decode_all(LlamaIndexCodec(), [record], "s")
    assert exact(read) == exact(message)


def test_usage_is_added_up_and_that_of_others_is_not_shown() -> None:
    sessions = SessionManager()
    store = SessionKitChatStore(sessions=sessions)
    store.add_message("s", ChatMessage(role="user", content="Hello"))
    store.add_message("s", ChatMessage(role="assistant", content="Hi", additional_kwargs=COUNTS))
    sessions.send_message("s", {"role": "assistant", "content": "Hi", "usage": {"input": 1, "output": 2}})
    info = sessions.describe("s")
    assert info is not None
    assert info.usage == (Usage(101, 22),)
    assert [message.additional_kwargs for message in store.get_messages("s")] == [{}, COUNTS, {}]


def test_letters_that_nobody_knows_make_a_record_unreadable() -> None:
    record = Record(
        b'{"role":"assistant","content":"Hi","llama_index":{"usage":"px"},"usage":{"input":1,"output":2},"at":3}'
    )
    with pytest.raises(CorruptSessionError, match="unknown letter"):
        decode_all(LlamaIndexCodec(), [record], "s")


RAW = {
    "model": "gpt-5",
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 12},
    },
}


@pytest.mark.parametrize(
    ("raw", "kwargs", "expected"),
    [
        (RAW, {}, Usage(100, 20, 64, 12, "gpt-5")),
        (
            ChatCompletion.model_construct(model="gpt-5", usage=CompletionUsage.model_validate(COUNTS)),
            {},
            Usage(100, 20, model="gpt-5"),
        ),
        ({"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 1}}, {}, Usage(3, 1)),
        (None, COUNTS, Usage(100, 20)),
        ({"usage": None}, COUNTS, Usage(100, 20)),
        ({1: 2}, {}, None),
    ],
)
@pytest.mark.parametrize("content", ["Hi", ""])
def test_usage_is_noted_on_the_message_of_a_response(
    raw: Any, kwargs: Any, expected: Usage | None, content: str
) -> None:
    said = ChatMessage(role="assistant", content=content)
    response = ChatResponse(message=said.model_copy(), raw=raw, additional_kwargs=kwargs)
    message = with_usage(response)
    assert message is response.message
    assert message == said
    assert message.model_dump() == said.model_dump()
    sessions = SessionManager()
    store = SessionKitChatStore(sessions=sessions)
    store.add_message("s", ChatMessage(role="user", content="Hello"))
    store.add_message("s", message)
    info = sessions.describe("s")
    assert info is not None
    assert info.usage == (() if expected is None else (expected,))
    assert exact(store.get_messages("s")[-1]) == exact(said)
