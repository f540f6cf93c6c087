"""Agents of LlamaIndex that search what left their window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer

from sessionkit_integrations import InMemoryStore, InvalidSessionIdError, SessionManager, StoreError
from sessionkit_integrations.llama_index import recall_tool
from tests.llama_index.agents import Script, function_agent, own_memory, plain_memory, react_agent, says
from tests.llama_index.samples import assistant

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.core.memory import Memory

    from tests.backends import Backends

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate


def archiving(window: int = 1) -> SessionManager:
    return SessionManager(window, InMemoryStore(archive=True))


def left(sessions: SessionManager, *session_ids: str) -> SessionManager:
    """Let a turn leave the window of sessions."""
    for session_id in session_ids:
        for text in (f"I am allergic to peanuts in {session_id}.", "Hello"):
            sessions.add_user_message(session_id, text)
            sessions.add_assistant_message(session_id, "I see.")
    return sessions


def recalling(query: Any = "peanuts", **more: Any) -> Any:
    arguments = {"query": query, **more}
    return assistant(ToolCallBlock(tool_call_id="1", tool_name="recall", tool_kwargs=arguments))


def quoted(text: Any) -> list[str]:
    """Return what somebody said in an answer."""
    return re.findall(r"^  (.*)$", str(text), re.MULTILINE)


def answer(sessions: SessionManager, session_id: str = "s") -> str:
    """Return the last result of a tool."""
    return str([each["content"] for each in sessions.get_session(session_id) if each["role"] == "tool"][-1])


@pytest.mark.parametrize("make_memory", [own_memory, plain_memory])
@pytest.mark.parametrize("session_id", [None, "s"])
async def test_an_agent_finds_what_left_its_window(session_id: str | None, make_memory: Callable[..., Memory]) -> None:
    sessions = left(archiving(), "s", "other")
    script = Script(recalling(session_id="other", ctx="other", limit=99), says("Peanuts."))
    agent = function_agent(script, recall_tool(sessions, session_id))
    await agent.run("What am I allergic to?", memory=make_memory(sessions))
    assert quoted(answer(sessions)) == ["I am allergic to peanuts in s.", "I see."]
    assert script.flaws == []
    assert script.said[1][-1] == answer(sessions)


@pytest.mark.parametrize("backend", ["sqlite", "redis-8.2"])
async def test_it_does_on_a_store_with_files_and_on_a_server(backend: str, backends: Backends) -> None:
    async with SessionManager(1, backends.maker(backend)(archive=True)) as sessions:
        left(sessions, "s")
        script = Script(recalling(), says("Peanuts."))
        await function_agent(script, recall_tool(sessions)).run("What?", memory=own_memory(sessions))
        assert quoted(answer(sessions)) == ["I am allergic to peanuts in s.", "I see."]


async def test_one_agent_searches_for_many_sessions_in_a_workflow() -> None:
    sessions = left(archiving(), "s", "t")
    script = Script(recalling(), says("a"), recalling(), says("b"))
    workflow = AgentWorkflow([function_agent(script, recall_tool(sessions), name="one", description="One.")])
    for session_id in ("s", "t"):
        memory = own_memory(sessions).model_copy(update={"session_id": session_id})
        await workflow.run("What?", memory=memory)
        assert quoted(answer(sessions, session_id))[0] == f"I am allergic to peanuts in {session_id}."


async def test_what_was_recalled_in_a_turn_is_not_found_again_even_in_reasoning() -> None:
    sessions = left(archiving(), "s")
    script = Script(
        says('Thought: I look.\nAction: recall\nAction Input: {"query": "allergic"}'),
        says("Thought: I know.\nAnswer: Nuts."),
    )
    agent = react_agent(script, recall_tool(sessions))
    await agent.run("What?", memory=own_memory(sessions))
    assert "I am allergic" in str(sessions.get_session("s"))  # in one message with the reasoning
    sessions.add_user_message("s", "Next")
    assert [hit.messages[0]["content"] for hit in sessions.search("peanuts", session_id="s")] == [
        "I am allergic to peanuts in s."
    ]
    told = recall_tool(sessions, "s").call(query="").content
    assert told.count("I am allergic") == 1
    assert "[earlier turns that were recalled, left out]" in told


async def test_a_question_that_cannot_be_asked_is_told_to_the_model() -> None:
    sessions = left(archiving(), "s")
    script = Script(recalling(since="yesterday"), recalling(7), recalling(), says("a"))
    await function_agent(script, recall_tool(sessions)).run("What?", memory=own_memory(sessions))
    first, second, third = [str(each["content"]) for each in sessions.get_session("s") if each["role"] == "tool"]
    assert first == "since must be a time in ISO 8601, such as 2026-11-28T12:00Z, got 'yesterday'"
    assert "Input should be a valid string" in second
    assert quoted(third)[0] == "I am allergic to peanuts in s."


async def test_a_store_that_fails_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = left(archiving(), "s")

    async def fail(*_: Any, **__: Any) -> Any:
        raise StoreError("away")

    monkeypatch.setattr(sessions, "asearch", fail)
    script = Script(recalling(), says("Sorry."))
    await function_agent(script, recall_tool(sessions)).run("What?", memory=own_memory(sessions))
    assert answer(sessions).endswith("Go on without it, and say that you could not look it up.")
    with pytest.raises(StoreError, match="could not be searched"):
        await recall_tool(sessions, "s").acall(query="x")


async def test_a_run_without_a_session_is_told_so() -> None:
    script = Script(recalling(), says("Sorry."))
    memory = ChatMemoryBuffer.from_defaults()
    await function_agent(script, recall_tool(archiving())).run("What?", memory=memory)
    assert script.said[1][-1] == "the run has no session: pass it memory=SessionKitMemory.from_defaults(…)"


async def test_it_can_be_called_alone_and_is_shown_with_three_arguments() -> None:
    sessions = left(archiving(), "s")
    tool = recall_tool(sessions, "s", name="look_up", description="Look up.", limit=1, max_characters=1000)
    assert quoted(tool(query="peanuts").content) == ["I am allergic to peanuts in s.", "I see."]
    assert (await tool.acall(query="peanuts")).content == tool.call("peanuts").content
    shown = tool.metadata.to_openai_tool()["function"]
    assert (shown["name"], shown["description"]) == ("look_up", "Look up.")
    assert list(shown["parameters"]["properties"]) == ["query", "since", "until"]
    assert shown["parameters"]["required"] == ["query"]
    assert recall_tool(sessions).metadata.get_parameters_dict() == tool.metadata.get_parameters_dict()


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InvalidSessionIdError):
        recall_tool(archiving(), "")
    with pytest.raises(ValueError, match="make it with archive=True"):
        recall_tool(SessionManager(), "s")
