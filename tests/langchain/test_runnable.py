"""`RunnableWithMessageHistory` with our histories, in all shapes of input and output and all ways to run it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from sessionkit_integrations import SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from tests.langchain.runs import RUN, Parrot, answering, question, said, session, texts, with_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import Runnable

CALL: dict[str, Any] = {"name": "look", "args": {}, "id": "1", "type": "tool_call"}


@dataclass(frozen=True)
class InputShape:
    """Ways to put a question, and the options by which the runnable finds it and the history in its input."""

    put: Callable[[str], Any]
    messages: Callable[[Any], list[BaseMessage]] = list
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OutputShape:
    """Ways to give an answer, and the messages that are stored of it."""

    give: Callable[[str], Any]
    stored: Callable[[str], list[BaseMessage]] = lambda text: [AIMessage(text)]
    options: dict[str, str] = field(default_factory=dict)


def _apart(value: dict[str, Any]) -> list[BaseMessage]:
    new = value["question"]
    return [
        *value["history"],
        *([HumanMessage(new)] if isinstance(new, str) else new if isinstance(new, list) else [new]),
    ]


_APART = {"input_messages_key": "question", "history_messages_key": "history"}
_TOGETHER = {"input_messages_key": "question"}

INPUTS = {
    "string": InputShape(lambda text: text),
    "message": InputShape(HumanMessage),
    "messages": InputShape(question),
    "tuple": InputShape(lambda text: tuple(question(text))),
    "dict of a string": InputShape(lambda text: {"question": text}, lambda value: value["question"], _TOGETHER),
    "dict of messages": InputShape(
        lambda text: {"question": question(text)}, lambda value: value["question"], _TOGETHER
    ),
    "dict of more": InputShape(lambda text: {"a": 1, "question": text}, lambda value: value["question"], _TOGETHER),
    "string apart": InputShape(lambda text: {"question": text}, _apart, _APART),
    "message apart": InputShape(lambda text: {"question": HumanMessage(text)}, _apart, _APART),
    "messages apart": InputShape(lambda text: {"question": question(text), "a": 1}, _apart, _APART),
}

OUTPUTS = {
    "string": OutputShape(str),
    "message": OutputShape(AIMessage),
    "messages": OutputShape(
        lambda text: [AIMessage("", tool_calls=[CALL]), ToolMessage("seen", tool_call_id="1"), AIMessage(text)],
        lambda text: [AIMessage("", tool_calls=[CALL]), ToolMessage("seen", tool_call_id="1"), AIMessage(text)],
    ),
    "dict of a message": OutputShape(
        lambda text: {"answer": AIMessage(text), "b": 1}, options={"output_messages_key": "answer"}
    ),
    "dict of a string": OutputShape(lambda text: {"output": text, "b": 1}),
    "dict of messages": OutputShape(lambda text: {"whatever": [AIMessage(text)]}),
}


@pytest.mark.pairwise
@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("input_", INPUTS)
def test_every_shape_remembers_and_stores_each_message_once(input_: str, output: str, run: str) -> None:
    asked, answered = INPUTS[input_], OUTPUTS[output]
    sessions = SessionManager()
    runnable = answering(lambda value: answered.give(said(asked.messages(value))))
    chain = with_history(runnable, sessions, **asked.options, **answered.options)
    RUN[run](chain, asked.put("hello"), session())
    RUN[run](chain, asked.put("bye"), session())
    first, second = answered.stored("1 hello"), answered.stored(f"{2 + len(answered.stored(''))} bye")
    expected = [HumanMessage("hello"), *first, HumanMessage("bye"), *second]
    assert SessionKitChatMessageHistory("s", sessions).messages == expected


PROMPT = ChatPromptTemplate.from_messages(
    [("system", "Be brief."), MessagesPlaceholder("history"), ("human", "{question}")]
)

CHAINS: dict[str, tuple[Runnable[Any, Any], InputShape, int]] = {
    "model": (Parrot(), INPUTS["string"], 0),
    "model of messages": (Parrot(), INPUTS["messages"], 0),
    "prompt and model": (PROMPT | Parrot(), INPUTS["string apart"], 1),
    "prompt, model and parser": (PROMPT | Parrot() | StrOutputParser(), INPUTS["string apart"], 1),
}


@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize("chain", CHAINS)
def test_chat_models_answer_from_the_history(chain: str, run: str) -> None:
    runnable, asked, preamble = CHAINS[chain]
    sessions = SessionManager()
    wrapped = with_history(runnable, sessions, **asked.options)
    for text in ("hello", "bye"):
        RUN[run](wrapped, asked.put(text), session())
    messages = SessionKitChatMessageHistory("s", sessions).messages
    assert texts(messages) == [
        ("human", "hello"),
        ("ai", f"{1 + preamble} hello"),
        ("human", "bye"),
        ("ai", f"{3 + preamble} bye"),
    ]
    assert [type(message) for message in messages] == [HumanMessage, AIMessage] * 2


@pytest.mark.parametrize("run", RUN)
def test_streamed_answers_are_stored_with_all_they_say(run: str) -> None:
    sessions = SessionManager()
    RUN[run](
        with_history(PROMPT | Parrot(), sessions, **INPUTS["string apart"].options), {"question": "hello"}, session()
    )
    answer = SessionKitChatMessageHistory("s", sessions).messages[-1]
    assert isinstance(answer, AIMessage)
    assert answer.usage_metadata == {"input_tokens": 0, "output_tokens": 3, "total_tokens": 3}
    assert answer.id


@pytest.mark.parametrize("run", RUN)
def test_several_messages_at_once_are_all_remembered(run: str) -> None:
    sessions = SessionManager()
    asked = [SystemMessage("Be brief."), HumanMessage("hello")]
    RUN[run](with_history(Parrot(), sessions), asked, session())
    assert texts(SessionKitChatMessageHistory("s", sessions).messages) == [
        ("system", "Be brief."),
        ("human", "hello"),
        ("ai", "2 hello"),
    ]


@pytest.mark.parametrize("options", [{}, _TOGETHER, _APART])
def test_the_window_is_what_the_model_sees(options: dict[str, str]) -> None:
    sessions = SessionManager(memory_window=2)
    asked = INPUTS["string" if not options else "dict of a string" if options is _TOGETHER else "string apart"]
    chain = with_history(answering(lambda value: said(asked.messages(value))), sessions, **options)
    answers = [chain.invoke(asked.put(text), session()) for text in "abcd"]
    assert answers == ["1 a", "3 b", "5 c", "5 d"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_batch_over_sessions_keeps_them_apart(asynchronous: bool) -> None:
    sessions = SessionManager()
    chain = with_history(Parrot(), sessions)
    names = [f"user{number}" for number in range(8)]
    for _ in range(2):
        configs = [session(name) for name in names]
        if asynchronous:
            asyncio.run(chain.abatch(names, configs))
        else:
            chain.batch(names, configs)
    for name in names:
        read = SessionKitChatMessageHistory(name, sessions).messages
        assert texts(read) == [("human", name), ("ai", f"1 {name}"), ("human", name), ("ai", f"3 {name}")]


@pytest.mark.parametrize("run", RUN)
def test_a_failed_run_stores_nothing(run: str) -> None:
    sessions = SessionManager()

    def fail(value: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        RUN[run](with_history(answering(fail), sessions), "hello", session())
    assert list(sessions.list_sessions()) == []


def test_a_history_within_a_history_keeps_both() -> None:
    sessions = SessionManager()
    inner = with_history(Parrot(), sessions)
    outer = with_history(answering(lambda value: inner.invoke(value[-1:], session("inner"))), sessions)
    for text in ("hello", "bye"):
        outer.invoke(text, session("outer"))
    expected = [("human", "hello"), ("ai", "1 hello"), ("human", "bye"), ("ai", "3 bye")]
    for name in ("inner", "outer"):
        assert texts(SessionKitChatMessageHistory(name, sessions).messages) == expected


@pytest.mark.parametrize("run", ["invoke", "ainvoke"])
def test_langchain_logs_and_returns_an_answer_that_cannot_be_stored(run: str, caplog: pytest.LogCaptureFixture) -> None:
    sessions = SessionManager(max_message_bytes=1000)
    answer = AIMessage("x" * 1000)
    assert RUN[run](with_history(answering(lambda value: answer), sessions), "hello", session()) is answer
    assert "InvalidMessageError('message: takes 1,0" in caplog.text
    assert list(sessions.list_sessions()) == []
