"""Items of every type, and of types that do not exist yet, come back equal; other readers find what they can use."""

from __future__ import annotations

import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseInputItemParam

from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.openai_agents.codec import OpenAIAgentsCodec
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from sessionkit_integrations.records.codec import PlainCodec, decode_all, encode_all
from sessionkit_integrations.records.messages import check_message
from sessionkit_integrations.view.reader import ViewReader
from tests.openai_agents.items import ITEMS, PNG_URL, SAMPLES, Item

AGENTS: Any = OpenAIAgentsCodec()
PLAIN: Any = PlainCodec()
LANGCHAIN: Any = LangChainCodec()
READERS: tuple[Any, ...] = (PLAIN, LANGCHAIN, LlamaIndexCodec(), ViewReader())


def stored(items: list[Item]) -> list[Any]:
    return encode_all(AGENTS, [items])


def read(records: list[Any]) -> list[Item]:
    return [item for items in decode_all(AGENTS, records, "s") for item in items]


def plain(items: list[Item]) -> list[dict[str, Any]]:
    return decode_all(PLAIN, stored(items), "s")


def test_there_is_a_sample_of_each_type_that_the_sdk_takes() -> None:
    types = set()
    for each in typing.get_args(ResponseInputItemParam):
        kind = typing.get_type_hints(each).get("type")
        types |= {name for part in (kind, *typing.get_args(kind)) for name in typing.get_args(part)}
    names = {name for name in types if isinstance(name, str)}
    assert len(names) > 25
    assert names <= {item.get("type") for item in SAMPLES.values()}


@pytest.mark.parametrize("kind", SAMPLES)
def test_an_item_comes_back_byte_for_byte(kind: str) -> None:
    item = SAMPLES[kind]
    assert json.dumps(read(stored([item]))) == json.dumps([item])


@settings(deadline=None, max_examples=150)
@given(items=st.lists(ITEMS, min_size=1, max_size=6))
def test_any_items_come_back_equal_and_every_reader_reads_them(items: list[Item]) -> None:
    records = stored(items)
    assert repr(read(records)) == repr(items)  # which tells 1 from 1.0, shows the order of keys, and NaN
    for reader in READERS:
        assert len(decode_all(reader, records, "s")) == len(records)
    messages = decode_all(PLAIN, records, "s")
    for message in messages:
        check_message(message)
    for convert in (to_openai, to_anthropic, to_gemini):
        assert convert([{"role": "user", "content": "Hi"}, *messages])


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    tool_calls = [{"id": call_id, "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": tool_calls}


def result(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, "tool_call_id": call_id}


def note(what: str) -> dict[str, Any]:
    return {"role": "assistant", "content": f"[{what} left out]"}


SHOWN: dict[str, dict[str, Any]] = {
    "developer message": {"role": "system", "content": "Be brief."},
    "question in full": {
        "role": "user",
        "content": [
            {"type": "text", "text": "See?"},
            {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}},
            {"type": "text", "text": "[image left out: file-1]"},
            {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
            {"type": "file", "file": {"file_id": "file-2"}},
        ],
    },
    "answer": {"role": "assistant", "content": "Hello"},
    "answer with citations": {
        "role": "assistant",
        "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
    },
    "refusal": {"role": "assistant", "content": "", "refusal": "No."},
    "reasoning": {"role": "assistant", "content": ""},
    "reasoning, encrypted": note("reasoning"),
    "function output in parts": result(
        "call_1", [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PNG_URL}}]
    ),
    "custom call": {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_2", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}],
    },
    "custom output": result("call_2", "1"),
    "computer call": call("call_3", "computer", '{"type":"click","button":"left","x":1,"y":2}'),
    "computer call of many actions": call("call_3", "computer", '{"actions":[{"type":"wait"},{"type":"screenshot"}]}'),
    "computer output": result("call_3", [{"type": "image_url", "image_url": {"url": PNG_URL}}]),
    "computer output by id": result("call_3", "[computer_screenshot left out]"),
    "local shell call": call("call_4", "local_shell", '{"type":"exec","command":["ls"],"env":{},"timeout_ms":null}'),
    "local shell output": result("call_4", "a.py"),
    "shell call": call("call_5", "shell", '{"commands":["ls"],"timeout_ms":10,"max_output_length":1.5}'),
    "shell output": result("call_5", '[{"stdout":"a.py","stderr":"","outcome":{"type":"exit","exit_code":0}}]'),
    "patch call": call("call_6", "apply_patch", '{"type":"update_file","path":"a.py","diff":"+x"}'),
    "patch output": result("call_6", "no such file"),
    "patch output of nothing": result("call_6", ""),
    "tool search by us": call("call_7", "tool_search", '{"query":"maps"}'),
    "tool search by the server": note("tool_search_call"),
    "found tools": result("call_7", '[{"type":"function","name":"f","parameters":{"b":1,"a":2}}]'),
    "approval request": call("mcpr_1", "ask", '{"q":1}'),
    "approval": result("mcpr_1", "Approved."),
    "rejection": result("mcpr_1", "Rejected."),
    "call of a server's tool": note("mcp_call ask"),
    "image": {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": PNG_URL}}]},
    "image that failed": note("image_generation_call"),
    "reference": note("item_reference"),
    "reference without a type": note("item"),
    "more tools": {"role": "system", "content": "[additional_tools left out]"},
    "from tomorrow": note("hologram Leia"),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_other_readers_see_what_an_item_says(kind: str) -> None:
    assert plain([SAMPLES[kind]]) == [SHOWN[kind]]


def test_a_response_is_one_message_and_shows_nothing_of_what_says_nothing() -> None:
    names = ("tools of a server", "reasoning", "answer", "web search", "function call", "custom call", "compaction")
    (message,) = plain([SAMPLES[name] for name in names])
    assert message == {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "[web_search_call left out]"}],
        "tool_calls": [
            *call("call_1", "weather", '{"city": "Paris"}')["tool_calls"],
            *SHOWN["custom call"]["tool_calls"],
        ],
    }


def test_what_a_model_thought_before_a_text_is_with_that_text() -> None:
    first, second = SAMPLES["answer"], SAMPLES["answer, easy"]
    records = stored([first, SAMPLES["function call"], SAMPLES["reasoning"], second])
    in_langchain = decode_all(LANGCHAIN, records, "s")
    assert [message.text for message in in_langchain] == ["Hello", "Hello"]
    thoughts = [message.additional_kwargs.get("reasoning_content") for message in in_langchain]
    assert thoughts == [None, "**First**\n\nlook.\n\nThen\n\nhm"]


def test_a_patch_that_failed_is_a_failure_to_others() -> None:
    (failed, done) = (
        decode_all(LANGCHAIN, stored([SAMPLES[f"patch output{more}"]]), "s")[0] for more in ("", " of nothing")
    )
    assert (failed.status, done.status) == ("error", "success")


def from_plain(message: Any) -> list[Item]:
    return read(encode_all(PLAIN, [message]))


def test_signed_reasoning_of_others_is_as_the_sdk_has_it_for_anthropic() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "sig"},
        {"type": "reasoning.summary", "summary": "so"},
        {"type": "reasoning.encrypted", "data": "?"},
    ]
    thought, answer = from_plain({"role": "assistant", "content": "Hello", "reasoning_details": details})
    assert answer == {"content": "Hello", "role": "assistant"}
    assert thought == {
        "id": "__fake_id__",
        "summary": [{"text": "hm", "type": "summary_text"}, {"text": "so", "type": "summary_text"}],
        "type": "reasoning",
        "provider_data": {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "sig"}]},
    }


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (
            {"type": "image_url", "image_url": {"url": "gs://cats/1"}},
            {"type": "input_text", "text": "[image left out: gs://cats/1]"},
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, {"type": "input_file", "file_id": "file-1"}),
        ({"type": "from tomorrow"}, {"type": "input_text", "text": "[from tomorrow left out]"}),
        ({"type": "tool_use", "id": "1", "name": "f"}, {"type": "input_text", "text": "[tool_use f left out]"}),
    ],
)
def test_parts_of_others_are_what_the_api_takes(part: dict[str, Any], shown: Item) -> None:
    (item,) = from_plain({"role": "user", "content": [{"type": "text", "text": "See"}, part]})
    assert item == {"content": [{"type": "input_text", "text": "See"}, shown], "role": "user"}


def test_custom_calls_of_others_are_functions_as_their_results_are() -> None:
    message = SHOWN["custom call"]
    assert from_plain({**message, "content": "See"}) == [
        {"content": "See", "role": "assistant"},
        {"arguments": '{"input": "SELECT 1"}', "call_id": "call_2", "name": "sql", "type": "function_call"},
    ]


def test_a_message_that_says_nothing_is_an_item() -> None:
    assert from_plain({"role": "assistant", "content": ""}) == [{"content": "", "role": "assistant"}]
