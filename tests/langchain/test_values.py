"""Nothing that a message of LangChain holds loses its turn; see `tests/test_values.py` for values by themselves."""

from __future__ import annotations

import collections
import dataclasses
import json
import logging
import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from pydantic import BaseModel

from sessionkit_integrations import SessionKitChatStore, SessionManager
from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.records.codec import decode_all
from tests.equality import exact
from tests.langchain.runs import RUN, answering, session, with_history
from tests.test_values import values

if TYPE_CHECKING:
    from collections.abc import Callable


class Table:
    """Compares like a DataFrame: not to a truth value."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("the truth value of a table is ambiguous")


@dataclasses.dataclass
class Row:
    id: int


class Point(BaseModel):
    x: float
    tags: set[str] = set()


def calling(args: Any, call_id: str = "1") -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "f", "args": args, "id": call_id}])


def result(artifact: Any) -> ToolMessage:
    return ToolMessage("x", tool_call_id="1", artifact=artifact)


def stored(message: BaseMessage) -> BaseMessage:
    """Return what a message becomes that is stored and read, and check that everybody can read it."""
    sessions = SessionManager()
    history = SessionKitChatMessageHistory("s", sessions)
    history.add_messages([message])
    (record,) = sessions.store.read("s").records
    json.loads(record.decode(), parse_constant=pytest.fail)
    assert len(sessions.get_session("s")) == len(SessionKitChatStore(sessions=sessions).get_messages("s")) == 1
    assert sessions.view("s")._repr_html_()
    (read,) = history.messages
    return read


# What integrations and models of these providers produce.
EQUAL: dict[str, BaseMessage] = {
    "Bedrock's encrypted reasoning": AIMessage(
        [{"type": "reasoning_content", "reasoning_content": {"redacted_content": b"\x01\xff"}}, "42"]
    ),
    "Bedrock's documents": HumanMessage(
        [{"document": {"format": "pdf", "name": "a", "source": {"bytes": b"%PDF\xff"}}}, {"text": "?"}]
    ),
    "Gemini's speech": AIMessage("", additional_kwargs={"audio": b"\x00\x01"}),
    "Gemini's grounding": AIMessage("x", response_metadata={"grounding": [{"sdk_blob": b"\xfe", "score": math.nan}]}),
    "image as bytes": HumanMessage([{"type": "image", "data": b"png", "mime_type": "image/png"}]),
    "NaN in arguments": calling({"limit": math.nan}),
    "1e999 in arguments": calling({"limit": [math.inf, {"a": -math.inf}]}),
    "half an emoji in arguments": calling({"text": "\ud83d", "\ud83d": [1]}),
    "bytes in arguments": calling({"a": b"x"}),
    "huge integer in arguments": calling({"a": 10**5000}),
    "arguments of the same calls twice": AIMessage(
        [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": math.nan}}],
        tool_calls=[{"name": "f", "args": {"a": math.nan}, "id": "1"}],
    ),
    "half an emoji in a call's id": calling({}, "call_\udc00"),
    "half an emoji in a result's id": ToolMessage("x", tool_call_id="call_\udc00", name="\ud83d"),
    "half an emoji in a text": HumanMessage("cut off \ud83d"),
    "half an emoji in a block": AIMessage([{"type": "text", "text": "cut \ud83d off"}, "\udc00"]),
    "half an emoji in reasoning": AIMessage([{"type": "thinking", "thinking": "\ud83d", "signature": "s"}, "x"]),
    "half an emoji in a name and an id": SystemMessage("x", name="\ud83d", id="\udfff"),
    "half an emoji beside the fields": HumanMessage("x", custom={"\ud83d": "\ud83d"}),
    "logprob of vLLM": AIMessage("x", response_metadata={"logprobs": {"content": [{"logprob": -math.inf}]}}),
    "documents with scores": result([[Document("a", metadata={"score": math.nan, "raw": b"\xff"}), 0.83]]),
}


@pytest.mark.parametrize("name", EQUAL)
def test_what_models_and_integrations_write_comes_back_equal(name: str) -> None:
    assert exact(stored(EQUAL[name])) == exact(EQUAL[name])


@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize("name", EQUAL)
def test_no_value_of_an_answer_loses_the_turn(name: str, run: str) -> None:
    answer = EQUAL[name]
    sessions = SessionManager()
    RUN[run](with_history(answering(lambda _: answer), sessions), "Q", session())
    question, read = sessions.using(LangChainCodec()).snapshot("s").messages("window")
    assert question == HumanMessage("Q")
    assert exact(read) == exact(answer)


def test_other_readers_see_text_and_calls_around_what_they_cannot_hold() -> None:
    sessions = SessionManager()
    message = AIMessage(["cut \ud83d off"], tool_calls=[{"name": "f", "args": {"limit": math.nan}, "id": "1"}])
    SessionKitChatMessageHistory("s", sessions).add_messages([message])
    assert sessions.get_session("s") == [
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "cut \ufffd off"}],
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"limit":"NaN"}'}}],
        }
    ]


NOW = datetime.now(timezone.utc)
DUMPED: dict[str, tuple[BaseMessage, BaseMessage]] = {
    "rows of a cursor": (result([(1, "Ada"), (2, "Bob")]), result([[1, "Ada"], [2, "Bob"]])),
    "integers as keys": (result({1: {2.5: "a"}}), result({"1": {"2.5": "a"}})),
    "dataclasses": (result([Row(1), {"a": Row(2)}]), result([{"id": 1}, {"a": {"id": 2}}])),
    "pydantic objects": (
        HumanMessage("x", additional_kwargs={"at": [Point(x=math.inf, tags={"a"})]}),
        HumanMessage("x", additional_kwargs={"at": [{"x": math.inf, "tags": ["a"]}]}),
    ),
    "a pydantic object in a block": (
        HumanMessage([{"type": "x", "at": Point(x=1)}]),
        HumanMessage([{"type": "x", "at": {"x": 1.0, "tags": []}}]),
    ),
    "a pydantic object beside the fields": (
        HumanMessage("x", at=Point(x=1)),
        HumanMessage("x", at={"x": 1.0, "tags": []}),
    ),
    "times": (
        HumanMessage("x", response_metadata={"at": NOW}),
        HumanMessage("x", response_metadata={"at": NOW.isoformat().replace("+00:00", "Z")}),
    ),
    "scores of NumPy": (result({"scores": [np.float32(0.5), np.int64(2)]}), result({"scores": [0.5, 2]})),
    "a queue": (result(collections.deque([(1,)])), result([[1]])),
    "tuple in arguments": (calling({"a": (1, 2)}), calling({"a": [1, 2]})),
    "number as a key in arguments": (calling({"a": {1: 2}}), calling({"a": {"1": 2}})),
}


@pytest.mark.parametrize("name", DUMPED)
def test_objects_come_back_as_langchain_dumps_them(name: str) -> None:
    message, dumped = DUMPED[name]
    assert exact(stored(message)) == exact(dumped)


@pytest.mark.parametrize("place", ["artifact", "block", "unknown field", "arguments"])
@pytest.mark.parametrize("make", [object, Table, lambda: np.zeros(3), lambda: iter([1])])
def test_what_nothing_can_dump_leaves_a_mark_and_a_warning(
    make: Callable[[], Any], place: str, caplog: pytest.LogCaptureFixture
) -> None:
    value = make()
    message: BaseMessage = {
        "artifact": lambda: result(value),
        "block": lambda: HumanMessage([{"type": "text", "text": "x", "more": [value]}]),
        "unknown field": lambda: HumanMessage("x", custom=value),
        "arguments": lambda: calling({"a": value}),
    }[place]()
    cls = type(value)
    mark = cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"
    assert f"[{mark} left out]" in repr(stored(message))
    (record,) = [each for each in caplog.records if each.name == "sessionkit_integrations"]
    assert record.levelno == logging.WARNING
    assert f"[{mark} left out]" in record.getMessage()


@settings(deadline=None, max_examples=200)
@given(value=values)
def test_any_value_in_any_place_comes_back_equal(value: Any) -> None:
    for message in (
        HumanMessage([{"type": "text", "text": "x", "more": value}, {"type": "image", "url": "u", "extras": value}]),
        HumanMessage([{"type": "unknown", "value": value}]),
        AIMessage("x", additional_kwargs={"a": value}, response_metadata={"a": value}, unknown=value),
        AIMessage([{"type": "tool_use", "id": "1", "name": "f", "input": {"a": value}}]),
        calling({"a": value}),
        result([value]),
    ):
        assert exact(stored(message)) == exact(message)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


REFUSED: dict[str, tuple[Any, str]] = {
    "too deep": (calling({"a": nested(50_000)}), "tool_calls"),
    "removal": (RemoveMessage(id="1"), "type"),
    "text": ("text", "message"),
    "dict": ({"role": "user", "content": "x"}, "message"),
    "nothing": (None, "message"),
    "tuple": (("human", "x"), "message"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_names_the_field_and_nothing_of_the_batch_is_written(name: str, call: Callable[..., Any]) -> None:
    message, field = REFUSED[name]
    history = SessionKitChatMessageHistory("s", SessionManager())
    history.add_user_message("before")
    with pytest.raises(InvalidMessageError, match=r"must be|nested") as raised:
        call(history, "add_messages", [HumanMessage("good"), message, HumanMessage("good")])
    assert raised.value.field == field
    assert history.messages == [HumanMessage("before")]


def test_documents_of_earlier_records_come_back() -> None:
    record = (
        b'{"role":"tool","content":"x","tool_call_id":"c","langchain":{"artifact":[{"page_content":"rain"}],'
        b'"documents":[["artifact",0]]},"at":1}'
    )
    (message,) = decode_all(LangChainCodec(), [record], "s")
    assert message == ToolMessage("x", tool_call_id="c", artifact=[Document("rain")])
