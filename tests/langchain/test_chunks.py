"""Streamed chunks are stored as the message they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    ChatMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langchain_core.messages.ai import UsageMetadata

from sessionkit_integrations import SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory

if TYPE_CHECKING:
    from langchain_core.messages.tool import ToolCallChunk


def stored(*messages: BaseMessage) -> list[BaseMessage]:
    history = SessionKitChatMessageHistory("s", SessionManager())
    history.add_messages(messages)
    return history.messages


def call_chunk(name: str | None, args: str, call_id: str | None) -> ToolCallChunk:
    return {"name": name, "args": args, "id": call_id, "index": 0, "type": "tool_call_chunk"}


def stream(message_id: str | None = "run-1") -> list[AIMessageChunk]:
    usage = [UsageMetadata(input_tokens=3, output_tokens=n, total_tokens=3 + n) for n in (1, 2)]
    return [
        AIMessageChunk(content="It ", id=message_id, usage_metadata=usage[0], response_metadata={"model_name": "m"}),
        AIMessageChunk(content="rains", id=message_id, additional_kwargs={"reasoning_content": "hm"}),
        AIMessageChunk(content="", id=message_id, tool_call_chunks=[call_chunk("f", '{"a"', "1")]),
        AIMessageChunk(content="", id=message_id, tool_call_chunks=[call_chunk(None, ": 1}", None)]),
        AIMessageChunk(content="", id=message_id, usage_metadata=usage[1], chunk_position="last"),
    ]


def whole(message_id: str | None = "run-1") -> AIMessage:
    return AIMessage(
        "It rains",
        id=message_id,
        tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}],
        usage_metadata={"input_tokens": 6, "output_tokens": 3, "total_tokens": 9},
        response_metadata={"model_name": "m"},
        additional_kwargs={"reasoning_content": "hm"},
    )


@pytest.mark.parametrize("message_id", ["run-1", None])
def test_chunks_and_their_sum_are_stored_alike(message_id: str | None) -> None:
    first, *rest = stream(message_id)
    added_up = first + rest
    assert stored(*stream(message_id)) == stored(added_up) == [whole(message_id)]


def test_runs_with_different_ids_stay_apart() -> None:
    assert stored(*stream("one"), *stream("two")) == [whole("one"), whole("two")]


def test_chunks_on_both_sides_of_another_message_stay_apart() -> None:
    between = ToolMessage("1", tool_call_id="1")
    assert stored(*stream(), between, *stream()) == [whole(), between, whole()]


@pytest.mark.parametrize(
    "ids",
    [["resp_1", "lc_run--1", "lc_run--1"], ["lc_run--1", "msg_1", "lc_run--1", "msg_1"]],
)
def test_a_stream_with_ids_of_the_provider_and_of_langchain_is_one_message(ids: list[str]) -> None:
    chunks = [AIMessageChunk(content="x", id=each) for each in ids]
    provider = next(each for each in ids if not each.startswith("lc_run--"))
    assert stored(*chunks) == [AIMessage("x" * len(ids), id=provider)]


def test_streams_with_ids_of_langchain_stay_apart() -> None:
    chunks = [AIMessageChunk(content="x", id=each) for each in ("lc_run--1", "lc_run--1", "lc_run--2")]
    assert stored(*chunks) == [AIMessage("xx", id="lc_run--1"), AIMessage("x", id="lc_run--2")]


def test_the_last_chunk_of_a_stream_is_the_last() -> None:
    chunks = [AIMessageChunk(content="x", id="1", chunk_position=position) for position in (None, "last", None)]
    assert stored(*chunks) == [AIMessage("xx", id="1"), AIMessage("x", id="1")]


def test_whole_messages_with_the_same_id_stay_apart() -> None:
    twice = [AIMessage("a", id="same"), AIMessage("b", id="same")]
    assert stored(*twice) == twice


def test_a_chunk_next_to_a_whole_message_with_its_id_stays_apart() -> None:
    assert stored(AIMessage("a", id="same"), AIMessageChunk(content="b", id="same")) == [
        AIMessage("a", id="same"),
        AIMessage("b", id="same"),
    ]


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (HumanMessageChunk(content="x", id="1"), HumanMessage("x", id="1")),
        (SystemMessageChunk(content="x"), SystemMessage("x")),
        (ChatMessageChunk(role="critic", content="x"), ChatMessage(role="critic", content="x")),
        (
            ToolMessageChunk(content="x", tool_call_id="1", artifact=[1]),
            ToolMessage("x", tool_call_id="1", artifact=[1]),
        ),
    ],
)
def test_chunks_of_other_kinds_become_whole_messages_each(chunk: BaseMessage, message: BaseMessage) -> None:
    assert stored(chunk, chunk) == [message, message]


def test_content_blocks_of_chunks_are_merged_by_their_index() -> None:
    parts: list[list[str | dict[Any, Any]]] = [
        [{"type": "text", "text": text, "index": 0}] for text in ("It ", "rains")
    ]
    assert stored(*(AIMessageChunk(content=part, id="1") for part in parts)) == [
        AIMessage([{"type": "text", "text": "It rains", "index": 0}], id="1")
    ]


def test_a_long_stream_is_added_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[int] = []
    add = AIMessageChunk.__add__

    def counting(chunk: AIMessageChunk, other: Any) -> Any:
        added.append(len(other) if isinstance(other, list) else 1)
        return add(chunk, other)

    monkeypatch.setattr(AIMessageChunk, "__add__", counting)
    texts = ['{"text": "', *(f"{number} " for number in range(3998)), '"}']
    calls = [call_chunk(None if at else "write", text, None if at else "1") for at, text in enumerate(texts)]
    (message,) = stored(*(AIMessageChunk(content="", id="r", tool_call_chunks=[call]) for call in calls))
    assert isinstance(message, AIMessage)
    assert message.tool_calls[0]["args"] == {"text": "".join(texts[1:-1])}
    assert added == [3999]
