"""Agents and other graphs in a `RunnableWithMessageHistory`: their output is their whole state, and is stored once."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableLambda

from sessionkit_integrations import SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from tests.langchain.runs import RUN, answering, session, texts, with_history

CALL = {"name": "look", "args": {}, "id": "1", "type": "tool_call"}


def agent(checkpointer: bool = False) -> Any:
    """Return a graph as agents are: a model that calls a tool, the tool, and the model again."""
    graph = pytest.importorskip("langgraph.graph")
    builder = graph.StateGraph(graph.MessagesState)

    def model(state: Any) -> Any:
        if isinstance(state["messages"][-1], ToolMessage):
            return {"messages": [AIMessage(f"{len(state['messages'])} seen")]}
        return {"messages": [AIMessage("", tool_calls=[CALL])]}

    builder.add_node("model", model)
    builder.add_node("tools", lambda _: {"messages": [ToolMessage("seen", tool_call_id="1")]})
    builder.add_edge(graph.START, "model")
    builder.add_conditional_edges(
        "model", lambda state: "tools" if state["messages"][-1].tool_calls else graph.END, ["tools", graph.END]
    )
    builder.add_edge("tools", "model")
    if not checkpointer:
        return builder.compile()
    memory = pytest.importorskip("langgraph.checkpoint.memory")
    return builder.compile(checkpointer=memory.InMemorySaver())


def stored(sessions: SessionManager) -> list[tuple[str, str]]:
    return texts(SessionKitChatMessageHistory("s", sessions).messages)


def turn(question: str, answer: str) -> list[tuple[str, str]]:
    return [("human", question), ("ai", ""), ("tool", "seen"), ("ai", answer)]


@pytest.mark.parametrize("run", ["invoke", "ainvoke", "batch", "abatch"])
def test_an_agent_stores_each_message_once(run: str) -> None:
    sessions = SessionManager()
    chain = with_history(agent(), sessions, input_messages_key="messages")
    for text in ("a", "b", "c"):
        RUN[run](chain, {"messages": [HumanMessage(text)]}, session())
    assert stored(sessions) == [*turn("a", "3 seen"), *turn("b", "7 seen"), *turn("c", "11 seen")]


@pytest.mark.parametrize("run", ["invoke", "ainvoke"])
def test_an_agent_answers_a_session_that_others_wrote(run: str) -> None:
    sessions = SessionManager()
    sessions.send_messages("s", [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}])
    chain = with_history(agent(), sessions, input_messages_key="messages")
    RUN[run](chain, {"messages": "a"}, session())
    assert stored(sessions) == [("system", "Be brief."), ("human", "hello"), *turn("a", "5 seen")]


def test_what_a_checkpointer_kept_of_earlier_turns_is_not_stored_again() -> None:
    sessions = SessionManager(memory_window=1)
    chain = with_history(agent(checkpointer=True), sessions, input_messages_key="messages")
    for text in ("a", "b", "c"):
        config: Any = {"configurable": {"session_id": "s", "thread_id": "t"}}
        chain.invoke({"messages": [HumanMessage(text)]}, config)
    assert stored(sessions) == turn("c", "11 seen")


def test_a_graph_without_ids_that_returns_its_whole_state_stores_each_message_once() -> None:
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
