"""Quotas in LangChain: who has used theirs hears of it before the model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables.history import RunnableWithMessageHistory

from sessionkit_integrations import Quota, QuotaExceededError, RedisStore, SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory, SessionKitMiddleware
from tests.langchain.agents import Scripted, calls, look
from tests.langchain.runs import RUN
from tests.stores.test_scripted import executed

if TYPE_CHECKING:
    from tests.servers import Server

CONFIG: Any = {"configurable": {"thread_id": "s", "session_id": "s"}}


def asked(text: str) -> Any:
    return {"messages": [HumanMessage(text)]}


def contents(sessions: SessionManager) -> list[Any]:
    return [message["content"] for message in sessions.get_session("s")]


@pytest.mark.parametrize("run", ["invoke", "ainvoke", "stream"])
def test_an_agent_is_not_asked_beyond_the_quota(run: str) -> None:
    sessions = SessionManager(quota=Quota(messages="1/day", tokens="100/day"), count_tokens=lambda _: 40)
    model = Scripted(answers=[calls("1"), AIMessage("Done")])
    agent = create_agent(model, [look], middleware=[SessionKitMiddleware(sessions)])
    # The steps of the run are counted and not refused, though they pass the limit of tokens.
    RUN[run](agent, asked("Look"), CONFIG)
    assert contents(sessions) == ["Look", None, "seen", "Done"]
    with pytest.raises(QuotaExceededError) as raised:
        RUN[run](agent, asked("Again"), CONFIG)
    assert raised.value.limit == "1 messages/day"
    assert len(model.prompts) == 2
    assert len(contents(sessions)) == 4


@pytest.mark.parametrize("run", RUN)
def test_a_runnable_with_history_does_not_ask_beyond_the_quota(run: str) -> None:
    sessions = SessionManager(quota=Quota(messages="1/day"))
    model = Scripted()
    runnable = RunnableWithMessageHistory(model, SessionKitChatMessageHistory.factory(sessions))
    RUN[run](runnable, [HumanMessage("Hello")], CONFIG)
    with pytest.raises(QuotaExceededError):
        RUN[run](runnable, [HumanMessage("Again")], CONFIG)
    assert len(model.prompts) == 1
    assert len(contents(sessions)) == 2


def test_a_run_that_was_let_in_is_stored_and_counted() -> None:
    sessions = SessionManager(quota=Quota(messages="1/day"))

    def meanwhile(_: Any) -> str:
        sessions.add_user_message("s", "from elsewhere")
        return "an answer"

    runnable = RunnableWithMessageHistory(Scripted(answers=[meanwhile]), SessionKitChatMessageHistory.factory(sessions))
    runnable.invoke([HumanMessage("Hello")], CONFIG)
    assert contents(sessions) == ["from elsewhere", "Hello", "an answer"]
    with pytest.raises(QuotaExceededError) as raised:
        sessions.add_user_message("s", "Again")
    assert raised.value.retry_after is not None
    assert 2 * 86_390 < raised.value.retry_after <= 2 * 86_400


def test_a_history_of_your_own_refuses_what_it_is_given() -> None:
    history = SessionKitChatMessageHistory("s", SessionManager(quota=Quota(messages="1/day")))
    history.add_messages([HumanMessage("Hello"), AIMessage("Hi")])
    with pytest.raises(QuotaExceededError):
        history.add_messages([HumanMessage("Again")])
    history.add_messages([AIMessage("Anything else?")])
    assert [message.content for message in history.messages] == ["Hello", "Hi", "Anything else?"]


def test_commands_of_a_run(redis_server: Server) -> None:
    counts = []
    with redis_server.client() as client, RedisStore(redis_server.url, key_prefix="quotaruns:") as store:
        for quota in (None, Quota(messages="100/day")):
            sessions = SessionManager(store=store, quota=quota)
            runnable = RunnableWithMessageHistory(Scripted(), SessionKitChatMessageHistory.factory(sessions))
            agent = create_agent(Scripted(), middleware=[SessionKitMiddleware(sessions)])
            runs: list[tuple[Any, Any]] = [(runnable, [HumanMessage("Hello")]), (agent, asked("Hello"))]
            for what, value in runs:
                what.invoke(value, CONFIG)
                client.config_resetstat()
                what.invoke(value, CONFIG)
                counts.append(executed(client)["evalsha"])
        # A run of a runnable asks first whether there is room, as LangChain writes when the model has answered.
        assert counts == [1, 3, 2, 3]
        sessions.reset_session("s")
