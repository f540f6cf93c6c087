"""Sessions under the SDK's real `Runner`: tools, handoffs, streams, errors, limits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, RunConfig, Runner, SessionSettings, function_tool
from agents.memory import OpenAIResponsesCompactionSession
from agents.run_internal import session_persistence

from sessionkit_integrations.openai_agents import SessionKitSession
from sessionkit_integrations.providers import to_openai
from tests.openai_agents.items import same
from tests.openai_agents.model import Scripted, agent, calls, says, thinks

if TYPE_CHECKING:
    from sessionkit_integrations import SessionManager


async def test_a_run_is_stored_and_the_next_one_gets_it(sessions: SessionManager) -> None:
    session = SessionKitSession("s", sessions)
    model = Scripted(
        [thinks("hm"), calls("1"), calls("2")], [says("two cats")], [says("yes")], [says("of course")], [says("bye")]
    )
    first = await Runner.run(agent(model), "What is there?", session=session)
    assert same(await session.get_items(), first.to_input_list())
    await Runner.run(agent(model), "Really?", session=session)
    assert same(model.prompts[2], [*first.to_input_list(), {"content": "Really?", "role": "user"}])
    # Two turns stay; those of the first leave together.
    await Runner.run(agent(model), "Sure?", session=session)
    texts = [message["content"] for message in sessions.get_session("s")]
    assert texts == ["Really?", "yes", "Sure?", "of course"]
    await session.clear_session()
    assert await session.get_items() == []
    await Runner.run(agent(model), "Bye", session=session)
    assert [item.get("role") for item in await session.get_items()] == ["user", "assistant"]


async def test_parallel_calls_are_one_message_to_other_readers(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    model = Scripted([thinks("hm"), says("Let me see."), calls("1"), calls("2")], [says("two cats")])
    await Runner.run(agent(model), "What is there?", session=session)
    function = {"name": "look", "arguments": "{}"}
    assert in_memory.get_session("s") == [
        {"role": "user", "content": "What is there?"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": each, "type": "function", "function": function} for each in ("1", "2")],
        },
        {"role": "tool", "content": "a cat", "tool_call_id": "1"},
        {"role": "tool", "content": "a cat", "tool_call_id": "2"},
        {"role": "assistant", "content": "two cats"},
    ]


async def test_a_stream_stores_what_a_run_stores(in_memory: SessionManager) -> None:
    script: list[Any] = [[calls("1"), calls("2")], [says("two cats")]]
    session, streamed = SessionKitSession("s", in_memory), SessionKitSession("streamed", in_memory)
    await Runner.run(agent(Scripted(*script)), "What is there?", session=session)
    stream = Runner.run_streamed(agent(Scripted(*script)), "What is there?", session=streamed)
    events = [event.type async for event in stream.stream_events()]
    assert "run_item_stream_event" in events
    assert same(await streamed.get_items(), await session.get_items())
    assert len(await streamed.get_items()) == 6


async def test_the_agent_that_a_run_is_handed_to_goes_on_in_the_session(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    model = Scripted([says("Wait."), calls("1", "transfer_to_bob")], [says("Bob here.")], [says("Still Bob.")])
    bob: Agent[Any] = Agent("Bob", model=model)
    result = await Runner.run(agent(model, handoffs=[bob]), "Get me Bob", session=session)
    assert result.last_agent is bob
    assert same(await session.get_items(), result.to_input_list())
    await Runner.run(bob, "Who is there?", session=session)
    assert same(model.prompts[2][:-1], result.to_input_list())
    roles = [message["role"] for message in to_openai(in_memory.get_session("s"))["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant"]


async def test_a_run_that_breaks_off_leaves_a_session_that_goes_on(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    model = Scripted([calls("1")], RuntimeError("no network"), [says("Here again.")])
    with pytest.raises(RuntimeError, match="no network"):
        await Runner.run(agent(model), "What is there?", session=session)
    kept = await session.get_items()
    assert [item.get("type") for item in kept] == [None, "function_call", "function_call_output"]
    await Runner.run(agent(model), "And now?", session=session)
    assert same(model.prompts[2], [*kept, {"content": "And now?", "role": "user"}])


async def test_what_other_frameworks_wrote_is_in_the_prompt(in_memory: SessionManager) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    calling: Any = {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"}
    in_memory.send_messages(
        "s",
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is there?"},
            calling,
            {"role": "tool", "content": "a cat", "tool_call_id": "1", "name": "look"},
            {"role": "assistant", "content": "A cat."},
        ],
    )
    model = Scripted([says("Yes.")])
    await Runner.run(agent(model), "Sure?", session=SessionKitSession("s", in_memory))
    assert model.prompts[0] == [
        {"content": "Be brief.", "role": "system"},
        {"content": "What is there?", "role": "user"},
        {
            "id": "__fake_id__",
            "summary": [{"text": "hm", "type": "summary_text"}],
            "type": "reasoning",
            "provider_data": {"source": "sessionkit"},
        },
        {"arguments": "{}", "call_id": "1", "name": "look", "type": "function_call"},
        {"call_id": "1", "output": "a cat", "type": "function_call_output"},
        {"content": "A cat.", "role": "assistant"},
        {"content": "Sure?", "role": "user"},
    ]


async def test_a_limit_takes_whole_turns(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    model = Scripted([calls("1")], [says("a")], [says("b")], [says("c")])
    await Runner.run(agent(model), "1", session=session)
    await Runner.run(agent(model), "2", session=session)
    config = RunConfig(session_settings=SessionSettings(limit=5))  # a turn of two, and three of one of four
    await Runner.run(agent(model), "3", session=session, run_config=config)
    assert [item.get("content", item.get("type")) for item in model.prompts[3]] == ["2", says_part("b"), "3"]


async def test_a_result_whose_call_has_left_the_window_is_in_no_prompt(in_memory: SessionManager) -> None:
    session = SessionKitSession("s", in_memory)
    await session.add_items(
        [
            {"role": "user", "content": "1"},
            {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
            {"role": "user", "content": "2"},
            {"type": "function_call_output", "call_id": "1", "output": "a cat"},
            {"role": "user", "content": "3"},
        ]
    )
    model = Scripted([says("a")])
    await Runner.run(agent(model), "4", session=session)
    assert [item.get("content", item.get("type")) for item in model.prompts[0]] == ["2", "3", "4"]


async def test_a_run_compacts_and_the_next_one_goes_on_from_there(in_memory: SessionManager) -> None:
    client = SimpleNamespace(responses=Compacting())
    session = OpenAIResponsesCompactionSession(
        "s",
        SessionKitSession("s", in_memory),
        client=client,  # type: ignore[arg-type]
        compaction_mode="input",
        should_trigger_compaction=lambda seen: len(seen["session_items"]) > 3,
    )
    model = Scripted([calls("1")], [says("a cat")], [says("yes")])
    await Runner.run(agent(model), "What is there?", session=session)
    compacted = [{"role": "user", "content": "What is there?"}, {"encrypted_content": "gAAAA", "type": "compaction"}]
    assert same(await session.get_items(), compacted)
    await Runner.run(agent(model), "Sure?", session=session)
    assert same(model.prompts[2], [*compacted, {"content": "Sure?", "role": "user"}])


class Compacting:
    """OpenAI's API for compaction."""

    async def compact(self, **request: Any) -> Any:
        question = request["input"][0]
        output = [
            {"role": "user", "content": question["content"]},
            {"encrypted_content": "gAAAA", "type": "compaction"},
        ]
        return SimpleNamespace(output=output, usage=None)


class Unheard(SessionKitSession):
    """A session whose next answer to a write is lost: before the write was made, or after it."""

    fails: str = ""

    async def add_items(self, items: list[Any]) -> None:
        fails, self.fails = self.fails, ""
        if fails == "before":
            raise ConnectionError(fails)
        await super().add_items(items)
        if fails == "after":
            raise ConnectionError(fails)


@pytest.mark.skipif(not hasattr(session_persistence, "resume_pending_session_write"), reason="an earlier SDK does not")
@pytest.mark.parametrize("fails", ["before", "after"])
async def test_the_sdk_resumes_after_a_write_of_which_it_does_not_know(in_memory: SessionManager, fails: str) -> None:
    session = Unheard("s", in_memory)
    model = Scripted([says("Hi")], [calls("1", "erase")], [says("Done.")])
    careful: Agent[Any] = Agent("Ada", model=model, tools=[erase])
    await Runner.run(careful, "Hello", session=session)
    state = (await Runner.run(careful, "Erase it", session=session)).to_state()
    state.approve(state.get_interruptions()[0])
    session.fails = fails
    with pytest.raises(ConnectionError):
        await Runner.run(careful, state, session=session)
    result = await Runner.run(careful, state, session=session)
    assert result.final_output == "Done."
    shown = [item.get("type") or item.get("content") for item in await session.get_items()]
    assert shown == ["Hello", "message", "Erase it", "function_call", "function_call_output", "message"]


@function_tool(needs_approval=True)
def erase() -> str:
    """Erase everything."""
    return "erased"


def says_part(text: str) -> list[Any]:
    return [{"annotations": [], "text": text, "type": "output_text", "logprobs": []}]
