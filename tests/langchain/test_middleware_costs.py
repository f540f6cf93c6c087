"""Agents on every kind of store, and the commands of a run: few, and as many however long the conversation is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from sessionkit_integrations import SessionManager
from tests.langchain.agents import agent, calls, check, said, stored, texts, thread
from tests.stores.test_scripted import executed

if TYPE_CHECKING:
    from tests.backends import Backends


@pytest.mark.parametrize("backend", ["sqlite", "redis-8.2", "cluster", "upstash"])
def test_agents_remember_on_every_store(backend: str, backends: Backends) -> None:
    with SessionManager(memory_window=2, store=backends.maker(backend)(archive=True)) as sessions:
        graph, model = agent(sessions, calls("1"), "one", calls("2", "3"), "two", "three")
        graph.invoke(said("a"), thread())

        async def run() -> None:
            await graph.ainvoke(said("b"), thread())
            await sessions.store.aclose()

        asyncio.run(run())
        graph.invoke(said("c"), thread())
        b = [("human", "b"), ("ai", "2,3"), ("tool", "seen"), ("tool", "seen"), ("ai", "two")]
        assert stored(sessions) == [*b, ("human", "c"), ("ai", "three")]
        assert texts(model.prompts[-1]) == [*b, ("human", "c")]
        for prompt in model.prompts:
            check(prompt)


def filled(turns: int, backends: Backends, name: str = "redis-8.2") -> SessionManager:
    """Return sessions, one of which has had some turns, of which three are kept."""
    sessions = SessionManager(memory_window=3, store=backends.maker(name)())
    for number in range(turns):
        question, reply = {"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": "a"}
        sessions.send_messages("s", [question, reply])  # type: ignore[list-item]
    return sessions


APPEND = {"evalsha": 1, "get": 1, "set": 1, "rpush": 1}


def times(number: int, **more: int) -> dict[str, int]:
    return {**{name: calls * number for name, calls in APPEND.items()}, **more}


@pytest.mark.parametrize("turns", [5, 500])
@pytest.mark.parametrize("save", ["step", "run"])
def test_commands_of_a_run(save: str, turns: int, backends: Backends) -> None:
    """One before the model is asked, with the window; then one a step, or one in all."""
    client = backends.server("redis-8.2").client()
    with client, filled(turns, backends) as sessions:
        graph, model = agent(sessions, calls("1", "2"), calls("3"), "done", save=save)
        client.config_resetstat()
        graph.invoke(said("a"), thread())
        counts = executed(client)
        assert len(model.prompts[0]) == 5
        assert counts == times(4 if save == "step" else 2, lrange=1, lpop=1)
        client.config_resetstat()
        asyncio.run(graph.ainvoke(said("b"), thread()))
        assert executed(client) == times(2, lrange=1, lpop=1)


def test_commands_before_the_model_is_asked(backends: Backends) -> None:
    client = backends.server("redis-8.2").client()
    with client, filled(5, backends) as sessions:
        counts: list[Any] = []

        def answer(_messages: Any) -> Any:
            counts.append(executed(client))
            return calls("1")

        graph, _ = agent(sessions, answer)
        client.config_resetstat()
        graph.invoke({"messages": [SystemMessage("Be kind."), HumanMessage("a")]}, thread())
        assert counts == [times(1, lrange=1, lpop=1)]


def test_a_checkpointer_adds_no_commands(backends: Backends) -> None:
    client = backends.server("redis-8.2").client()
    with client, SessionManager(memory_window=3, store=backends.maker("redis-8.2")()) as sessions:
        graph, _ = agent(sessions, checkpointer=InMemorySaver())
        for number in range(40):
            graph.invoke(said(f"q{number}"), thread())
        client.config_resetstat()
        graph.invoke(said("a"), thread())
        assert executed(client) == times(2, lrange=1, lpop=1)


def test_a_run_that_is_resumed_reads_the_window_once(backends: Backends) -> None:
    client = backends.server("redis-8.2").client()
    with client, filled(5, backends) as sessions:
        human = HumanInTheLoopMiddleware(interrupt_on={"look": True})
        graph, _ = agent(sessions, calls("1"), after=[human], checkpointer=InMemorySaver())
        client.config_resetstat()
        graph.invoke(said("a"), thread())
        assert executed(client) == times(1, lrange=1, lpop=1)
        client.config_resetstat()
        graph.invoke(Command(resume={"decisions": [{"type": "approve"}]}), thread())
        assert executed(client) == times(2, lrange=1)


def test_a_run_that_is_resumed_at_the_model_stores_results_with_the_reply(backends: Backends) -> None:
    client = backends.server("redis-8.2").client()
    with client, filled(5, backends) as sessions:
        graph, _ = agent(sessions, calls("1"), "done", interrupt_after=["tools"], checkpointer=InMemorySaver())
        graph.invoke(said("a"), thread())
        client.config_resetstat()
        graph.invoke(None, thread())
        assert executed(client) == times(1, lrange=1)
        assert stored(sessions)[-3:] == [("ai", "1"), ("tool", "seen"), ("ai", "done")]
