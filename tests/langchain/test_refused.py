"""What cannot be stored exactly is refused, with the rest of its batch."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, ToolMessage

from sessionkit_integrations import SessionManager
from sessionkit_integrations.errors import InvalidMessageError
from sessionkit_integrations.langchain import SessionKitChatMessageHistory

if TYPE_CHECKING:
    from collections.abc import Callable


class Table:
    """Compares like a DataFrame: not to a truth value."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("the truth value of a table is ambiguous")


def ai(**args: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "f", "args": args, "id": "1"}])


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


UNSTORABLE: dict[str, tuple[BaseMessage, str]] = {
    "object": (ToolMessage("x", tool_call_id="1", artifact=object()), "langchain.artifact"),
    "table": (ToolMessage("x", tool_call_id="1", artifact=Table()), "langchain.artifact"),
    "nan": (HumanMessage("x", response_metadata={"score": float("nan")}), "langchain.response_metadata.score"),
    "infinity": (HumanMessage("x", additional_kwargs={"a": [float("inf")]}), "langchain.additional_kwargs.a[0]"),
    "bytes": (HumanMessage([{"type": "image", "data": b"png"}]), "content[0].data"),
    "time": (HumanMessage("x", response_metadata={"at": datetime.now(timezone.utc)}), "langchain.response_metadata.at"),
    "tuple": (ToolMessage("x", tool_call_id="1", artifact=(1, 2)), "langchain.artifact"),
    "number as a key": (HumanMessage("x", additional_kwargs={"a": {1: 2}}), "langchain.additional_kwargs.a"),
    "unknown field": (HumanMessage("x", custom=object()), "langchain.fields.custom"),
    "surrogate": (HumanMessage("\ud800"), "content"),
    "arguments with bytes": (ai(a=b"x"), "tool_calls[0].args.a"),
    "arguments with nan": (ai(a=[float("nan")]), "tool_calls[0].args.a[0]"),
    "arguments with a tuple": (ai(a=(1, 2)), "tool_calls[0].args.a"),
    "arguments with a number as a key": (ai(a={1: 2}), "tool_calls[0].args.a"),
    "arguments too deep": (ai(a=nested(50_000)), "tool_calls"),
    "arguments with too many digits": (ai(a=10**5000), "tool_calls[0].args.a"),
    "removal": (RemoveMessage(id="1"), "type"),
}


@pytest.mark.parametrize("name", UNSTORABLE)
def test_refusal_names_the_field_and_nothing_of_the_batch_is_written(name: str, call: Callable[..., Any]) -> None:
    message, field = UNSTORABLE[name]
    history = SessionKitChatMessageHistory("s", SessionManager())
    history.add_user_message("before")
    with pytest.raises(InvalidMessageError) as raised:
        call(history, "add_messages", [HumanMessage("good"), message, HumanMessage("good")])
    assert raised.value.field == field
    assert history.messages == [HumanMessage("before")]


@pytest.mark.parametrize("message", ["text", {"role": "user", "content": "x"}, None, ("human", "x")])
def test_what_is_no_message_is_refused(message: Any) -> None:
    history = SessionKitChatMessageHistory("s", SessionManager())
    with pytest.raises(InvalidMessageError, match="is a BaseMessage"):
        history.add_messages([HumanMessage("good"), message])
    assert history.messages == []
