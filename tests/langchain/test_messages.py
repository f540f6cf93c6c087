"""Messages come back as they were written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, FunctionMessage, HumanMessage, ToolMessage

from sessionkit_integrations import SessionManager
from sessionkit_integrations.errors import CorruptSessionError
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.records.codec import decode_all, encode_all
from sessionkit_integrations.records.record import role_of
from tests.langchain.blocks import PDF, PNG, SHAPES
from tests.langchain.messages import BY_CLASS, CALL, ONE_OF_EACH

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.backends import StoreMaker


def round_trip(message: BaseMessage) -> BaseMessage:
    return decode_all(LangChainCodec(), encode_all(LangChainCodec(), [message]), "s")[0]


def exact(message: BaseMessage) -> str:
    """All of a message, telling 1 from 1.0 and from True, as equality does not."""
    return f"{type(message).__name__} {json.dumps(message.model_dump(), sort_keys=True)}"


def record_of(message: BaseMessage) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(encode_all(LangChainCodec(), [message])[0])
    return fields


@pytest.mark.parametrize("cls", BY_CLASS, ids=lambda cls: cls.__name__)
@settings(max_examples=75)
@given(data=st.data())
def test_any_message_comes_back_equal(cls: type[BaseMessage], data: st.DataObject) -> None:
    message = data.draw(BY_CLASS[cls])
    read = round_trip(message)
    assert read == message
    assert exact(read) == exact(message)


class Answer(AIMessage):
    """A message of an application that has fields of its own, and other defaults."""

    name: str | None = "expert"
    source: str = "handbook"


class Failure(ToolMessage):
    """A result that is an error unless it says otherwise."""

    status: Literal["success", "error"] = "error"


def test_the_defaults_of_a_subclass_are_kept() -> None:
    read = round_trip(Answer(content="Yes."))
    assert type(read) is AIMessage
    assert (read.name, read.model_extra) == ("expert", {"source": "handbook"})
    failed = round_trip(Failure(content="No.", tool_call_id="call_1"))
    assert failed == ToolMessage("No.", tool_call_id="call_1", status="error")


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("cls", [HumanMessage, AIMessage])
def test_one_block_of_each_shape_comes_back_equal(name: str, cls: type[BaseMessage]) -> None:
    calls = (
        {"tool_calls": [{"id": "call_1", "name": "weather", "args": {"city": "Zürich"}}]} if cls is AIMessage else {}
    )
    message = cls(content=["before", SHAPES[name], {"type": "text", "text": "after"}], **calls)
    assert exact(round_trip(message)) == exact(message)


@pytest.mark.parametrize("name", [name for name, block in SHAPES.items() if PNG in str(block) or PDF in str(block)])
def test_media_are_stored_once(name: str) -> None:
    (record,) = encode_all(LangChainCodec(), [HumanMessage([SHAPES[name]])])
    assert record.count(PNG.encode()) + record.count(PDF.encode()) == 1


def test_calls_that_content_and_kwargs_repeat_are_stored_once() -> None:
    arguments = '{"city": "a city that is named once"}'
    raw = [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}]
    use = {"type": "tool_use", "id": "call_1", "name": "weather", "input": json.loads(arguments)}
    message = AIMessage([use], additional_kwargs={"tool_calls": raw})
    assert message.tool_calls
    (record,) = encode_all(LangChainCodec(), [message])
    assert record.count(b"a city that is named once") == 1
    assert exact(round_trip(message)) == exact(message)


@pytest.mark.parametrize("kind", ["tool_use", "tool_call"])
def test_calls_that_content_repeats_are_no_part_of_it_when_they_are_read(kind: str) -> None:
    arguments = {"tool_use": "input", "tool_call": "args"}[kind]
    block = {"type": kind, "id": CALL["id"], "name": CALL["name"], arguments: CALL["args"]}
    read: Any = round_trip(AIMessage([block], tool_calls=[CALL]))
    read.tool_calls[0]["args"]["days"].append("changed")
    assert read.content == [block]


@pytest.mark.parametrize("message", ONE_OF_EACH, ids=lambda message: message.type)
def test_one_of_each_comes_back_equal(message: BaseMessage) -> None:
    read = round_trip(message)
    assert read == message
    assert exact(read) == exact(message)


def test_every_store_gives_equal_messages_back(make_store: StoreMaker, call: Callable[..., Any]) -> None:
    sessions = SessionManager(store=make_store())
    call(SessionKitChatMessageHistory("s", sessions), "add_messages", ONE_OF_EACH)
    stored = call(sessions.using(LangChainCodec()), "snapshot", "s").messages("preamble", "window")
    assert [exact(message) for message in stored] == [exact(message) for message in ONE_OF_EACH]


@pytest.mark.parametrize("artifact", [{}, [], "", 0, False, [{}]])
def test_empty_artifacts_are_not_taken_for_none(artifact: object) -> None:
    message = ToolMessage("x", tool_call_id="1", artifact=artifact)
    assert exact(round_trip(message)) == exact(message)


def test_removed_tool_calls_stay_removed() -> None:
    raw = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    message = AIMessage("x", additional_kwargs={"tool_calls": raw})
    assert message.tool_calls
    message.tool_calls = []
    assert exact(round_trip(message)) == exact(message)


@pytest.mark.parametrize(
    "message",
    [HumanMessage("x"), AIMessage("x"), HumanMessage.model_construct(content="x", type=b"human".decode())],
)
def test_plain_message_costs_role_content_and_time(message: BaseMessage) -> None:
    assert list(record_of(message)) == ["role", "content", "at"]


def test_tool_calls_are_stored_once_and_in_the_shape_of_openai() -> None:
    fields = record_of(AIMessage("", tool_calls=[CALL]))
    assert fields.keys() == {"role", "content", "tool_calls", "at"}
    assert fields["content"] is None
    (stored,) = fields["tool_calls"]
    assert (stored["id"], stored["type"], stored["function"]["name"]) == ("call_1", "function", "weather")
    assert json.loads(stored["function"]["arguments"]) == CALL["args"]


@pytest.mark.parametrize(
    ("message", "role"),
    [
        *zip(ONE_OF_EACH, ["system", "user", "assistant", "tool", "tool", "user", "assistant"], strict=True),
        (ChatMessage(role="assistant", content="x"), "assistant"),
        (ChatMessage(role="developer", content="x"), "system"),
        (FunctionMessage(name="f", content="x"), "tool"),
    ],
)
def test_role_decides_about_turns(message: BaseMessage, role: str) -> None:
    assert role_of(encode_all(LangChainCodec(), [message])[0]) == role


def test_plain_tool_message_without_an_id_can_be_read() -> None:
    sessions = SessionManager()
    sessions.send_message("s", {"role": "tool", "tool_call_id": None, "content": "x"})  # type: ignore[typeddict-item]
    assert SessionKitChatMessageHistory("s", sessions).messages == [ToolMessage("x", tool_call_id="")]


@pytest.mark.parametrize(
    "rest",
    [
        {"role": "user", "langchain": "text"},
        {"role": "user", "langchain": {"strings": [4]}},
        {"role": "user", "langchain": {"function": True}},
        {"role": "user", "name": 3},
        {"role": "assistant", "tool_calls": "text"},
        {"role": "assistant", "tool_calls": ["text"]},
        {"role": "assistant", "tool_calls": [{"function": "text"}]},
    ],
)
def test_unreadable_record_is_reported_with_its_place(rest: dict[str, Any]) -> None:
    good = b'{"role":"user","content":"x"}'
    with pytest.raises(CorruptSessionError, match="record 1") as raised:
        decode_all(LangChainCodec(), [good, json.dumps({"content": ["x"], **rest}).encode()], "s")
    assert (raised.value.session_id, raised.value.position) == ("s", 1)
