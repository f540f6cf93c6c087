"""An agent of LangChain, with the offline model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from sessionkit_integrations.demo.answers import get_weather
from sessionkit_integrations.demo.in_langchain import OfflineChatModel
from sessionkit_integrations.langchain.middleware import SessionKitMiddleware
from sessionkit_integrations.langchain.recalling import recall_tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import RunnableConfig

    from sessionkit_integrations.sessions.manager import SessionManager


def chat(sessions: SessionManager, session_id: str) -> Callable[[str], object]:
    """Return a function that asks a question in a session, through an agent that recalls what left the window."""
    tools: list[Any] = [get_weather, recall_tool(sessions, limit=1)]
    agent = create_agent(OfflineChatModel(), tools, middleware=[SessionKitMiddleware(sessions)])
    config: RunnableConfig = {"configurable": {"thread_id": session_id}}
    return lambda question: agent.invoke({"messages": [HumanMessage(question)]}, config)
