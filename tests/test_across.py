"""Sessions that one framework wrote are read by another: text, tool calls, results, media and reasoning."""

from __future__ import annotations

import base64
import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageParam
from pydantic import TypeAdapter

from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all
from sessionkit_integrations.records.messages import check_message
from tests.conversations import real_conversations
from tests.langchain.blocks import PDF, PNG, SHAPES, URL, WAV
from tests.langchain.messages import BY_CLASS
from tests.llama_index.samples import assistant, messages, text, user
from tests.openai_agents.items import ITEMS, Item

PLAIN: Any = PlainCodec()
LANGCHAIN: Any = LangChainCodec()
LLAMA_INDEX: Any = LlamaIndexCodec()
AGENTS: Any = OpenAIAgentsCodec()
OPENAI: TypeAdapter[Any] = TypeAdapter(ChatCompletionMessageParam)
PNG_URL, PDF_URL = f"data:image/png;base64,{PNG}", f"data:application/pdf;base64,{PDF}"
MP4_URL = f"data:video/mp4;base64,{PNG}"


def passed_on(writer: Any, reader: Any, message: Any) -> Any:
    (read,) = decode_all(reader, encode_all(writer, [message]), "s")
    return read


def calling(call_id: str, text_arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": text_arguments}}


def call_item(call_id: str, text_arguments: str) -> Item:
    return {"arguments": text_arguments, "call_id": call_id, "name": "f", "type": "function_call"}


def asked(*parts: Any) -> list[Item]:
    return [{"content": list(parts), "role": "user"}]


def input_text(said: str) -> Item:
    return {"type": "input_text", "text": said}


# One conversation as each of the four has it: what is written in one column is read as the others.
SAME: dict[str, tuple[dict[str, Any], BaseMessage, ChatMessage, list[Item]]] = {
    "text": (
        {"role": "user", "content": "Hi 🧠"},
        HumanMessage("Hi 🧠"),
        user(text("Hi 🧠")),
        [{"content": "Hi 🧠", "role": "user"}],
    ),
    "name": (
        {"role": "user", "content": "Hi", "name": "Ada"},
        HumanMessage("Hi", name="Ada"),
        user(text("Hi"), name="Ada"),
        [{"content": "Hi", "role": "user"}],
    ),
    "system prompt": (
        {"role": "system", "content": "Be brief."},
        SystemMessage("Be brief."),
        ChatMessage(role="system", content="Be brief."),
        [{"content": "Be brief.", "role": "system"}],
    ),
    "parallel tool calls": (
        {"role": "assistant", "content": None, "tool_calls": [calling("1", '{"a":[1,null]}'), calling("2", "{}")]},
        AIMessage(
            "", tool_calls=[{"id": "1", "name": "f", "args": {"a": [1, None]}}, {"id": "2", "name": "f", "args": {}}]
        ),
        assistant(
            ToolCallBlock(tool_call_id="1", tool_name="f", tool_kwargs={"a": [1, None]}),
            ToolCallBlock(tool_call_id="2", tool_name="f", tool_kwargs={}),
        ),
        [call_item("1", '{"a":[1,null]}'), call_item("2", "{}")],
    ),
    "text and a tool call": (
        {"role": "assistant", "content": "I see.", "tool_calls": [calling("1", "{}")]},
        AIMessage("I see.", tool_calls=[{"id": "1", "name": "f", "args": {}}]),
        assistant(text("I see."), ToolCallBlock(tool_call_id="1", tool_name="f", tool_kwargs={})),
        [{"content": "I see.", "role": "assistant"}, call_item("1", "{}")],
    ),
    "refusal": (
        {"role": "assistant", "content": "", "refusal": "no"},
        AIMessage("", additional_kwargs={"refusal": "no"}),
        assistant(text(""), refusal="no"),
        [
            {
                "id": "__fake_id__",
                "content": [{"refusal": "no", "type": "refusal"}],
                "role": "assistant",
                "status": "completed",
                "type": "message",
            }
        ],
    ),
    "tool call that is no JSON": (
        {"role": "assistant", "content": None, "tool_calls": [calling("1", '{"a": ')]},
        AIMessage("", invalid_tool_calls=[{"id": "1", "name": "f", "args": '{"a": ', "error": None}]),
        assistant(ToolCallBlock(tool_call_id="1", tool_name="f", tool_kwargs='{"a": ')),
        [call_item("1", '{"a": ')],
    ),
    "tool result": (
        {"role": "tool", "content": "42", "tool_call_id": "1", "name": "f"},
        ToolMessage("42", tool_call_id="1", name="f"),
        ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "1", "name": "f"}),
        [{"call_id": "1", "output": "42", "type": "function_call_output"}],
    ),
    "image by URL": (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL, "detail": "low"}}]},
        HumanMessage([{"type": "image_url", "image_url": {"url": URL, "detail": "low"}}]),
        user(ImageBlock(url=URL, detail="low")),
        asked({"type": "input_image", "image_url": URL, "detail": "low"}),
    ),
    "image in base64 beside text": (
        {
            "role": "user",
            "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": PNG_URL}}],
        },
        HumanMessage([{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": PNG_URL}}]),
        user(text("?"), ImageBlock(image=PNG.encode(), image_mimetype="image/png")),
        asked(input_text("?"), {"type": "input_image", "image_url": PNG_URL, "detail": "auto"}),
    ),
    "image in a tool result": (
        {"role": "tool", "content": [{"type": "image_url", "image_url": {"url": URL}}], "tool_call_id": "1"},
        ToolMessage([{"type": "image_url", "image_url": {"url": URL}}], tool_call_id="1"),
        ChatMessage(role="tool", blocks=[ImageBlock(url=URL)], additional_kwargs={"tool_call_id": "1"}),
        [
            {
                "call_id": "1",
                "output": [{"type": "input_image", "image_url": URL, "detail": "auto"}],
                "type": "function_call_output",
            }
        ],
    ),
    "audio in base64": (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]},
        HumanMessage([{"type": "audio", "base64": WAV, "mime_type": "audio/wav"}]),
        user(AudioBlock(audio=WAV.encode(), format="wav")),
        [{"content": "[audio left out]", "role": "user"}],
    ),
    "audio by URL": (
        {"role": "user", "content": [{"type": "audio_url", "audio_url": {"url": URL}}]},
        HumanMessage([{"type": "audio", "url": URL}]),
        user(AudioBlock(url=URL)),
        [{"content": f"[audio left out: {URL}]", "role": "user"}],
    ),
    "file in base64": (
        {"role": "user", "content": [{"type": "file", "file": {"file_data": PDF_URL, "filename": "a.pdf"}}]},
        HumanMessage([{"type": "file", "base64": PDF, "mime_type": "application/pdf", "filename": "a.pdf"}]),
        user(DocumentBlock(data=PDF.encode(), title="a.pdf", document_mimetype="application/pdf")),
        asked({"type": "input_file", "file_data": PDF_URL, "filename": "a.pdf"}),
    ),
    "file by URL": (
        {"role": "user", "content": [{"type": "file", "file": {"file_data": URL, "filename": "a.pdf"}}]},
        HumanMessage([{"type": "file", "url": URL, "filename": "a.pdf"}]),
        user(DocumentBlock(url=URL, title="a.pdf")),
        asked({"type": "input_file", "file_url": URL, "filename": "a.pdf"}),
    ),
    "video by URL": (
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": URL}}]},
        HumanMessage([{"type": "video", "url": URL}]),
        user(VideoBlock(url=URL)),
        [{"content": f"[video left out: {URL}]", "role": "user"}],
    ),
    "video in base64": (
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": MP4_URL}}]},
        HumanMessage([{"type": "video", "base64": PNG, "mime_type": "video/mp4"}]),
        user(VideoBlock(video=PNG.encode(), video_mimetype="video/mp4")),
        [{"content": "[video left out]", "role": "user"}],
    ),
}
CODECS = (PLAIN, LANGCHAIN, LLAMA_INDEX, AGENTS)
WRITERS = ["plain", "LangChain", "LlamaIndex", "OpenAI Agents SDK"]
NOT_IN_ITEMS = {"name", "tool result", "audio in base64", "audio by URL", "video by URL", "video in base64"}
"""Kinds of which items cannot tell all: the name of a speaker or of a result's tool, and media that the API has not."""


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("writer", range(4), ids=WRITERS)
@pytest.mark.parametrize("reader", range(4), ids=WRITERS)
def test_what_each_writes_the_others_read(kind: str, writer: int, reader: int) -> None:
    if CODECS[writer] is not AGENTS or kind not in NOT_IN_ITEMS:
        assert passed_on(CODECS[writer], CODECS[reader], SAME[kind][writer]) == SAME[kind][reader]


@pytest.mark.slow
def test_real_conversations_come_back_equal_from_all_frameworks() -> None:
    for conversation in real_conversations():
        in_langchain = decode_all(LANGCHAIN, encode_all(PLAIN, conversation), "s")
        in_llama_index = decode_all(LLAMA_INDEX, encode_all(LANGCHAIN, in_langchain), "s")
        assert decode_all(PLAIN, encode_all(LLAMA_INDEX, in_llama_index), "s") == conversation
        assert decode_all(LANGCHAIN, encode_all(LLAMA_INDEX, in_llama_index), "s") == in_langchain
        in_items = decode_all(AGENTS, encode_all(LANGCHAIN, in_langchain), "s")
        unnamed = [{name: value for name, value in message.items() if name != "name"} for message in conversation]
        assert decode_all(PLAIN, encode_all(AGENTS, in_items), "s") == unnamed


def test_arguments_keep_the_models_text_until_they_are_changed() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [calling("1", '{ "a": 1.0 }')]}
    in_langchain, in_llama_index = passed_on(PLAIN, LANGCHAIN, message), passed_on(PLAIN, LLAMA_INDEX, message)
    assert passed_on(LANGCHAIN, PLAIN, in_langchain) == message
    assert passed_on(LLAMA_INDEX, PLAIN, in_llama_index) == message
    assert copy.deepcopy(in_langchain) == pickle.loads(pickle.dumps(in_langchain)) == in_langchain  # noqa: S301
    in_langchain.tool_calls[0]["args"]["a"] = True
    in_llama_index.blocks[0].tool_kwargs["a"] = 1
    for writer, changed, arguments in (
        (LANGCHAIN, in_langchain, '{"a":true}'),
        (LLAMA_INDEX, in_llama_index, '{"a":1}'),
    ):
        assert passed_on(writer, PLAIN, changed)["tool_calls"] == [calling("1", arguments)]


STANDARD: dict[str, tuple[dict[str, Any], Any]] = {
    "image": ({"type": "image", "base64": PNG, "mime_type": "image/png", "id": "lc_1"}, ImageBlock(image=PNG.encode())),
    "image by URL": ({"type": "image", "url": URL, "mime_type": "image/png"}, ImageBlock(url=URL)),
    "v0 image": ({"type": "image", "source_type": "url", "url": URL}, ImageBlock(url=URL)),
    "Anthropic image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ImageBlock(image=PNG.encode()),
    ),
    "Anthropic document": (
        {"type": "document", "source": {"type": "url", "url": URL}, "title": "a.pdf"},
        DocumentBlock(url=URL, title="a.pdf"),
    ),
    "plain text": ({"type": "text-plain", "text": "x", "mime_type": "text/plain", "title": "T"}, text("x")),
    "Gemini": ({"type": "media", "mime_type": "video/mp4", "file_uri": URL}, VideoBlock(url=URL)),
    "audio": ({"type": "audio", "base64": WAV, "mime_type": "audio/wav"}, AudioBlock(audio=WAV.encode(), format="wav")),
    "text with annotations": ({"type": "text", "text": "x", "annotations": [{"type": "citation"}]}, text("x")),
}


@pytest.mark.parametrize("kind", STANDARD)
def test_langchain_blocks_of_all_shapes_are_llama_index_blocks(kind: str) -> None:
    block, read = STANDARD[kind]
    assert passed_on(LANGCHAIN, LLAMA_INDEX, HumanMessage([block])).blocks == [read]


def test_a_message_that_repeats_its_calls_in_its_content_calls_once() -> None:
    use = {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}
    message = AIMessage([{"type": "text", "text": "x"}, use], tool_calls=[{"id": "1", "name": "f", "args": {"a": 1}}])
    plain = passed_on(LANGCHAIN, PLAIN, message)
    assert plain["content"] == [{"type": "text", "text": "x"}]
    assert [call["id"] for call in plain["tool_calls"]] == ["1"]
    assert passed_on(LANGCHAIN, LLAMA_INDEX, message).blocks == [
        text("x"),
        ToolCallBlock(tool_call_id="1", tool_name="f", tool_kwargs={"a": 1}),
    ]


def test_what_a_citable_block_holds_is_read_by_others() -> None:
    message = user(CitableBlock(title="t", source="s", content=[text("cite me")]), text("Sum it up."))
    assert passed_on(LLAMA_INDEX, LANGCHAIN, message).text == "cite meSum it up."


@pytest.mark.parametrize(
    "block",
    [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "thinking", "thinking": "hm"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
    ],
)
def test_reasoning_in_langchain_is_a_thinking_block(block: dict[str, Any]) -> None:
    message = AIMessage([block, {"type": "text", "text": "So:"}])
    assert passed_on(LANGCHAIN, LLAMA_INDEX, message) == assistant(ThinkingBlock(content="hm"), text("So:"))
    assert passed_on(LANGCHAIN, PLAIN, message) == {"role": "assistant", "content": [{"type": "text", "text": "So:"}]}


def test_reasoning_in_kwargs_of_langchain_is_a_thinking_block() -> None:
    message = AIMessage("So:", additional_kwargs={"reasoning_content": "hm"})
    assert passed_on(LANGCHAIN, LLAMA_INDEX, message) == assistant(ThinkingBlock(content="hm"), text("So:"))
    assert passed_on(LANGCHAIN, PLAIN, message) == {"role": "assistant", "content": "So:"}


def test_reasoning_in_llama_index_is_reasoning_in_langchain() -> None:
    read = passed_on(LLAMA_INDEX, LANGCHAIN, assistant(ThinkingBlock(content="hm"), text("So:")))
    assert read == AIMessage("So:", additional_kwargs={"reasoning_content": "hm"})
    assert read.content_blocks == [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "So:"}]


def test_signed_reasoning_keeps_its_signature() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    in_llama_index = assistant(ThinkingBlock(content="hm", additional_information={"signature": "sig"}), text("So:"))
    in_langchain = AIMessage([thought, {"type": "text", "text": "So:"}])
    plain = {
        "role": "assistant",
        "content": "So:",
        "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "sig"}],
    }
    assert passed_on(LLAMA_INDEX, LANGCHAIN, in_llama_index) == in_langchain
    assert passed_on(LANGCHAIN, LLAMA_INDEX, in_langchain) == in_llama_index
    assert passed_on(PLAIN, LANGCHAIN, plain) == in_langchain
    assert passed_on(PLAIN, LLAMA_INDEX, plain) == in_llama_index


def test_only_signed_reasoning_of_a_plain_message_is_signed_in_langchain() -> None:
    details = [
        {"type": "reasoning.text", "text": "a", "signature": None},
        {"type": "reasoning.text", "text": "b", "signature": "sig"},
        {"type": "reasoning.summary", "summary": "c"},
        {"type": "reasoning.encrypted", "data": "?"},
    ]
    plain = {"role": "assistant", "content": "So:", "reasoning_details": details}
    assert passed_on(PLAIN, LANGCHAIN, plain) == AIMessage(
        [{"type": "thinking", "thinking": "b", "signature": "sig"}, {"type": "text", "text": "So:"}],
        additional_kwargs={"reasoning_content": "a\n\nc"},
    )
    assert passed_on(PLAIN, LLAMA_INDEX, plain) == assistant(
        ThinkingBlock(content="a"),
        ThinkingBlock(content="b", additional_information={"signature": "sig"}),
        ThinkingBlock(content="c"),
        text("So:"),
    )


def test_signatures_of_gemini_calls_are_where_its_integration_looks() -> None:
    call = {**calling("1", "{}"), "extra_content": {"google": {"thought_signature": "c2ln"}}}
    message = passed_on(PLAIN, LANGCHAIN, {"role": "assistant", "content": None, "tool_calls": [call]})
    assert message.additional_kwargs == {"__gemini_function_call_thought_signatures__": {"1": "c2ln"}}


def test_signatures_of_gemini_calls_come_back_from_a_plain_reader() -> None:
    signatures = {"1": "c2ln", "2": "bmF0dXJl"}
    message = AIMessage(
        "",
        tool_calls=[{"id": each, "name": "f", "args": {}} for each in ("1", "2", "3")],
        additional_kwargs={"__gemini_function_call_thought_signatures__": signatures},
    )
    plain = passed_on(LANGCHAIN, PLAIN, message)
    signed = {each["id"]: each.get("extra_content") for each in plain["tool_calls"]}
    assert signed == {
        **{call_id: {"google": {"thought_signature": signature}} for call_id, signature in signatures.items()},
        "3": None,
    }
    assert passed_on(PLAIN, LANGCHAIN, plain) == passed_on(LANGCHAIN, LANGCHAIN, message) == message
    assert passed_on(LANGCHAIN, PLAIN, passed_on(PLAIN, LANGCHAIN, plain)) == plain


@pytest.mark.parametrize("writer", range(3), ids=["plain", "LangChain", "LlamaIndex"])
def test_arguments_are_plain_dicts(writer: int) -> None:
    message = SAME["parallel tool calls"][writer]
    in_langchain = passed_on(CODECS[writer], LANGCHAIN, message)
    in_llama_index = passed_on(CODECS[writer], LLAMA_INDEX, message)
    assert [type(call["args"]) for call in in_langchain.tool_calls] == [dict, dict]
    assert [type(block.tool_kwargs) for block in in_llama_index.blocks] == [dict, dict]


def test_custom_tool_calls_keep_their_input() -> None:
    call = {"id": "1", "type": "custom", "custom": {"name": "f", "input": '{"a":1}'}}
    plain = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert passed_on(PLAIN, LANGCHAIN, plain).tool_calls[0]["args"] == {"input": '{"a":1}'}
    assert passed_on(PLAIN, LLAMA_INDEX, plain).blocks[0].tool_kwargs == '{"a":1}'


@pytest.mark.parametrize("arguments", ['{"a":1e400}', '{"a":NaN}', "[]", "1"])
def test_arguments_that_are_no_json_object_keep_their_text(arguments: str) -> None:
    plain = {"role": "assistant", "content": None, "tool_calls": [calling("1", arguments)]}
    in_langchain, in_llama_index = passed_on(PLAIN, LANGCHAIN, plain), passed_on(PLAIN, LLAMA_INDEX, plain)
    assert in_langchain.invalid_tool_calls[0]["args"] == in_llama_index.blocks[0].tool_kwargs == arguments
    assert passed_on(LANGCHAIN, PLAIN, in_langchain) == passed_on(LLAMA_INDEX, PLAIN, in_llama_index) == plain


def test_calls_that_langchain_calls_invalid_are_calls_all_the_same() -> None:
    call = {"id": "1", "name": "f", "args": "{}", "error": "not now", "type": "invalid_tool_call"}
    message = AIMessage("", invalid_tool_calls=[call], tool_calls=[{"id": "0", "name": "g", "args": {}}])
    assert passed_on(LANGCHAIN, LANGCHAIN, message) == message
    assert passed_on(LANGCHAIN, PLAIN, message)["tool_calls"][1] == calling("1", "{}")


def test_what_content_repeats_of_a_call_is_not_the_call_itself() -> None:
    use = {"type": "tool_use", "id": "1", "name": "f", "input": {"a": [1]}}
    message = AIMessage([use], tool_calls=[{"id": "1", "name": "f", "args": {"a": [1]}}])
    read = passed_on(LANGCHAIN, LANGCHAIN, message)
    read.tool_calls[0]["args"]["a"].append(2)
    assert read.content[0]["input"] == {"a": [1]}


def test_reasoning_of_a_plain_message_is_read() -> None:
    plain = {"role": "assistant", "content": "So:", "reasoning_content": "hm"}
    assert passed_on(PLAIN, LANGCHAIN, plain) == AIMessage("So:", additional_kwargs={"reasoning_content": "hm"})
    assert passed_on(PLAIN, LLAMA_INDEX, plain) == assistant(ThinkingBlock(content="hm"), text("So:"))


def test_a_failed_tool_result_is_one_in_both_frameworks() -> None:
    in_langchain = ToolMessage("no such file", tool_call_id="1", status="error")
    in_llama_index = ChatMessage(
        role="tool", content="no such file", additional_kwargs={"tool_call_id": "1", "is_error": True}
    )
    plain = {"role": "tool", "content": "no such file", "tool_call_id": "1", "is_error": True}
    assert passed_on(LANGCHAIN, LLAMA_INDEX, in_langchain) == in_llama_index
    assert passed_on(LLAMA_INDEX, LANGCHAIN, in_llama_index) == in_langchain
    assert passed_on(PLAIN, LANGCHAIN, plain) == in_langchain
    assert passed_on(PLAIN, LLAMA_INDEX, plain) == in_llama_index
    assert passed_on(LANGCHAIN, PLAIN, in_langchain) == {"role": "tool", "content": "no such file", "tool_call_id": "1"}


def test_fields_that_nobody_here_knows_are_kept_in_both_frameworks() -> None:
    plain = {"role": "assistant", "content": "x", "refusal": "no", "later": {"a": 1}}
    kwargs = {"refusal": "no", "later": {"a": 1}}
    assert passed_on(PLAIN, LANGCHAIN, plain).additional_kwargs == kwargs
    assert passed_on(PLAIN, LLAMA_INDEX, plain).additional_kwargs == kwargs
    assert passed_on(PLAIN, PLAIN, plain) == plain


def test_messages_as_the_sdk_of_openai_dumps_them_are_read() -> None:
    dumped = ChatCompletionMessage(role="assistant", content="x").model_dump()
    assert dumped["tool_calls"] is dumped["audio"] is None
    assert passed_on(PLAIN, LANGCHAIN, dumped) == AIMessage("x")
    assert passed_on(PLAIN, LLAMA_INDEX, dumped) == assistant(text("x"))
    assert passed_on(PLAIN, PLAIN, dumped) == dumped
    refused = ChatCompletionMessage(role="assistant", content=None, refusal="no").model_dump()
    assert passed_on(PLAIN, LANGCHAIN, refused) == AIMessage("", additional_kwargs={"refusal": "no"})
    assert passed_on(PLAIN, LLAMA_INDEX, refused) == assistant(refusal="no")


ODD_PARTS: list[dict[str, Any]] = [
    {"type": "image_url", "image_url": {"url": "cat.png"}},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,no base64!"}},
    {"type": "image_url", "image_url": {"url": URL, "detail": 3}},
    {"type": "input_audio", "input_audio": {"data": "?", "format": 3}},
    {"type": "file", "file": {"file_id": "file-1"}},
    {"type": "file", "file": {"file_data": "JVBERi0xLjc=", "filename": "bare.pdf"}},
    {"type": "file", "file": {}},
    {"type": "from tomorrow", "x": [1]},
]


@pytest.mark.parametrize("part", ODD_PARTS)
def test_parts_that_no_one_expects_leave_the_session_readable(part: dict[str, Any]) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "see"}, part]}
    assert passed_on(PLAIN, LLAMA_INDEX, message).blocks[0] == text("see")
    content = passed_on(PLAIN, LANGCHAIN, message).content
    assert content[0] == message["content"][0]
    assert len(content) == 2


IMAGE = ImageBlock(image=PNG.encode(), image_mimetype="image/png")
IN_LLAMA_INDEX: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "input_text": ({"type": "input_text", "text": "x"}, [text("x")]),
    "input_image": ({"type": "input_image", "image_url": PNG_URL}, [IMAGE]),
    "input_file": ({"type": "input_file", "file_url": URL}, [DocumentBlock(url=URL)]),
    "Anthropic's image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        [IMAGE],
    ),
    "search_result": (
        {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "x"}]},
        [text("T: S"), text("x")],
    ),
    "file by id": ({"type": "file", "file": {"file_id": "file-1"}}, [text("[file left out: file-1]")]),
    "unknown": ({"type": "from tomorrow"}, [text("[from tomorrow left out]")]),
    "reasoning alone": ({"type": "thinking", "thinking": "hm"}, [text("[thinking left out]")]),
}


@pytest.mark.parametrize("kind", IN_LLAMA_INDEX)
def test_parts_of_all_shapes_are_blocks_or_notes(kind: str) -> None:
    part, blocks = IN_LLAMA_INDEX[kind]
    assert passed_on(PLAIN, LLAMA_INDEX, {"role": "user", "content": [part]}).blocks == blocks
    beside = {"role": "user", "content": [{"type": "text", "text": "see"}, part]}
    noted = [] if kind == "reasoning alone" else blocks
    assert passed_on(PLAIN, LLAMA_INDEX, beside).blocks == [text("see"), *noted]


def test_the_transcript_of_a_spoken_answer_is_a_block() -> None:
    plain = {"role": "assistant", "content": None, "audio": {"id": "audio_1", "transcript": "Hi"}}
    assert passed_on(PLAIN, LLAMA_INDEX, plain).blocks == [text("Hi")]


FROM_LLAMA_INDEX: dict[str, tuple[Any, Any]] = {
    "image by path": (ImageBlock.model_construct(path=Path("/home/ada/cat.png")), "[image cat.png left out]"),
    "document by path": (
        DocumentBlock.model_construct(path="notes/a.pdf", title="input_document"),
        "[file a.pdf left out]",
    ),
    "image of nothing": (ImageBlock(), "[image left out]"),
    "citation": (
        CitationBlock(cited_content=text("x"), source="s", title="t", additional_location_info={}),
        "x",
    ),
    "cited image": (
        CitationBlock(cited_content=IMAGE, source="s", title="t", additional_location_info={}),
        [{"type": "image_url", "image_url": {"url": PNG_URL}}],
    ),
    "citable of an image by path": (
        CitableBlock.model_construct(
            title="t", source="s", content=[text("a"), ImageBlock.model_construct(path=Path("b"))]
        ),
        [{"type": "text", "text": "a"}, {"type": "text", "text": "[image b left out]"}],
    ),
    "citable of nothing": (CitableBlock(title="t", source="s", content=[]), "[citable t left out]"),
}


@pytest.mark.parametrize("kind", FROM_LLAMA_INDEX)
@pytest.mark.parametrize("position", [0, 1])
def test_blocks_that_nobody_else_has_are_texts_or_notes(kind: str, position: int) -> None:
    block, content = FROM_LLAMA_INDEX[kind]
    message = user(text("see"))
    message.blocks.insert(position, block)
    plain = passed_on(LLAMA_INDEX, PLAIN, message)
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    expected = [{"type": "text", "text": "see"}]
    expected[position:position] = parts
    assert plain["content"] == expected
    assert passed_on(LLAMA_INDEX, LLAMA_INDEX, message).blocks[position].model_dump() == block.model_dump()
    message.blocks = [block]
    assert passed_on(LLAMA_INDEX, PLAIN, message)["content"] == content


def noted(note: str) -> tuple[list[Any], list[Any]]:
    """Return a note as plain content and as blocks of LlamaIndex."""
    return [{"type": "text", "text": f"[{note}]"}], [text(f"[{note}]")]


FILE = {"type": "file", "file": {"file_data": PDF_URL, "filename": "a.pdf"}}
PDF_BLOCK = DocumentBlock(data=PDF.encode(), title="a.pdf", document_mimetype="application/pdf")
X = ([{"type": "text", "text": "x"}], [text("x")])
FROM_LANGCHAIN: dict[str, tuple[dict[str, Any], list[Any], list[Any]]] = {
    "input_text": ({"type": "input_text", "text": "x"}, *X),
    "output_text": ({"type": "output_text", "text": "x", "annotations": []}, *X),
    "input_image": (
        {"type": "input_image", "image_url": PNG_URL},
        [{"type": "image_url", "image_url": {"url": PNG_URL}}],
        [IMAGE],
    ),
    "input_image by id": ({"type": "input_image", "file_id": "1"}, *noted("image left out: 1")),
    "input_file": ({"type": "input_file", "file_data": PDF_URL, "filename": "a.pdf"}, [FILE], [PDF_BLOCK]),
    "input_file by URL": (
        {"type": "input_file", "file_url": URL},
        [{"type": "file", "file": {"file_data": URL}}],
        [DocumentBlock(url=URL)],
    ),
    "input_file by id": (
        {"type": "input_file", "file_id": "1"},
        [{"type": "file", "file": {"file_id": "1"}}],
        [text("[file left out: 1]")],
    ),
    "search_result": (
        {"type": "search_result", "source": URL, "title": "T", "content": [{"type": "text", "text": "x"}]},
        [{"type": "text", "text": f"T: {URL}"}, {"type": "text", "text": "x"}],
        [text(f"T: {URL}"), text("x")],
    ),
    "search_result of nothing": (
        {"type": "search_result", "source": URL, "title": "T", "content": []},
        *noted("search_result left out"),
    ),
    "v0 file of text": ({"type": "file", "source_type": "text", "mime_type": "text/plain", "text": "x"}, *X),
    "plain text": ({"type": "text-plain", "text": "x"}, *X),
    "Anthropic's document of text": ({"type": "document", "source": {"type": "text", "data": "x"}}, *X),
    "Anthropic's document of blocks": (
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
        *X,
    ),
    "Bedrock's document of text": ({"document": {"name": "a", "format": "txt", "source": {"text": "x"}}}, *X),
    "Bedrock's document of blocks": ({"document": {"name": "a", "source": {"content": [{"text": "x"}]}}}, *X),
    "Bedrock's document": (
        {"document": {"name": "a", "format": "pdf", "source": {"bytes": base64.b64decode(PDF)}}},
        [FILE],
        [PDF_BLOCK],
    ),
    "Bedrock's image": (
        {"image": {"format": "png", "source": {"bytes": base64.b64decode(PNG)}}},
        [{"type": "image_url", "image_url": {"url": PNG_URL}}],
        [IMAGE],
    ),
    "Bedrock's video": (
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://videos/a"}}}},
        [{"type": "video_url", "video_url": {"url": "s3://videos/a"}}],
        [VideoBlock(url="s3://videos/a")],
    ),
    "document of nothing": ({"type": "document"}, *noted("document left out")),
    "Bedrock's document of nothing": ({"document": {"source": {}}}, *noted("document left out")),
}


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a text"])
@pytest.mark.parametrize("kind", FROM_LANGCHAIN)
def test_blocks_of_all_apis_in_langchain_are_texts_media_or_notes(kind: str, beside: bool) -> None:
    block, parts, blocks = FROM_LANGCHAIN[kind]
    first = [{"type": "text", "text": "see"}] if beside else []
    for message in (HumanMessage([*first, block]), ToolMessage([*first, block], tool_call_id="1")):
        assert passed_on(LANGCHAIN, PLAIN, message)["content"] == [*first, *parts]
        assert passed_on(LANGCHAIN, LLAMA_INDEX, message).blocks == [*([text("see")] if beside else []), *blocks]
        assert passed_on(LANGCHAIN, LANGCHAIN, message) == message


@pytest.mark.parametrize("kind", [name for name in SHAPES if name != "nothing"])
def test_no_block_alone_makes_an_empty_message(kind: str) -> None:
    message = AIMessage([SHAPES[kind]])
    plain, in_llama_index = passed_on(LANGCHAIN, PLAIN, message), passed_on(LANGCHAIN, LLAMA_INDEX, message)
    is_thought = isinstance(in_llama_index.blocks[0], ThinkingBlock)  # which a plain message has no content for
    assert plain["content"] or is_thought
    assert in_llama_index.blocks != [text("")]
    assert passed_on(LANGCHAIN, LANGCHAIN, message) == message


PARTS = {"text", "image_url", "input_audio", "file", "refusal", "audio_url", "video_url"}


def check_shape(plain: dict[str, Any]) -> None:
    check_message(plain)
    assert plain.keys() <= {"role", "content", "name", "tool_calls", "tool_call_id", "refusal"}
    assert "refusal" not in plain or plain["role"] == "assistant"
    if isinstance(plain["content"], list):
        assert plain["content"]
        assert {part["type"] for part in plain["content"]} <= PARTS
        assert all(part.keys() == {"type", part["type"]} for part in plain["content"])
    if plain["role"] != "tool" or "tool_call_id" in plain:
        OPENAI.validate_python({**plain, "content": "checked above"})


@settings(deadline=None)
@given(message=st.one_of(*BY_CLASS.values()))
def test_any_langchain_message_is_one_of_openais_shape(message: BaseMessage) -> None:
    plain = passed_on(LANGCHAIN, PLAIN, message)
    check_shape(plain)
    passed_on(LANGCHAIN, LLAMA_INDEX, message)


@settings(deadline=None)
@given(message=messages)
def test_any_llama_index_message_is_one_of_openais_shape(message: ChatMessage) -> None:
    plain = passed_on(LLAMA_INDEX, PLAIN, message)
    check_shape(plain)
    passed_on(LLAMA_INDEX, LANGCHAIN, message)


@settings(deadline=None)
@given(items=st.lists(ITEMS, min_size=1, max_size=3))
def test_any_items_are_messages_of_openais_shape(items: list[Item]) -> None:
    for record in encode_all(AGENTS, [items]):
        check_shape(decode_all(PLAIN, [record], "s")[0])


def test_documents_that_a_retriever_gave_come_back_as_documents() -> None:
    documents = [Document("a", metadata={"page": 1}, id="1"), Document("b")]
    message = ToolMessage("a b", tool_call_id="1", artifact={"found": documents})
    assert passed_on(LANGCHAIN, LANGCHAIN, message) == message
