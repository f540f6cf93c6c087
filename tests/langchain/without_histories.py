"""Uses the room `langchain`, in a process from which LangChain's histories were taken away."""
# ruff: noqa: T201 - the test reads it

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from sessionkit_integrations import RemovedClassError, SessionManager, Summary
from sessionkit_integrations.demo.in_langchain import chat
from sessionkit_integrations.langchain import (
    HistoryFactory,
    SessionKitChatMessageHistory,
    SessionKitMiddleware,
    summarizer,
)
from sessionkit_integrations.langchain.codec import LangChainCodec
from sessionkit_integrations.tokens import langchain_counter


def refuse_histories(sessions: SessionManager) -> None:
    uses: list[Any] = [
        lambda: SessionKitChatMessageHistory("s", sessions),
        lambda: HistoryFactory(sessions, ["session_id"]),
        lambda: chat(sessions, "s"),
    ]
    for use in uses:
        try:
            use()
        except RemovedClassError as error:
            print(f"RemovedClassError: {error}")


def keep_messages(sessions: SessionManager) -> None:
    call = {"name": "look", "args": {"q": "x"}, "id": "1", "type": "tool_call"}
    turn = [HumanMessage("Look"), AIMessage("", tool_calls=[call]), ToolMessage("found", tool_call_id="1")]
    chats = sessions.using(LangChainCodec())
    chats.append("s", turn)
    assert chats.read("s") == turn
    print("codec")


def summarise(sessions: SessionManager) -> None:
    for question in ("one", "two"):
        sessions.add_user_message("summarised", question)
    summary = sessions.summarize("summarised")
    assert summary is not None
    assert summary.text == "All about one."
    print("summarizer")


def run_an_agent(sessions: SessionManager, model: FakeListChatModel) -> None:
    agent = create_agent(model, middleware=[SessionKitMiddleware(sessions)])
    agent.invoke({"messages": [HumanMessage("Hello")]}, {"configurable": {"thread_id": "agent"}})
    assert [message["content"] for message in sessions.get_session("agent")] == ["Hello", "All about one."]
    print("agent")


def use() -> None:
    """Print what works, in the order in which it is tried."""
    model = FakeListChatModel(responses=["All about one."], custom_get_token_ids=lambda text: list(range(len(text))))
    with SessionManager(1, summary=Summary(summarizer(model), every=None)) as made:
        refuse_histories(made)
        keep_messages(made)
        summarise(made)
        run_an_agent(made, model)
    assert langchain_counter(model)({"role": "user", "content": "Hello"}) == len("Human: Hello")
    print("counter")
