"""Agents and other graphs in a `RunnableWithMessageHistory`: their output is their whole state, and is stored once."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from sessionkit_integrations import SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from tests.langchain.runs import RUN, answering, session, texts, with_history

CALL: Any = {"name": "look", "args": {}, "type": "tool_call"}


class Looking(BaseChatModel):
    """Calls the tool ``look`` after a question, and says after its result how many messages it was given."""

    @property
    def _llm_type(self) -> str:
        return "looking"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=next_message(messages))])


def look() -> str:
    """Look around."""
    return "seen"


def next_message(messages: list[Any]) -> AIMessage:
    if isinstance(messages[-1], ToolMessage):
        return AIMessage(f"{len(messages)} seen")
    return AIMessage("", tool_calls=[{**CALL, "id": f"call {len(messages)}"}])


def agent(checkpointer: InMemorySaver | None = None) -> Any:
    """Return an agent as LangChain makes it."""
    return create_agent(Looking(), [look], checkpointer=checkpointer)


def graph(checkpointer: InMemorySaver | None = None) -> Any:
    """Return a graph as agents are: a model that calls a tool, the tool, and the model again."""
    builder = StateGraph(MessagesState)

    def model(state: MessagesState) -> Any:
        return {"messages": [next_message(state["messages"])]}

    def tools(state: MessagesState) -> Any:
        (call,) = getattr(state["messages"][-1], "tool_calls", [])
        return {"messages": [ToolMessage("seen", tool_call_id=call["id"])]}

    def after_model(state: MessagesState) -> str:
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

    builder.add_node("model", model)
    builder.add_node("tools", tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", after_model, ["tools", END])
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=checkpointer)


GRAPHS = {"agent": agent, "graph": graph}


def stored(sessions: SessionManager) -> list[tuple[str, str]]:
    return texts(SessionKitChatMessageHistory("s", sessions).messages)


def turn(question: str, answer: str) -> list[tuple[str, str]]:
    return [("human", question), ("ai", ""), ("tool", "seen"), ("ai", answer)]


@pytest.mark.parametrize("made", GRAPHS)
@pytest.mark.parametrize("run", ["invoke", "ainvoke", "stream", "astream", "batch", "abatch"])
def test_an_agent_stores_each_message_once(run: str, made: str) -> None:
    sessions = SessionManager()
    chain = with_history(GRAPHS[made](), sessions, input_messages_key="messages")
    for text in ("a", "b", "c"):
        RUN[run](chain, {"messages": [HumanMessage(text)]}, session())
    assert stored(sessions) == [*turn("a", "3 seen"), *turn("b", "7 seen"), *turn("c", "11 seen")]


@pytest.mark.parametrize("made", GRAPHS)
@pytest.mark.parametrize("run", ["invoke", "ainvoke"])
def test_an_agent_answers_a_session_that_others_wrote(run: str, made: str) -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}])
    chain = with_history(GRAPHS[made](), sessions, input_messages_key="messages")
    RUN[run](chain, {"messages": "a"}, session())
    assert stored(sessions) == [("system", "Be brief."), ("human", "hello"), *turn("a", "5 seen")]


@pytest.mark.parametrize("made", GRAPHS)
def test_what_a_checkpointer_kept_of_earlier_turns_is_not_stored_again(made: str) -> None:
    sessions = SessionManager(memory_window=1)
    chain = with_history(GRAPHS[made](checkpointer=InMemorySaver()), sessions, input_messages_key="messages")
    for text in ("a", "b", "c"):
        config: Any = {"configurable": {"session_id": "s", "thread_id": "t"}}
        chain.invoke({"messages": [HumanMessage(text)]}, config)
    assert stored(sessions) == turn("c", "11 seen")


def test_a_graph_that_returns_its_whole_state_stores_each_message_once() -> None:
    """Its messages have no ids."""
    sessions = SessionManager()
    chain = with_history(RunnableLambda(lambda value: [*value, AIMessage(f"re: {value[-1].content}")]), sessions)
    for text in ("a", "b"):
        chain.invoke([HumanMessage(text)], session())
    assert stored(sessions) == [("human", "a"), ("ai", "re: a"), ("human", "b"), ("ai", "re: b")]


def test_a_summary_that_a_graph_puts_before_the_input_is_not_stored() -> None:
    sessions = SessionManager()
    chain = with_history(
        answering(lambda value: [SystemMessage("summary", id="new"), value[-1], AIMessage("answer")]), sessions
    )
    chain.invoke([HumanMessage("a", id="1")], session())
    assert stored(sessions) == [("human", "a"), ("ai", "answer")]


def test_a_reader_cannot_change_what_a_run_reads_again() -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "hello")
    history = SessionKitChatMessageHistory.factory(sessions)("s")
    history.messages[0].content = "changed"
    assert history.messages == [HumanMessage("hello")]


async def test_a_history_that_is_kept_longer_than_a_run_reads_afresh() -> None:
    sessions = SessionManager()
    history = SessionKitChatMessageHistory.factory(sessions)("s")
    history.add_messages([HumanMessage("a")])
    assert len(history.messages) == 1
    sessions.add_user_message("s", "b")
    assert len(history.messages) == len(await history.aget_messages()) == 2
