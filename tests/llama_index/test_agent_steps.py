"""Steps of agents whose run did not end: `save_steps` stores them, and the context goes on with valid prompts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, ToolCall
from llama_index.core.workflow import Context, WorkflowRuntimeError
from workflows.errors import WorkflowCancelledByUser

from sessionkit_integrations import SessionManager, StoreError
from sessionkit_integrations.llama_index import save_steps
from sessionkit_integrations.window.open_calls import INTERRUPTED
from tests.llama_index.agents import (
    MEMORIES,
    DownError,
    Script,
    brief,
    calls,
    function_agent,
    own_memory,
    react_agent,
    says,
)
from tests.llama_index.samples import assistant

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.core.memory import Memory

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # LlamaIndex's agents use what others deprecate
    pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key"),  # a plain `Memory`
]


async def wait(q: str) -> str:
    """Wait for long."""
    await asyncio.sleep(3600)
    return q


def texts(memory_or_session: list[Any]) -> list[str]:
    return [each["content"] if isinstance(each, dict) else brief(each) for each in memory_or_session]


@pytest.mark.parametrize("make_memory", MEMORIES)
async def test_a_model_that_raises(make_memory: Callable[..., Memory]) -> None:
    sessions = SessionManager()
    memory = make_memory(sessions)
    script = Script(calls("1"), DownError(), says("Hello."), says("Bye."))
    agent = function_agent(script)
    handler = agent.run("q 1", memory=memory)
    with pytest.raises(DownError):
        await handler
    assert list(map(brief, await save_steps(handler.ctx))) == ["look(1)", "found 1"]
    assert await save_steps(handler.ctx) == []
    for question in ("q 2", "q 3"):
        await agent.run(question, ctx=handler.ctx, memory=memory)
    assert script.flaws == []
    assert script.said[2] == ["q 1", "look(1)", "found 1", "q 2"]
    assert texts(await memory.aget()) == ["q 1", "look(1)", "found 1", "q 2", "Hello.", "q 3", "Bye."]
    assert texts(sessions.get_session("s")) == ["q 1", None, "found 1", "q 2", "Hello.", "q 3", "Bye."]


@pytest.mark.parametrize("make_memory", MEMORIES)
@pytest.mark.parametrize("in_a_workflow", [False, True])
async def test_a_run_that_is_cancelled(make_memory: Callable[..., Memory], in_a_workflow: bool) -> None:
    memory = make_memory(SessionManager())
    waiting = calls("1", tool="wait").blocks
    script = Script(calls("0"), assistant(*calls("2").blocks, *waiting), says("Hello."))
    agent: Any = function_agent(script, wait)
    runnable = AgentWorkflow(agents=[agent], root_agent=agent.name) if in_a_workflow else agent
    handler = runnable.run("q 1", memory=memory)
    async for event in handler.stream_events():
        if isinstance(event, ToolCall) and event.tool_name == "wait":
            break
    await handler.cancel_run()
    with pytest.raises(WorkflowCancelledByUser):
        await handler
    assert list(map(brief, await save_steps(handler.ctx))) == ["look(0)", "found 0", "look(2) wait(1)"]
    await runnable.run("q 2", ctx=handler.ctx, memory=memory)
    assert script.flaws == []
    assert script.said[-1] == ["q 1", "look(0)", "found 0", "look(2) wait(1)", INTERRUPTED, INTERRUPTED, "q 2"]


@pytest.mark.parametrize("early", ["force", "generate"])
async def test_a_run_that_reaches_its_most_iterations(early: Literal["force", "generate"]) -> None:
    memory = own_memory(SessionManager())
    last = [says("I stop here.")] if early == "generate" else []
    script = Script(calls("1"), calls("2"), *last, says("Hello."))
    agent = function_agent(script)
    handler = agent.run("q 1", memory=memory, max_iterations=2, early_stopping_method=early)
    if early == "force":
        with pytest.raises(WorkflowRuntimeError, match="Max iterations"):
            await handler
    else:
        await handler
    await save_steps(handler.ctx)
    await agent.run("q 2", ctx=handler.ctx)
    assert script.flaws == []
    steps = ["look(1)", "found 1", "look(2)", INTERRUPTED]
    assert script.said[-1] == ["q 1", *map(brief, last), *steps, "q 2"]


async def test_a_reasoning_agent_leaves_what_it_thought() -> None:
    memory = own_memory(SessionManager())
    thinks = says("Thought: I look.\nAction: look\nAction Input: {}")
    script = Script(thinks, DownError(), says("Thought: x\nAnswer: y"))
    agent = react_agent(script)
    handler = agent.run("q 1", memory=memory)
    with pytest.raises(DownError):
        await handler
    (thought,) = await save_steps(handler.ctx)
    assert thought == says(str(thought.content))
    assert str(thought.content).startswith("Thought: I look.\nAction: look\nAction Input: {}\nObservation: ")
    await agent.run("q 2", ctx=handler.ctx)
    assert script.said[-1][1:] == ["q 1", thought.content, "q 2"]


async def test_what_a_reasoning_agent_thought_comes_before_the_steps_of_the_next() -> None:
    memory = own_memory(SessionManager())
    thinks = says('Thought: It knows.\nAction: handoff\nAction Input: {"to_agent": "second", "reason": "of it"}')
    script = Script(thinks, calls("1"), DownError())
    first = react_agent(script, name="first", description="The first.")
    second = function_agent(script, name="second", description="The second.")
    handler = AgentWorkflow(agents=[first, second], root_agent="first").run("q 1", memory=memory)
    with pytest.raises(DownError):
        await handler
    thought, *steps = map(brief, await save_steps(handler.ctx))
    assert thought.startswith("Thought: It knows.\nAction: handoff")
    assert steps == ["look(1)", "found 1"]
    assert list(map(brief, await memory.aget())) == ["q 1", thought, *steps]


async def test_a_context_in_which_nothing_ran_or_all_ended_has_no_steps() -> None:
    sessions = SessionManager()
    agent = function_agent(Script(calls("1"), says("Hello.")))
    context = Context(agent)
    assert await save_steps(context) == []
    await agent.run("q 1", ctx=context, memory=own_memory(sessions))
    assert await save_steps(context) == []
    assert texts(sessions.get_session("s")) == ["q 1", None, "found 1", "Hello."]


async def test_steps_stay_in_the_context_where_they_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = own_memory(SessionManager())
    agent = function_agent(Script(calls("1"), DownError()))
    handler = agent.run("q 1", memory=memory)
    with pytest.raises(DownError):
        await handler

    def fail(*_: Any, **__: Any) -> None:
        raise StoreError("down")

    with monkeypatch.context() as patched:
        patched.setattr(memory.sessions.store, "append", fail)
        with pytest.raises(StoreError):
            await save_steps(handler.ctx)
    assert list(map(brief, await save_steps(handler.ctx))) == ["look(1)", "found 1"]
    assert texts(await memory.aget()) == ["q 1", "look(1)", "found 1"]
