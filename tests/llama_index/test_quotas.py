"""Quotas in LlamaIndex: who has used theirs hears of it before the model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from llama_index.core.agent.workflow import AgentWorkflow
from llama_index.core.chat_engine import SimpleChatEngine

from sessionkit_integrations import Quota, QuotaExceededError, SessionManager
from tests.llama_index.agents import MEMORIES, Script, function_agent, own_memory, react_agent, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.core.memory import Memory

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's agents use what others deprecate

ANSWER = "Thought: I can answer.\nAnswer: Yes."


def contents(sessions: SessionManager) -> list[object]:
    return [message["content"] for message in sessions.get_session("s")]


@pytest.mark.parametrize("make_memory", MEMORIES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("make_agent", [function_agent, react_agent])
async def test_an_agent_is_not_asked_beyond_the_quota(
    make_agent: Callable[..., object], make_memory: Callable[..., Memory]
) -> None:
    sessions = SessionManager(quota=Quota(messages="1/day"))
    script, memory = Script(says(ANSWER)), make_memory(sessions)
    agent = make_agent(script, name="ada", description="Answers.")
    workflow = AgentWorkflow(agents=[agent])  # type: ignore[list-item]
    await workflow.run("Are you there?", memory=memory)
    with pytest.raises(QuotaExceededError) as raised:
        await workflow.run("And now?", memory=memory)
    assert raised.value.limit == "1 messages/day"
    assert len(script.prompts) == 1
    assert contents(sessions) == ["Are you there?", ANSWER]


@pytest.mark.parametrize("ask", ["chat", "stream_chat"])
def test_a_chat_engine_does_not_ask_beyond_the_quota(ask: str) -> None:
    sessions = SessionManager(quota=Quota(messages="1/day"))
    script = Script(says("Yes."))
    engine = SimpleChatEngine.from_defaults(llm=script.llm, memory=own_memory(sessions))
    engine.chat("Are you there?")
    with pytest.raises(QuotaExceededError):
        getattr(engine, ask)("And now?")
    assert len(script.prompts) == 1
    assert contents(sessions) == ["Are you there?", "Yes."]
