"""Agents of `create_agent` whose memory is a session: what the model sees, what is stored, and what a caller sees."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver

from sessionkit_integrations import InvalidSessionIdError, SessionKitError, SessionManager, Summary
from sessionkit_integrations.langchain import SessionKitMiddleware
from tests.langchain.agents import RUN, agent, calls, check, said, stored, texts, thread

EARLIER = "what was said before"


def turn(question: str, call: str, answer: str) -> list[tuple[str, str]]:
    return [("human", question), ("ai", call), ("tool", "seen"), ("ai", answer)]


def begun(window: int = 10) -> SessionManager:
    """Return sessions, one of which has been begun elsewhere."""
    sessions = SessionManager(window)
    sessions.add_system_message("s", "Be brief.")
    sessions.add_user_message("s", EARLIER)
    return sessions


@pytest.mark.pairwise
@pytest.mark.parametrize("save", ["step", "run"])
@pytest.mark.parametrize("run", RUN)
def test_the_model_sees_the_session_and_the_caller_the_run(run: str, save: str) -> None:
    sessions = begun()
    graph, model = agent(sessions, calls("1"), "one", calls("2"), "two", save=save)
    first = RUN[run](graph, said("a"), thread())
    second = RUN[run](graph, said("b"), thread())
    begin = [("system", "Be brief."), ("human", EARLIER)]
    assert texts(first["messages"]) == turn("a", "1", "one")
    assert texts(second["messages"]) == turn("b", "2", "two")
    private = {"sessionkit", "sessionkit_run"} if "stream" in run else set()
    assert first.keys() == second.keys() == {"messages"} | private
    assert stored(sessions) == [*begin, *turn("a", "1", "one"), *turn("b", "2", "two")]
    assert [texts(prompt) for prompt in model.prompts] == [
        [*begin, ("human", "a")],
        [*begin, *turn("a", "1", "one")[:3]],
        [*begin, *turn("a", "1", "one"), ("human", "b")],
        [*begin, *turn("a", "1", "one"), *turn("b", "2", "two")[:3]],
    ]
    for prompt in model.prompts:
        check(prompt)


def test_the_model_sees_the_window_alone_however_many_turns_there_were() -> None:
    sessions = SessionManager(memory_window=2)
    graph, model = agent(sessions)
    for number in range(5):
        graph.invoke(said(f"q{number}"), thread())
    assert texts(model.prompts[-1]) == [("human", "q3"), ("ai", "3 seen"), ("human", "q4")]
    assert stored(sessions) == [("human", "q3"), ("ai", "3 seen"), ("human", "q4"), ("ai", "3 seen")]


def test_the_model_sees_the_summary_of_what_left_the_window() -> None:
    summary = Summary(lambda _previous, messages: f"about {len(messages)}", every=1, background=False)
    graph, model = agent(SessionManager(memory_window=1, summary=summary))
    graph.invoke(said("a"), thread())
    graph.invoke(said("b"), thread())
    kinds = [message.type for message in model.prompts[-1]]
    assert kinds == ["system", "human"]
    assert "about 2" in model.prompts[-1][0].text


def test_instructions_of_the_agent_come_first_and_are_not_stored() -> None:
    sessions = begun()
    graph, model = agent(sessions, system_prompt="You are kind.")
    graph.invoke(said("a"), thread())
    assert texts(model.prompts[0])[:3] == [("system", "You are kind."), ("system", "Be brief."), ("human", EARLIER)]
    assert ("system", "You are kind.") not in stored(sessions)


def test_messages_come_back_equal() -> None:
    sessions = SessionManager()
    answer = AIMessage(
        [{"type": "text", "text": "hm"}],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"model_name": "m"},
    )
    graph, model = agent(sessions, answer)
    question = HumanMessage([{"type": "text", "text": "look"}], name="ada")
    result = graph.invoke({"messages": [question]}, thread())
    graph.invoke(said("b"), thread())
    assert model.prompts[-1][:2] == result["messages"]


MODES: list[Any] = ["values", "updates", "messages", "custom", "tasks", "debug", "checkpoints"]


@pytest.mark.pairwise
@pytest.mark.parametrize("checkpointer", [False, True])
@pytest.mark.parametrize("mode", [*MODES, MODES])
def test_no_stream_shows_what_was_said_before(mode: Any, checkpointer: bool) -> None:
    graph, model = agent(begun(), calls("1"), "one", checkpointer=InMemorySaver() if checkpointer else None)
    chunks = list(graph.stream(said("a"), thread(), stream_mode=mode))

    async def streamed() -> list[Any]:
        return [chunk async for chunk in graph.astream(said("b"), thread("s"), stream_mode=mode)]

    more = asyncio.run(streamed())
    assert EARLIER not in f"{chunks}{more}"
    assert len(model.prompts) == 3
    assert all(EARLIER in [message.text for message in prompt] for prompt in model.prompts)


def test_messages_are_streamed_once() -> None:
    graph, _ = agent(begun(), calls("1"), "one two")
    chunks: Any = graph.stream(said("a"), thread(), stream_mode="messages")
    assert [message.text for message, _ in chunks if message.text] == ["seen", "one", "two"]


def test_what_a_stream_shows_of_our_own_state_is_json() -> None:
    graph, _ = agent(begun(), calls("1"), "one")
    updates = list(graph.stream(said("a"), thread(), stream_mode="updates"))
    ours = [value for update in updates for name, value in update.items() if name.startswith("SessionKit")]
    assert len(ours) == 5
    assert json.loads(json.dumps(ours)) == ours
    assert {type(value["sessionkit_run"]) for value in copy.deepcopy(ours) if value} == {str}


def test_a_batch_of_runs_keeps_sessions_apart() -> None:
    sessions = SessionManager()
    graph, _ = agent(sessions, lambda m: f"re: {m[-1].text}", lambda m: f"re: {m[-1].text}")
    graph.batch([said("a"), said("b")], [thread("s"), thread("t")])
    assert stored(sessions, "s") == [("human", "a"), ("ai", "re: a")]
    assert stored(sessions, "t") == [("human", "b"), ("ai", "re: b")]


async def test_two_runs_at_once_on_one_session_lose_nothing() -> None:
    sessions = SessionManager()
    graph, model = agent(sessions, *(lambda m: calls(f"of {m[-1].text}") for _ in range(2)))
    await asyncio.gather(graph.ainvoke(said("a"), thread()), graph.ainvoke(said("b"), thread()))
    kept = stored(sessions)
    assert sorted(kept[:2]) == [("human", "a"), ("human", "b")]
    assert {("ai", "of a"), ("ai", "of b"), ("tool", "seen")} < set(kept)
    assert len(kept) == 8
    for prompt in model.prompts:
        check(prompt)
    await graph.ainvoke(said("c"), thread())
    check(model.prompts[-1])
    assert len(model.prompts[-1]) == 9


def test_the_session_may_be_what_a_callable_returns() -> None:
    sessions = SessionManager()
    graph, _ = agent(sessions, session_id=lambda runtime: runtime.context["user"], context_schema=dict)
    graph.invoke(said("a"), context={"user": "ada"})
    graph.invoke(said("b"), thread("other"), context={"user": "ada"})
    assert stored(sessions, "ada") == [("human", "a"), ("ai", "1 seen"), ("human", "b"), ("ai", "3 seen")]
    assert list(sessions.list_sessions()) == ["ada"]


@pytest.mark.parametrize("thread_id", [7, UUID(int=7)])
def test_a_thread_may_have_a_number_as_savers_allow(thread_id: Any) -> None:
    sessions = SessionManager()
    agent(sessions)[0].invoke(said("a"), thread(thread_id))
    assert list(sessions.list_sessions()) == [str(thread_id)]


@pytest.mark.parametrize("run", ["invoke", "ainvoke"])
def test_a_run_without_a_session_is_told_how_to_name_one(run: str) -> None:
    sessions = SessionManager()
    graph, model = agent(sessions)
    with pytest.raises(
        SessionKitError, match=r'pass config=\{"configurable": \{"thread_id": .* or pass session_id=, a callable'
    ):
        RUN[run](graph, said("a"), {})
    assert (list(sessions.list_sessions()), model.prompts) == ([], [])


@pytest.mark.parametrize("session_id", ["", None, b"s", "x" * 600])
def test_what_is_no_session_id_is_refused(session_id: Any) -> None:
    graph, model = agent(SessionManager(), session_id=lambda _runtime: session_id)
    with pytest.raises(InvalidSessionIdError):
        graph.invoke(said("a"))
    assert model.prompts == []


def test_arguments_are_checked() -> None:
    sessions: Any = SessionManager()
    with pytest.raises(TypeError, match="sessions must be a SessionManager"):
        SessionKitMiddleware(sessions.store)
    with pytest.raises(TypeError, match="session_id must be a callable that takes the runtime, got 's'"):
        SessionKitMiddleware(sessions, session_id="s")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='save must be "step" or "run", got \'turn\''):
        SessionKitMiddleware(sessions, save="turn")  # type: ignore[arg-type]


def test_a_preamble_in_the_first_input_is_the_session_s() -> None:
    sessions = SessionManager(memory_window=1)
    graph, model = agent(sessions)
    graph.invoke({"messages": [SystemMessage("Be kind."), HumanMessage("a")]}, thread())
    graph.invoke(said("b"), thread())
    assert [texts(prompt) for prompt in model.prompts] == [
        [("system", "Be kind."), ("human", "a")],
        [("system", "Be kind."), ("human", "b")],
    ]


def test_an_input_of_several_turns_is_stored_as_it_is() -> None:
    sessions = SessionManager()
    graph, model = agent(sessions)
    shots = [HumanMessage("1?"), AIMessage("1!"), HumanMessage("2?")]
    graph.invoke({"messages": shots}, thread())
    assert texts(model.prompts[0]) == texts(shots)
    assert stored(sessions) == [*texts(shots), ("ai", "3 seen")]


def test_a_question_of_several_messages_is_seen_whole() -> None:
    sessions = SessionManager(memory_window=1)
    graph, model = agent(sessions)
    graph.invoke(said("a"), thread())
    graph.invoke({"messages": [HumanMessage("a file"), HumanMessage("what is in it?")]}, thread())
    assert texts(model.prompts[-1]) == [("human", "a file"), ("human", "what is in it?")]
