"""Quotas in the OpenAI Agents SDK: who has used theirs hears of it before the model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from agents import Runner

from sessionkit_integrations import Quota, QuotaExceededError, SessionManager
from sessionkit_integrations.openai_agents import SessionKitSession
from tests.openai_agents.model import Scripted, agent, calls, says

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def run(model: Scripted, text: str, session: SessionKitSession) -> None:
    await Runner.run(agent(model), text, session=session)


async def stream(model: Scripted, text: str, session: SessionKitSession) -> None:
    async for _ in Runner.run_streamed(agent(model), text, session=session).stream_events():
        pass


@pytest.mark.parametrize("ask", [run, stream])
async def test_a_run_does_not_ask_the_model_beyond_the_quota(ask: Callable[..., Awaitable[None]]) -> None:
    # The steps of the run are counted and not refused, though they pass the limit of tokens.
    sessions = SessionManager(quota=Quota(messages="1/day", tokens="100/day"), count_tokens=lambda _: 40)
    session, model = SessionKitSession("s", sessions), Scripted([calls("1")], [says("a cat")])
    await ask(model, "What is there?", session)
    before = sessions.get_session("s")
    with pytest.raises(QuotaExceededError) as raised:
        await ask(model, "And now?", session)
    assert raised.value.limit == "1 messages/day"
    assert len(model.prompts) == 2
    assert [message["role"] for message in before] == ["user", "assistant", "tool", "assistant"]
    assert sessions.get_session("s") == before
