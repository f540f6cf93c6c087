"""Agents that search what left their window: their own session alone, what they are told, and where that is kept."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig  # noqa: TC002 - LangGraph looks at the parameters of nodes
from langchain_core.tools import ToolException, tool
from langgraph.graph import START, MessagesState, StateGraph

from sessionkit_integrations import InMemoryStore, InvalidSessionIdError, SessionManager, StoreError
from sessionkit_integrations.langchain import SessionKitMiddleware, recall_tool
from tests.langchain.agents import RUN, Scripted, agent, calls, check, said, stored, texts, thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from tests.backends import Backends

NOTHING = "[recalled] Nothing was found in the earlier part of this conversation. Other words may find it."
INHERITS = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="an agent in a tool inherits its thread from Python 3.11 on in a loop"
)
BOTH = pytest.mark.parametrize("run", ["invoke", "ainvoke"])


def archiving(window: int = 1, **options: Any) -> SessionManager:
    return SessionManager(window, InMemoryStore(archive=True), **options)


def left(sessions: SessionManager, session_id: str = "s", *said: str) -> SessionManager:
    """Let a turn leave the window of a session, and others after it."""
    for text in (f"I am allergic to peanuts in {session_id}.", *said, "Hello"):
        sessions.add_user_message(session_id, text)
        sessions.add_assistant_message(session_id, "I see.")
    return sessions


def recalling(*ids: str, query: Any = "peanuts", **args: Any) -> Any:
    return calls(*ids, name="recall", query=query, **args)


def results(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    return [message for message in messages if isinstance(message, ToolMessage)]


def quoted(text: str) -> list[str]:
    """Return what somebody said in an answer."""
    return re.findall(r"^  (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("run", RUN)
def test_an_agent_finds_what_left_its_window(run: str) -> None:
    sessions = left(left(archiving()), "t")
    graph, model = agent(sessions, recalling("1"), "peanuts", recall=True)
    messages = RUN[run](graph, said("What am I allergic to?"), thread())["messages"]
    (result,) = results(messages)
    assert quoted(result.text) == ["I am allergic to peanuts in s.", "I see."]
    assert (result.name, result.status, result.tool_call_id) == ("recall", "success", "1")
    assert stored(sessions) == texts(messages) == [*texts(model.prompts[-1][-3:]), ("ai", "peanuts")]
    for prompt in model.prompts:
        check(prompt)
        assert not any("peanuts" in message.text for message in prompt if message.type == "human")


@pytest.mark.parametrize("backend", ["sqlite", "redis-8.2"])
def test_it_does_on_a_store_with_files_and_on_a_server(backend: str, backends: Backends) -> None:
    with SessionManager(memory_window=1, store=backends.maker(backend)(archive=True)) as sessions:
        left(sessions)
        graph, _ = agent(sessions, recalling("1"), "one", recalling("2", query="allergic"), "two", recall=True)
        answers = [results(graph.invoke(said("a"), thread())["messages"])]

        async def run() -> None:
            answers.append(results((await graph.ainvoke(said("b"), thread()))["messages"]))
            await sessions.store.aclose()

        asyncio.run(run())
        assert [quoted(result.text)[0] for (result,) in answers] == ["I am allergic to peanuts in s."] * 2


@BOTH
def test_whatever_the_model_passes_it_is_its_own_session(run: str) -> None:
    sessions = left(left(archiving(), "other"))
    config = {"configurable": {"thread_id": "other"}}
    forged = recalling("1", session_id="other", thread_id="other", config=config, runtime={"config": config}, limit=99)
    graph, _ = agent(sessions, forged, recall=True)
    (result,) = results(RUN[run](graph, said("a"), thread())["messages"])
    assert quoted(result.text)[0] == "I am allergic to peanuts in s."


@BOTH
def test_the_session_is_that_of_the_callable(run: str) -> None:
    sessions = left(left(archiving(), "ada"), "s")
    graph, _ = agent(
        sessions,
        recalling("1"),
        session_id=lambda runtime: runtime.context["user"],
        recall=True,
        context_schema=dict,
    )
    (result,) = results(RUN[run](graph, said("a"), thread(), context={"user": "ada"})["messages"])
    assert quoted(result.text)[0] == "I am allergic to peanuts in ada."


@pytest.mark.parametrize("own", [pytest.param(False, marks=INHERITS), True])
async def test_an_agent_in_a_tool_has_a_session_of_its_own_or_none(own: bool) -> None:
    sessions = left(left(archiving(), "inner"))
    inner, _ = agent(sessions, recalling("i"), "inner", recall=True)
    told: list[str] = []

    @tool
    async def ask() -> str:
        """Ask another agent."""
        messages = (await inner.ainvoke(said("asked"), thread("inner") if own else None))["messages"]
        told.append(results(messages)[0].text)
        return "asked"

    outer, _ = agent(sessions, calls("1", name="ask"), recalling("2"), tools=[ask], recall=True)
    (_, result) = results((await outer.ainvoke(said("a"), thread()))["messages"])
    assert quoted(result.text)[0] == "I am allergic to peanuts in s."
    assert quoted(told[0])[:1] == (["I am allergic to peanuts in inner."] if own else [])
    assert (told[0] == NOTHING) is not own


def test_agents_of_one_graph_search_the_session_of_its_thread() -> None:
    sessions = left(archiving())
    graph: Any = StateGraph(MessagesState)
    first, _ = agent(sessions, recalling("1"), "one", recall=True)
    second, _ = agent(sessions, recalling("2", query="allergic"), "two", recall=True)
    graph.add_sequence([("first", first), ("second", second)]).add_edge(START, "first")
    messages = graph.compile().invoke(said("a"), thread())["messages"]
    assert [quoted(result.text)[0] for result in results(messages)] == ["I am allergic to peanuts in s."] * 2


def test_the_window_is_not_searched() -> None:
    sessions = left(archiving(3), "s", "More peanuts")
    graph, model = agent(sessions, recalling("1"), recall=True)
    (result,) = results(graph.invoke(said("Are there peanuts?"), thread())["messages"])
    assert quoted(result.text) == ["I am allergic to peanuts in s.", "I see."]
    assert [message.text for message in model.prompts[-1] if message.type == "human"] == [
        "More peanuts",
        "Hello",
        "Are there peanuts?",
    ]


def test_what_was_recalled_in_a_turn_is_neither_found_nor_told_again() -> None:
    sessions = left(archiving())
    graph, _ = agent(
        sessions, recalling("1"), "Peanuts.", "Well.", recalling("2"), recalling("3", query="tags"), recall=True
    )
    for question in ("What makes me ill?", "Hm"):
        graph.invoke(said(question), thread())
    result, other = results(graph.invoke(said("And?"), thread())["messages"])
    turns = result.text.split("\n\n")[1:]
    assert sorted(quoted(turn)[0] for turn in turns) == ["I am allergic to peanuts in s.", "What makes me ill?"]
    assert result.text.count("I am allergic") == 1
    assert result.text.count("\n  [earlier turns that were recalled, left out]\n") == 1
    assert other.text == NOTHING


def test_an_agent_that_asks_again_does_not_find_its_own_questions() -> None:
    sessions = left(archiving())
    answers = [answer for number in range(3) for answer in (recalling(str(number)), "Well.")]
    middleware = SessionKitMiddleware(sessions)
    graph: Any = create_agent(Scripted(answers=answers), [recall_tool(sessions, limit=1)], middleware=[middleware])
    for _ in range(3):
        (result,) = results(graph.invoke(said("What makes me ill?"), thread())["messages"])
        assert quoted(result.text) == ["I am allergic to peanuts in s.", "I see."]


def test_a_tool_of_ones_own_beside_the_middleware_and_without_it() -> None:
    sessions = left(archiving(), "s", "more peanuts", "peanuts again")
    own = recall_tool(sessions, name="look_up", description="Look up.", limit=1, max_characters=1000)
    assert (own.name, own.description) == ("look_up", "Look up.")
    for middleware in ([SessionKitMiddleware(sessions)], []):
        model = Scripted(answers=[calls("1", name="look_up", query="peanuts"), "done"])
        graph: Any = create_agent(model, [own], middleware=middleware)
        (result,) = results(graph.invoke(said("a"), thread())["messages"])
        assert result.text.count(" UTC\n") == 1

    def look(state: MessagesState, config: RunnableConfig) -> Any:
        answered: Any = state["messages"][-1]
        return {"messages": [own.invoke(answered.tool_calls[0], config)]}

    plain: Any = StateGraph(MessagesState).add_node("look", look).add_edge(START, "look").compile()
    asked = {"messages": [calls("1", name="look_up", query="peanuts")]}
    assert plain.invoke(asked, thread())["messages"][-1].text == result.text


def test_the_model_is_shown_three_arguments() -> None:
    schema: Any = recall_tool(archiving()).tool_call_schema
    shown = schema.model_json_schema()
    assert list(shown["properties"]) == ["query", "since", "until"]
    assert shown["required"] == ["query"]


async def test_it_can_be_invoked_alone() -> None:
    sessions = left(archiving())
    alone, call = recall_tool(sessions), {"query": "peanuts"}
    assert quoted(alone.invoke(call, thread()))[0] == "I am allergic to peanuts in s."
    assert await alone.ainvoke(call, thread()) == alone.invoke(call, thread())
    named = recall_tool(sessions, session_id=lambda runtime: "s" if runtime.context is None else "")
    assert await named.ainvoke(call) == named.invoke(call) == alone.invoke(call, thread())
    with pytest.raises(InvalidSessionIdError, match="the run has no session"):
        alone.invoke(call)


@BOTH
@pytest.mark.parametrize("since", ["yesterday", 7])
def test_a_question_that_cannot_be_asked_is_told_to_the_model(run: str, since: Any) -> None:
    graph, _ = agent(left(archiving()), recalling("1", since=since), recalling("2"), "done", recall=True)
    wrong, right = results(RUN[run](graph, said("a"), thread())["messages"])
    assert (wrong.status, right.status) == ("error", "success")
    assert "since" in wrong.text


@BOTH
def test_a_store_that_fails_ends_no_run(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = left(archiving())
    graph, _ = agent(sessions, recalling("1"), "sorry", recall=True)

    def fail(*_: Any, **__: Any) -> Any:
        raise StoreError("away")

    for method in ("search", "asearch"):
        monkeypatch.setattr(sessions, method, fail)
    messages = RUN[run](graph, said("a"), thread())["messages"]
    (result,) = results(messages)
    assert result.status == "error"
    assert result.text.endswith("Go on without it, and say that you could not look it up.")
    assert stored(sessions) == texts(messages)
    alone = recall_tool(sessions)
    alone.handle_tool_error = False
    with pytest.raises(ToolException) as raised:
        alone.invoke({"query": "x"}, thread())
    assert isinstance(raised.value.__cause__, StoreError)


def test_without_recall_there_is_no_tool_and_wrong_arguments_are_refused() -> None:
    assert not getattr(SessionKitMiddleware(archiving()), "tools", None)
    assert [each.name for each in SessionKitMiddleware(archiving(), recall=True).tools] == ["recall"]
    with pytest.raises(ValueError, match="make it with archive=True"):
        SessionKitMiddleware(SessionManager(), recall=True)
    with pytest.raises(TypeError, match="session_id must be a callable"):
        recall_tool(archiving(), session_id="s")  # type: ignore[arg-type]
