"""LlamaIndex's agents on sessions: nothing is lost, and every prompt is valid."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from llama_index.core.agent.workflow import AgentWorkflow
from llama_index.core.storage.chat_store.base_db import MessageStatus

from sessionkit_integrations import InMemoryStore, SessionManager
from sessionkit_integrations.window.open_calls import INTERRUPTED
from tests.llama_index.agents import (
    MEMORIES,
    DownError,
    Script,
    brief,
    calls,
    function_agent,
    hand_off,
    in_window,
    own_memory,
    plain_memory,
    react_agent,
    result,
    says,
)
from tests.llama_index.samples import text, user
from tests.llama_index.test_memory import Flushed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.memory import Memory

    from tests.backends import Backends

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate

BACKENDS = ("memory", "sqlite", "redis-8.2", "cluster", "upstash")
BE_KIND = {"role": "system", "content": "Be kind."}


@pytest.fixture(params=MEMORIES, ids=lambda make: make.__name__)
def make_memory(request: pytest.FixtureRequest) -> Callable[..., Memory]:
    maker: Callable[..., Memory] = request.param
    return maker


def turn(number: int) -> list[ChatMessage]:
    """Return the messages of one of many turns, of which one in three calls tools, one of them twice."""
    question, answer = user(text(f"question {number}")), says(f"answer {number}")
    if number % 3:
        return [question, answer]
    ids = f"a{number}", f"bad{number}", f"b{number}"
    results = [result(ids[0], f"found {ids[0]}"), result(ids[1], f"no {ids[1]}")]
    return [question, calls(*ids[:2]), *results, calls(ids[2]), result(ids[2], f"found {ids[2]}"), answer]


@pytest.mark.parametrize(
    ("make_memory", "backend"),
    [*((own_memory, each) for each in BACKENDS), *((plain_memory, each) for each in BACKENDS[:3])],
)
async def test_many_turns_with_tools(make_memory: Callable[..., Memory], backend: str, backends: Backends) -> None:
    turns = [turn(number) for number in range(8)]
    script = Script(*(message for each in turns for message in each if message.role == "assistant"))
    async with SessionManager(3, backends.maker(backend)(archive=True)) as sessions:
        await sessions.asend_message("s", BE_KIND)  # type: ignore[arg-type]
        memory = make_memory(sessions)
        (preamble,) = await memory.aget()
        said, prompts = [preamble], []
        for each in turns:
            for message in each:
                if message.role == "assistant":  # what a window of as many turns shows of what was said so far
                    prompts.append([says("You are helpful."), *in_window(said, 3)])
                said.append(message)
            # A new agent, as in a new process; each turn has a context of its own.
            agent = function_agent(script, system_prompt="You are helpful.")
            assert str(await agent.run(each[0], memory=memory)) == each[-1].content
        assert [prompt[1:] for prompt in script.prompts] == [prompt[1:] for prompt in prompts]
        assert script.flaws == []
        kept = in_window(said, 3)
        assert await memory.aget_all(MessageStatus.ACTIVE) == kept
        assert await memory.aget_all(MessageStatus.ARCHIVED) == [each for each in said if each not in kept]


async def test_a_tool_whose_result_is_the_answer_cuts_the_others_off(make_memory: Callable[..., Memory]) -> None:
    sessions = SessionManager()
    shown = calls("1", "2")
    shown.blocks[0].tool_name = "show"  # type: ignore[union-attr]  # it is a call
    script = Script(shown, says("You are welcome."))
    memory = make_memory(sessions)
    assert str(await function_agent(script).run("Show it", memory=memory)) == "shown 1"
    await function_agent(script).run("Thanks", memory=memory)
    assert script.said == [
        ["Show it"],
        ["Show it", "show(1) look(2)", "shown 1", INTERRUPTED, "shown 1", "Thanks"],
    ]
    assert script.flaws == []
    assert [each for each in sessions.get_session("s") if each["role"] == "assistant"][1:] == [
        {"role": "assistant", "content": "shown 1"},
        {"role": "assistant", "content": "You are welcome."},
    ]


async def interrupted_stream() -> AsyncIterator[ChatMessage]:
    yield says("I am")
    raise DownError


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_model_that_raises_in_the_middle(make_memory: Callable[..., Memory], streaming: bool) -> None:
    script = Script(calls("1"), interrupted_stream if streaming else DownError(), calls("2"), says("Hello."))
    memory = make_memory(SessionManager())
    with pytest.raises(DownError):
        await function_agent(script, streaming=streaming).run("Look", memory=memory)
    assert str(await function_agent(script, streaming=streaming).run("Still there?", memory=memory)) == "Hello."
    assert script.flaws == []
    assert script.said[2:] == [["Look", "Still there?"], ["Look", "Still there?", "look(2)", "found 2"]]
    assert list(map(brief, await memory.aget())) == ["Look", "Still there?", "look(2)", "found 2", "Hello."]


REASONS = 'Thought: I must look.\nAction: look\nAction Input: {"q": "1"}'


async def test_a_reasoning_agent(make_memory: Callable[..., Memory]) -> None:
    first = says(REASONS), says("Thought: I know.\nAnswer: one")
    script = Script(*first, says("Thought: Let me see.\nAction: look"), says("Thought: Well.\nAnswer: two"))
    sessions = SessionManager(1, InMemoryStore(archive=True))
    sessions.set_system_message("s", "Be kind.")
    memory = make_memory(sessions)
    for question, answer in (("q 1", "one"), ("q 2", "two")):
        # Without a prompt of its own, it leaves out the first system message that it is given.
        agent = react_agent(script, system_prompt="You can look.")
        assert str(await agent.run(question, memory=memory)) == answer
    assert script.flaws == []
    headers = {prompt[0] for prompt in script.said}
    assert len(headers) == 1
    assert "You can look." in headers.pop()
    assert [prompt[1:-1] for prompt in script.said[:3]] == [
        ["Be kind."],
        ["Be kind.", "q 1", REASONS.replace('"', "'")],
        ["Be kind."],
    ]
    told = "Observation: found 1\nThought: I know.\nAnswer: one"
    assert list(map(brief, await memory.aget_all())) == [
        *("q 1", f"{REASONS}\n{told}".replace('"', "'")),
        *("Be kind.", "q 2", "Thought: Well.\nAnswer: two"),
    ]


HANDED = (
    "Agent second is now handling the request due to the following reason: of it.\n"
    "Please continue with the current request."
)


@pytest.mark.parametrize("reasons", [False, True])
async def test_handoffs(make_memory: Callable[..., Memory], reasons: bool) -> None:
    options = {"name": "second", "description": "The second.", "system_prompt": "You are the second."}
    answer = "Thought: Well.\nAnswer: Done." if reasons else "Done."
    script = Script(hand_off("second", "1"), says(answer), calls("2"), says("Again."))
    sessions = SessionManager(2)
    for number in (1, 2):
        make = react_agent if reasons else function_agent
        first = function_agent(script, name="first", description="The first.", system_prompt="You are the first.")
        workflow = AgentWorkflow(agents=[first, make(script, **options)], root_agent="first")
        assert str(await workflow.run(f"q {number}", memory=make_memory(sessions))) == ("Done.", "Again.")[number - 1]
    assert script.flaws == []
    handed = ["q 1", "handoff(h) look(1)", HANDED, "found 1"]
    again = [*handed, answer, "q 2"]
    assert [prompt[1:] for prompt in script.said] == [["q 1"], handed, again, [*again, "look(2)", "found 2"]]
    assert [prompt[0] for prompt in script.said][::2] == ["You are the first."] * 2
    assert "You are the second." in script.said[1][0]
    stored = [str(each["content"]) for each in sessions.get_session("s")]
    assert stored == ["q 1", "None", HANDED, "found 1", answer, "q 2", "None", "found 2", "Again."]


async def test_two_runs_at_once_on_one_session(make_memory: Callable[..., Memory]) -> None:
    sessions = SessionManager(20)
    scripts = [Script(calls(f"{at}"), calls(f"bad{at}"), says(f"a {at}")) for at in range(4)]
    runs = (function_agent(each).run(f"q {at}", memory=make_memory(sessions)) for at, each in enumerate(scripts))
    answers = await asyncio.gather(*runs)
    assert list(map(str, answers)) == ["a 0", "a 1", "a 2", "a 3"]
    assert [each.flaws for each in scripts] == [[], [], [], []]
    kept = list(map(brief, await make_memory(sessions).aget()))
    every = [[f"q {at}", f"look({at})", f"found {at}", f"look(bad{at})", f"no bad{at}", f"a {at}"] for at in range(4)]
    assert sorted(kept) == sorted(text for each in every for text in each)
    last = Script(says("Thanks."))
    await function_agent(last).run("All?", memory=make_memory(sessions))
    assert last.flaws == []


async def test_the_state_of_a_workflow_is_shown_and_not_stored(make_memory: Callable[..., Memory]) -> None:
    sessions, script = SessionManager(), Script(calls("1"), says("a"))
    agent = function_agent(script)
    workflow = AgentWorkflow(agents=[agent], initial_state={"mood": "good"})
    await workflow.run("q", memory=make_memory(sessions))
    assert script.flaws == []
    assert "mood" in script.said[0][0]
    assert [each["content"] for each in sessions.get_session("s")] == ["q", None, "found 1", "a"]


async def test_a_history_that_is_passed_takes_the_place_of_the_messages(make_memory: Callable[..., Memory]) -> None:
    sessions, script = SessionManager(), Script(calls("1"), says("a 1"), says("a 2"), says("a 3"))
    memory = make_memory(sessions)
    await function_agent(script).run("q 1", memory=memory)
    await function_agent(script).run("q 2", memory=memory, chat_history=await memory.aget())
    await function_agent(script).run("q 3", memory=memory, chat_history=[user(text("q 0"))])
    assert script.flaws == []
    assert script.said[2:] == [["q 1", "look(1)", "found 1", "a 1", "q 2"], ["q 0", "q 3"]]
    assert [each["content"] for each in sessions.get_session("s")] == ["q 0", "q 3", "a 3"]


async def test_calls_that_another_writer_left_open_are_interrupted(make_memory: Callable[..., Memory]) -> None:
    sessions, script = SessionManager(), Script(says("a"))
    memory = make_memory(sessions)
    await memory.aput_messages([user(text("q 1")), calls("1", "2"), result("2", "found 2")])
    await function_agent(script).run("q 2", memory=memory)
    assert script.flaws == []
    assert script.said == [["q 1", "look(1) look(2)", "found 2", INTERRUPTED, "q 2"]]


async def test_blocks_hear_whole_turns_of_agents_once() -> None:
    flushed = Flushed()
    memory = own_memory(SessionManager(1), memory_blocks=[flushed])
    script = Script(calls("1", "bad"), says("a 1"), says("a 2"), says("a 3"))
    for number in (1, 2, 3):
        await function_agent(script).run(f"q {number}", memory=memory)
    assert script.flaws == []
    assert flushed.texts == ["q 1", "None", "found 1", "no bad", "a 1", "q 2", "a 2"]
    assert "q 1 None found 1 no bad a 1 q 2 a 2" in script.said[-1][0]
