"""Fields that a later version of a framework, or of this package, wrote are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, TextBlock

from sessionkit_integrations import CorruptSessionError, Edit, InMemoryStore, SessionKitChatStore, SessionManager
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import Codec, PlainCodec, decode_all, encode_all
from sessionkit_integrations.records.record import Record


class LaterAIMessage(AIMessage):
    """As if a later LangChain had given its messages one more field."""

    mood: str | None = None


class LaterChatMessage(ChatMessage):
    """As if a later LlamaIndex had given its messages one more field."""

    mood: str | None = None


def test_a_field_of_a_later_langchain_is_kept_as_an_unknown_one() -> None:
    """LangChain keeps unknown fields of a message as attributes."""
    codec = LangChainCodec()
    (read,) = decode_all(codec, encode_all(codec, [LaterAIMessage(content="x", mood="glad")]), "s")
    assert read == AIMessage("x", mood="glad")
    (again,) = decode_all(codec, encode_all(codec, [read]), "s")
    assert again == read


def test_a_field_of_a_later_llama_index_is_kept_in_additional_kwargs() -> None:
    codec = LlamaIndexCodec()
    (read,) = decode_all(codec, encode_all(codec, [LaterChatMessage(blocks=[TextBlock(text="x")], mood="glad")]), "s")
    assert read == ChatMessage(role="user", content="x", additional_kwargs={"mood": "glad"})
    (again,) = decode_all(codec, encode_all(codec, [read]), "s")
    assert again == read


def test_a_block_of_a_later_llama_index_is_kept_in_additional_kwargs() -> None:
    block = {"block_type": "smell", "smell": "roses"}
    record = {
        "role": "user",
        "content": "x",
        "llama_index": {"order": "opo", "own": [block, {"block_type": "thinking", "num_tokens": 3}]},
    }
    (read,) = decode_all(LlamaIndexCodec(), [json.dumps(record).encode()], "s")
    assert [type(each).__name__ for each in read.blocks] == ["TextBlock", "ThinkingBlock"]
    assert read.additional_kwargs == {"unknown_blocks": [block]}


@pytest.mark.parametrize("codec", [LangChainCodec(), LlamaIndexCodec()])
def test_a_record_of_a_framework_that_is_not_here_is_read(codec: Codec[Any]) -> None:
    record = b'{"role":"user","content":"x","at":1,"haystack":{"meta":{"a":1}}}'
    (read,) = decode_all(codec, [record], "s")
    assert read.additional_kwargs == {"haystack": {"meta": {"a": 1}}}
    (plain,) = decode_all(PlainCodec(), [record], "s")
    assert plain == {"role": "user", "content": "x", "haystack": {"meta": {"a": 1}}}


def test_editing_a_session_leaves_its_other_records_as_they_were_written() -> None:
    store = InMemoryStore()
    later = Record(b'{"role":"user","content":"x","at":1,"llama_index":{"from":"tomorrow"},"more":[1]}')
    store.replace("s", Edit(active=(later,)), None, "op")
    chat_store = SessionKitChatStore(sessions=SessionManager(store=store))
    chat_store.add_message("s", ChatMessage(role="assistant", content="y"))
    chat_store.add_message("s", ChatMessage(role="assistant", content="z"), idx=1)
    chat_store.delete_last_message("s")
    assert store.read("s").records[0] == later


NO_CONTENT: list[dict[str, Any]] = [{"content": 3}, {"content": [1]}, {"content": {"type": "text"}}]
NO_TAG: list[Any] = [[], "x", {"order": "?"}, {"order": "pp"}, {"order": 3}, {"reasoning_details": 3}]


@pytest.mark.parametrize(
    ("codec", "broken"),
    [
        *((codec, broken) for codec in (PlainCodec(), LangChainCodec(), LlamaIndexCodec()) for broken in NO_CONTENT),
        *((LangChainCodec(), {"content": "x", "langchain": tag}) for tag in NO_TAG),
        *((LlamaIndexCodec(), {"content": "x", "llama_index": tag}) for tag in NO_TAG),
        (LangChainCodec(), {"content": "x", "langchain": {"content": None}}),
        (LangChainCodec(), {"content": "x", "langchain": {"type": "ai"}}),
        (LangChainCodec(), {"content": "x", "langchain": {"reasoning_in_kwargs": True}}),
        (LlamaIndexCodec(), {"content": "x", "llama_index": {"additional_kwargs": None}}),
    ],
)
def test_a_record_that_makes_no_message_is_reported_with_its_place(codec: Codec[Any], broken: dict[str, Any]) -> None:
    good = b'{"role":"user","content":"x"}'
    records = [good, json.dumps({"role": "user", **broken}).encode(), good]
    with pytest.raises(CorruptSessionError) as raised:
        decode_all(codec, records, "session")
    assert (raised.value.session_id, raised.value.position) == ("session", 1)
    assert raised.value.__cause__ is not None
