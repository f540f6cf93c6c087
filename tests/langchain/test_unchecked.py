"""Fields that LangChain does not validate, as those that are assigned, come back equal and harm no reader."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage

from sessionkit_integrations import SessionKitChatStore, SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from tests.equality import exact


def assigned(message: BaseMessage, **fields: Any) -> BaseMessage:
    for name, value in fields.items():
        setattr(message, name, value)
    return message


CALL = {"name": "f", "args": {"a": 1}, "id": "1", "type": "tool_call"}
PLAIN_CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
# What is written, and what other readers see of it beside its role.
ASSIGNED: dict[str, tuple[BaseMessage, dict[str, Any]]] = {
    "number as an id": (assigned(AIMessage("x"), id=4711), {"content": "x"}),
    "usage without a total": (
        assigned(AIMessage("x"), usage_metadata={"input_tokens": 12, "output_tokens": 3}),
        {"content": "x"},
    ),
    "number as a name": (assigned(HumanMessage("x"), name=7), {"content": "x", "name": "7"}),
    "list as a name": (assigned(HumanMessage("x"), name=["Ada"]), {"content": "x"}),
    "text as metadata": (assigned(AIMessage("x"), response_metadata="stop"), {"content": "x"}),
    "text as kwargs": (assigned(AIMessage("x"), additional_kwargs="stop"), {"content": "x"}),
    "calls without an id": (
        assigned(AIMessage(""), tool_calls=[{"name": "f", "args": {"a": 1}}]),
        {"content": None, "tool_calls": [{**PLAIN_CALL, "id": ""}]},
    ),
    "one of the calls is none": (
        assigned(AIMessage(""), tool_calls=[CALL, "f", {"name": "g", "args": "text", "id": "2"}]),
        {"content": None, "tool_calls": [PLAIN_CALL]},
    ),
    "calls that are not a list": (assigned(AIMessage("x"), tool_calls=5), {"content": "x"}),
    "invalid calls without an error": (
        assigned(AIMessage(""), invalid_tool_calls=[{"name": "f", "args": "{", "id": "1"}]),
        {"content": None, "tool_calls": [{**PLAIN_CALL, "function": {"name": "f", "arguments": "{"}}]},
    ),
    "no content": (assigned(HumanMessage("x"), content=None), {"content": ""}),
    "number as content": (assigned(HumanMessage("x"), content=5), {"content": "5"}),
    "block as content": (
        assigned(HumanMessage("x"), content={"type": "text", "text": "y"}),
        {"content": [{"type": "text", "text": "y"}]},
    ),
    "number as a block": (
        assigned(HumanMessage("x"), content=["a", 5, None]),
        {"content": [{"type": "text", "text": text} for text in ("a", "5", "null")]},
    ),
    "number as a call's id": (
        assigned(ToolMessage("x", tool_call_id="1"), tool_call_id=7),
        {"content": "x", "tool_call_id": "7"},
    ),
    "status that does not exist": (
        assigned(ToolMessage("x", tool_call_id="1"), status="late"),
        {"content": "x", "tool_call_id": "1"},
    ),
    "role that is not a text": (assigned(ChatMessage(content="x", role="critic"), role=5), {"content": "x"}),
    "another type": (assigned(SystemMessage("x"), type="ai"), {"content": "x"}),
    "not validated": (AIMessage.model_construct(content=None, tool_calls=None), {"content": ""}),
}


@pytest.mark.parametrize("name", ASSIGNED)
def test_what_is_assigned_comes_back_equal(name: str) -> None:
    message, _ = ASSIGNED[name]
    history = SessionKitChatMessageHistory("s", SessionManager())
    history.add_messages([AIMessage("a greeting"), message])
    read = history.messages[1]
    assert exact(read) == exact(message)
    history.add_messages([read])
    assert exact(history.messages[2]) == exact(message)


@pytest.mark.parametrize("name", ASSIGNED)
def test_what_is_assigned_harms_no_other_reader(name: str) -> None:
    message, plain = ASSIGNED[name]
    sessions = SessionManager()
    SessionKitChatMessageHistory("s", sessions).add_messages([AIMessage("a greeting"), message])
    read: dict[str, Any] = {**sessions.get_session("s")[1]}
    assert read.pop("role") in {"user", "assistant", "system", "tool"}
    assert read == plain
    assert len(SessionKitChatStore(sessions=sessions).get_messages("s")) == 2
    assert sessions.view("s")._repr_html_()


def test_a_message_without_its_fields_is_read() -> None:
    for message, read in (
        (HumanMessage.model_construct(), HumanMessage("")),
        (ToolMessage.model_construct(content="x"), ToolMessage("x", tool_call_id="")),
    ):
        history = SessionKitChatMessageHistory("s", SessionManager())
        history.add_messages([message])
        assert history.messages == [read]


@pytest.mark.parametrize("role", [10**5000, {"a": 1}, None, "robot" * 100], ids=["number", "dict", "none", "text"])
def test_refusal_of_any_value_is_typed_and_short(role: Any) -> None:
    with pytest.raises(ValueError, match=r"role: must be one of") as raised:
        SessionManager().send_message("s", {"role": role, "content": "x"})
    assert len(str(raised.value)) < 200
