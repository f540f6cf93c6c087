"""Values that are too large, too deep, too long or not JSON are refused in little time, and nothing is written."""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock

from sessionkit_integrations import (
    CorruptSessionError,
    InvalidMessageError,
    SessionKitAsyncChatStore,
    SessionKitChatMessageHistory,
    SessionKitChatStore,
    SessionManager,
    Window,
)
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.llama_index.codec import LlamaIndexCodec
from sessionkit_integrations.records.codec import encode_all
from sessionkit_integrations.records.sizes import MAX_LEVELS, MAX_MESSAGE_BYTES
from sessionkit_integrations.window.turns import MAX_TURN_MESSAGES
from tests.equality import exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkit_integrations import Store
    from sessionkit_integrations.records.record import Record
    from tests.backends import StoreMaker

    Call = Callable[..., Any]


def user(content: Any = "x", **fields: Any) -> Any:
    return {"role": "user", "content": content, **fields}


def assistant(content: str = "x") -> Any:
    return {"role": "assistant", "content": content}


def bomb() -> list[Any]:
    """Some hundred list items that stand for 10 ** 40 of JSON."""
    value: list[Any] = ["boom"] * 10
    for _ in range(40):
        value = [value] * 10
    return value


def nested(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value += [value, {"again": value}]
    return value


NOT_JSON: dict[str, Callable[[], Any]] = {
    "lone surrogate": lambda: ["\ud800"],
    "lone surrogate as a key": lambda: {"\udfff": 1},
    "nan": lambda: [math.nan],
    "infinity": lambda: {"a": -math.inf},
    "huge integer": lambda: 2**1023,
    "integer of too many digits": lambda: [10**5000],
}
TOO_MUCH: dict[str, Callable[[], Any]] = {
    "bomb": bomb,
    "endless": endless,
    "too deep": lambda: nested(MAX_LEVELS + 1),
    "far too deep": lambda: nested(100_000),
    "too large": lambda: "x" * (MAX_MESSAGE_BYTES + 1),
    "too large as JSON": lambda: "\0" * (MAX_MESSAGE_BYTES // 5),
    "too many": lambda: ["x" * 1000] * (MAX_MESSAGE_BYTES // 1000),
}
VALUES = {**NOT_JSON, **TOO_MUCH}


def plain_messages(value: Any) -> list[Any]:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return [
        user(extra=value),
        user([{"type": "text", "text": "x", "more": value}]),
        {"role": "assistant", "content": None, "tool_calls": [{**call, "extra_content": value}]},
    ]


def langchain_messages(value: Any) -> list[Any]:
    return [
        HumanMessage("x", additional_kwargs={"a": value}),
        HumanMessage([{"type": "text", "text": "x", "more": value}]),
        HumanMessage([{"type": "image", "source": {"type": "base64", "data": "x", "more": value}}]),
        HumanMessage("x", unknown=value),
        AIMessage("x", tool_calls=[{"id": "1", "name": "f", "args": {"a": value}}]),
        ToolMessage("x", tool_call_id="1", artifact=value),
        AIMessage("x", response_metadata={"a": value}),
    ]


def llama_index_messages(value: Any) -> list[Any]:
    return [
        ChatMessage(content="x", additional_kwargs={"a": value}),
        ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="f", tool_kwargs={"a": value})]),
    ]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_plain_messages_that_json_cannot_hold_are_refused(value: Callable[[], Any], call: Call) -> None:
    with SessionManager() as sessions:
        for message in plain_messages(value()):
            with pytest.raises(InvalidMessageError):
                call(sessions, "send_messages", "s", [user(), message])
        assert call(sessions, "get_session", "s") == []


@pytest.mark.parametrize("value", TOO_MUCH.values(), ids=TOO_MUCH)
def test_messages_of_frameworks_that_are_too_large_are_refused(value: Callable[[], Any]) -> None:
    with SessionManager() as sessions:
        history = SessionKitChatMessageHistory("s", sessions)
        for message in langchain_messages(value()):
            with pytest.raises(InvalidMessageError):
                history.add_messages([HumanMessage("x"), message])
        refuse_in_llama_index(value(), sessions)
        assert sessions.get_session("s") == []


def refuse_in_llama_index(value: Any, sessions: SessionManager) -> None:
    store = SessionKitChatStore(sessions=sessions)
    for message in llama_index_messages(value):
        with pytest.raises(InvalidMessageError):
            store.add_message("s", message)
        with pytest.raises(InvalidMessageError):
            store.set_messages("s", [message])


@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
def test_messages_of_langchain_that_json_cannot_hold_come_back_equal(value: Callable[[], Any]) -> None:
    messages = langchain_messages(value())
    with SessionManager() as sessions:
        history = SessionKitChatMessageHistory("s", sessions)
        history.add_messages(messages)
        assert exact(history.messages) == exact(messages)
        for record in sessions.store.read("s").records:
            json.loads(record.decode(), parse_constant=pytest.fail)


@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
def test_messages_of_llama_index_that_json_cannot_hold_come_back_equal(value: Callable[[], Any]) -> None:
    messages = llama_index_messages(value())
    with SessionManager() as sessions:
        store = SessionKitChatStore(sessions=sessions)
        store.set_messages("s", messages)
        assert exact(store.get_messages("s")) == exact(messages)
        for record in sessions.store.read("s").records:
            json.loads(record.decode(), parse_constant=pytest.fail)


def test_a_bomb_in_any_mapping_or_class_is_refused() -> None:
    with SessionManager() as sessions:
        for value in (bomb(), HumanMessage):
            messages: list[Any] = [MappingProxyType(user(extra=value)), user(extra=value)]
            for message in messages:
                with pytest.raises(InvalidMessageError):
                    sessions.send_message("s", message)
        assert sessions.get_session("s") == []


def test_what_is_as_deep_as_allowed_is_stored_and_read_by_all() -> None:
    with SessionManager() as sessions:
        message = user(extra=nested(MAX_LEVELS))
        sessions.send_message("s", message)
        assert sessions.get_session("s") == [message]
        assert SessionKitChatMessageHistory("s", sessions).messages == [
            HumanMessage("x", additional_kwargs={"extra": nested(MAX_LEVELS)})
        ]
        assert (
            SessionKitChatStore(sessions=sessions).get_messages("s")[0].additional_kwargs["extra"] == message["extra"]
        )


def test_numbers_as_large_as_allowed_come_back() -> None:
    with SessionManager() as sessions:
        message = user(extra=[2**1023 - 1, -(2**1023) + 1, 10**20])
        sessions.send_message("s", message)
        assert sessions.get_session("s") == [message]


@pytest.mark.parametrize("codec", ["langchain", "llama_index"])
def test_arguments_with_huge_integers_keep_their_text(codec: str) -> None:
    text = f'{{"a": {10**400}}}'
    call: Any = {"id": "1", "type": "function", "function": {"name": "f", "arguments": text}}
    with SessionManager() as sessions:
        sessions.send_message("s", {"role": "assistant", "content": None, "tool_calls": [call]})
        if codec == "langchain":
            history = SessionKitChatMessageHistory("s", sessions)
            history.add_messages(history.messages)
        else:
            store = SessionKitChatStore(sessions=sessions)
            store.add_message("s", store.get_messages("s")[0])
        assert [each["tool_calls"] for each in sessions.get_session("s")] == [[call]] * 2


def test_a_message_may_be_as_large_as_is_said_and_no_larger(store: Store, call: Call) -> None:
    sessions = SessionManager(store=store, max_message_bytes=1000)
    overhead = len(encode_all(LangChainCodec(), [HumanMessage("")])[0])
    largest = user("x" * (1000 - overhead))
    call(sessions, "send_message", "s", largest)
    for message in (user("x" * (1001 - overhead)), user("é" * 600)):
        with pytest.raises(InvalidMessageError, match="max_message_bytes is 1,000"):
            call(sessions, "send_messages", "s", [user(), message])
        with pytest.raises(InvalidMessageError, match="max_message_bytes"):
            call(sessions, "set_system_message", "s", message["content"])
    assert call(sessions, "get_session", "s") == [largest]
    call(sessions, "close")


def test_what_a_framework_holds_in_several_places_counts_once() -> None:
    text = "x" * 900
    message = AIMessage(
        [{"type": "text", "text": "y"}, {"type": "tool_use", "id": "1", "name": "f", "input": {"a": text}}],
        tool_calls=[{"id": "1", "name": "f", "args": {"a": text}}],
    )
    with SessionManager(max_message_bytes=1200) as sessions:
        history = SessionKitChatMessageHistory("s", sessions)
        history.add_messages([message])
        assert history.messages == [message]


def test_an_agent_that_loops_is_stopped(store: Store, call: Call) -> None:
    sessions = SessionManager(2, store, max_turn_messages=20)
    call(sessions, "send_messages", "s", [user("earlier"), assistant(), user("go")])
    for _ in range(19):
        call(sessions, "add_assistant_message", "s", "again")
    with pytest.raises(InvalidMessageError, match="max_turn_messages"):
        call(sessions, "add_assistant_message", "s", "again")
    assert len(call(sessions, "get_session", "s")) == 22
    call(sessions, "add_user_message", "s", "stop")
    assert [each["content"] for each in call(sessions, "get_session", "s")] == ["go", *["again"] * 19, "stop"]
    call(sessions, "close")


def test_a_turn_has_a_limit_where_nothing_is_said() -> None:
    with SessionManager() as sessions:
        sessions.send_messages("s", [user(), *[assistant()] * (MAX_TURN_MESSAGES - 1)])
        with pytest.raises(InvalidMessageError):
            sessions.add_assistant_message("s", "x")
        with pytest.raises(InvalidMessageError):
            sessions.send_messages("system", [{"role": "system", "content": "x"}] * (MAX_TURN_MESSAGES + 1))
        assert list(sessions.list_sessions()) == ["s"]


def test_limits_are_said_in_one_place_or_in_the_window() -> None:
    for sessions in (
        SessionManager(5, max_turn_messages=3),
        SessionManager(Window(5, max_turn_messages=3)),
        SessionManager.from_url("memory://", 5, max_turn_messages=3),
    ):
        sessions.memory_window = 2
        sessions.send_messages("s", [user(), assistant(), assistant()])
        with pytest.raises(InvalidMessageError):
            sessions.add_assistant_message("s", "x")
        sessions.memory_window = Window(2, max_turn_messages=4)
        sessions.add_assistant_message("s", "x")
    with pytest.raises(InvalidMessageError):
        SessionManager.from_url("memory://", max_message_bytes=10).add_user_message("s", "x")


@pytest.mark.parametrize("name", ["max_message_bytes", "max_turn_messages"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_limits_are_integers_of_at_least_one(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        SessionManager(**{name: value})


async def test_edits_make_no_turn_too_long_but_may_shorten_one_that_is(store: Store) -> None:
    longer = SessionManager(9, store, max_turn_messages=8)
    await longer.asend_messages("s", [user("0"), *[assistant(str(number)) for number in range(1, 8)]])
    before = await longer.aget_session("s")
    chats = SessionKitAsyncChatStore(sessions=SessionManager(9, store, max_turn_messages=4))
    with pytest.raises(InvalidMessageError, match="max_turn_messages"):
        await chats.set_messages("s", [ChatMessage(role="assistant", content="x")] * 9)
    assert await longer.aget_session("s") == before
    for _ in range(2):
        assert await chats.delete_message("s", 1) is not None
    assert len(await longer.aget_session("s")) == 6
    await chats.set_messages("s", [ChatMessage(role="assistant", content="x")] * 4)
    assert len(await longer.aget_session("s")) == 4
    await longer.aclose()


def test_a_list_that_somebody_else_wrote_or_deleted_has_the_same_limit(make_scripted_store: StoreMaker) -> None:
    store: Any = make_scripted_store()
    sessions = SessionManager(2, store, max_turn_messages=5)
    key = store._keys.active("s")

    def foreign(name: str, *words: Any) -> None:
        from sessionkit_integrations.stores.redis.commands import Command  # noqa: PLC0415

        store._run(Command(name, (key,), words, lambda reply: reply, writes=True))

    sessions.send_messages("s", [user(), *[assistant()] * 4])
    foreign("DEL")
    sessions.send_messages("s", [assistant("after")] * 2)  # of which meta alone would say that they are too many
    foreign("RPUSH", *[json.dumps(assistant("foreign"))] * 2)
    before = store.read("s")
    with pytest.raises(InvalidMessageError, match="max_turn_messages"):
        sessions.send_messages("s", [assistant()] * 2)
    assert store.read("s") == before
    sessions.add_assistant_message("s", "last")
    sessions.add_user_message("s", "next")
    assert len(sessions.get_session("s")) == 6


DEEP = b'{"role":"user","content":"x","extra":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("record", [DEEP, b'{"role":"user","content":NaN}', b'{"role":"user","content":"x"', b"{}"])
def test_records_that_cannot_be_read_say_where_they_are(store: Store, record: Record, call: Call) -> None:
    good = encode_all(LlamaIndexCodec(), [ChatMessage(content=[TextBlock(text="x")])])
    store.append("s", [*good, record], Window(5), "operation")
    sessions = SessionManager(store=store)
    with pytest.raises(CorruptSessionError) as raised:
        call(sessions, "get_session", "s")
    assert (raised.value.session_id, raised.value.position) == ("s", 1)
    with pytest.raises(CorruptSessionError):
        SessionKitChatMessageHistory("s", sessions).messages  # noqa: B018 - reading is what raises
    with pytest.raises(CorruptSessionError):
        SessionKitChatStore(sessions=sessions).get_messages("s")
    call(sessions, "close")
