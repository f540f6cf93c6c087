"""Tool calls among additional keyword arguments, in the shape of any provider, are calls for every reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from pydantic import BaseModel

from sessionkit_integrations import SessionKitChatMessageHistory, SessionKitChatStore, SessionManager
from sessionkit_integrations.providers import to_anthropic, to_gemini, to_openai
from tests.llama_index.samples import assistant, json_objects, json_values, text

ARGS = {"city": "Lisbon", "days": [1, 2.5]}
SHAPES: dict[str, dict[str, Any]] = {
    "OpenAI": {"id": "c1", "type": "function", "function": {"name": "look", "arguments": json.dumps(ARGS)}},
    "OpenAI's stream": {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "look", "arguments": json.dumps(ARGS)},
    },
    "OpenAI's Responses API": {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c1",
        "name": "look",
        "status": "completed",
        "arguments": json.dumps(ARGS),
    },
    "Anthropic": {"id": "c1", "input": ARGS, "name": "look", "type": "tool_use"},
    "Anthropic's stream": {"id": "c1", "input": json.dumps(ARGS), "name": "look", "type": "tool_use", "caller": None},
    "Bedrock": {"toolUseId": "c1", "name": "look", "input": ARGS},
    "Bedrock's stream": {"toolUseId": "c1", "name": "look", "input": json.dumps(ARGS)},
    "Gemini": {"id": "c1", "name": "look", "args": ARGS, "thought_signature": b"\x80\x81"},
    "Mistral": {"function": {"name": "look", "arguments": json.dumps(ARGS)}, "id": "c1", "type": None, "index": 0},
    "Mistral with a dict": {"function": {"name": "look", "arguments": ARGS}, "id": "c1"},
}
WITHOUT_ID: dict[str, dict[str, Any]] = {
    "Gemini on Vertex AI": {"id": None, "name": "look", "args": ARGS},
    "Ollama": {"function": {"name": "look", "arguments": ARGS}},
    "Cohere": {"name": "look", "parameters": ARGS},
}
ALL = SHAPES | WITHOUT_ID
shapes = pytest.mark.parametrize("shape", ALL)


class Call(BaseModel):
    """A call as the objects of SDKs are."""

    id: str = "c1"
    name: str = "look"
    args: dict[str, Any] = ARGS


def stored(message: ChatMessage) -> tuple[SessionManager, SessionKitChatStore]:
    sessions = SessionManager()
    store = SessionKitChatStore(sessions=sessions)
    sessions.add_user_message("s", "How is the weather?")
    store.add_message("s", message)
    return sessions, store


@shapes
def test_they_come_back_equal(shape: str) -> None:
    for message in (
        assistant(tool_calls=[ALL[shape]]),
        assistant(text("I see."), tool_calls=[ALL[shape], {**ALL[shape], "more": [None]}], other=1),
    ):
        _, store = stored(message)
        assert store.get_messages("s")[1] == message


@shapes
def test_they_are_calls_for_every_reader(shape: str) -> None:
    sessions, _ = stored(assistant(text("I see."), tool_calls=[ALL[shape]]))
    (call,) = sessions.get_session("s")[1]["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("" if shape in WITHOUT_ID else "c1", "look")
    assert json.loads(call["function"]["arguments"]) == ARGS
    read = SessionKitChatMessageHistory("s", sessions).messages[1]
    assert isinstance(read, AIMessage)
    assert [(each["name"], each["args"]) for each in read.tool_calls] == [("look", ARGS)]
    plain = sessions.get_session("s")
    assert json.loads(to_openai(plain)["messages"][1]["tool_calls"][0]["function"]["arguments"]) == ARGS
    assert to_anthropic(plain)["messages"][1]["content"][1]["input"] == ARGS
    assert to_gemini(plain)["contents"][1]["parts"][1]["function_call"]["args"] == ARGS


@shapes
def test_calls_that_are_blocks_as_well_are_there_once(shape: str) -> None:
    block = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs=dict(ARGS))
    message = assistant(text("I see."), block, tool_calls=[ALL[shape]])
    sessions, store = stored(message)
    assert store.get_messages("s")[1] == message
    assert [call["id"] for call in sessions.get_session("s")[1]["tool_calls"]] == ["c1"]


def test_calls_that_say_something_else_than_the_blocks_stay_where_they_are() -> None:
    block = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={"city": "Porto"})
    message = assistant(block, tool_calls=[ALL["Anthropic"]])
    sessions, store = stored(message)
    assert store.get_messages("s")[1] == message
    assert len(sessions.get_session("s")[1]["tool_calls"]) == 1


def test_objects_of_an_sdk_are_calls_and_come_back_as_they_are_dumped() -> None:
    sessions, store = stored(assistant(tool_calls=[Call()]))
    assert store.get_messages("s")[1] == assistant(tool_calls=[{"id": "c1", "name": "look", "args": ARGS}])
    assert sessions.get_session("s")[1]["tool_calls"][0]["function"]["name"] == "look"


odd_calls = st.builds(
    lambda call, changes, lacking: {name: value for name, value in {**call, **changes}.items() if name not in lacking},
    st.sampled_from(list(ALL.values())),
    st.dictionaries(
        st.sampled_from(
            ["id", "name", "input", "args", "arguments", "parameters", "function", "type", "toolUseId", "x"]
        ),
        json_values | json_objects,
        max_size=3,
    ),
    st.sets(st.sampled_from(["id", "name", "input", "args", "function", "type"]), max_size=1),
)


@settings(max_examples=150, deadline=None)
@given(calls=st.lists(odd_calls, max_size=3))
def test_calls_of_any_shape_come_back_equal(calls: list[dict[str, Any]]) -> None:
    message = assistant(text("I see."), tool_calls=calls)
    sessions, store = stored(message)
    assert store.get_messages("s")[1] == message
    assert len(sessions.get_session("s")) == 2
