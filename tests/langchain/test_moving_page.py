"""The page on moving from `RunnableWithMessageHistory` to `create_agent`: its code runs, and its table is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.runtime import Runtime

from sessionkit_integrations import SessionKitChatMessageHistory, SessionManager
from sessionkit_integrations.langchain import SessionKitMiddleware
from tests.langchain.agents import Scripted
from tests.snippets import Snippet

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

PAGE = (Path(__file__).parents[2] / "docs" / "moving_to_agents.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.filterwarnings("ignore:.*RunnableWithMessageHistory is deprecated")


def run(code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, "docs/moving_to_agents.md", "exec", dont_inherit=True), namespace)  # noqa: S102 - our own
    return namespace


def texts(messages: list[BaseMessage]) -> list[str]:
    return [str(message.text) for message in messages]


def ask_chain(model: Scripted, sessions: SessionManager, question: str) -> None:
    chain = RunnableWithMessageHistory(model, SessionKitChatMessageHistory.factory(sessions))
    chain.invoke([HumanMessage(question)], {"configurable": {"session_id": "user123"}})


def ask_agent(model: Scripted, sessions: SessionManager, question: str) -> None:
    agent = create_agent(model, middleware=[SessionKitMiddleware(sessions)])
    agent.invoke({"messages": [HumanMessage(question)]}, {"configurable": {"thread_id": "user123"}})


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_a_snippet_runs_and_prints_what_it_says(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    assert capsys.readouterr().out.splitlines() == Snippet("", 1, code).printed


def test_both_leave_the_same_session_and_go_on_in_each_other_s() -> None:
    before, after = run(CODE[0])["sessions"], run(CODE[1])["sessions"]
    stored = [{"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hi Ada!"}]
    assert before.get_session("user123") == after.get_session("user123") == stored
    model = Scripted(answers=["Ada.", "A mathematician."])
    ask_agent(model, before, "Who am I?")
    ask_chain(model, before, "What was she?")
    assert list(map(texts, model.prompts)) == [
        ["I am Ada.", "Hi Ada!", "Who am I?"],
        ["I am Ada.", "Hi Ada!", "Who am I?", "Ada.", "What was she?"],
    ]


@pytest.mark.parametrize(("ask", "earlier"), [(ask_chain, 2), (ask_agent, 1)])
def test_the_question_is_one_of_the_turns_of_an_agent(ask: Any, earlier: int) -> None:
    sessions, model = SessionManager(memory_window=2), Scripted()
    for number in range(4):
        ask(model, sessions, f"q {number}")
    assert [text for text in texts(model.prompts[-1]) if text.startswith("q")] == ["q 1", "q 2", "q 3"][-1 - earlier :]


@pytest.mark.parametrize("values", [("ada", "1"), ("a:b", "c"), ("a", "b:c"), ("50%", "%3A")])
def test_several_values_name_the_session_that_they_named(values: tuple[str, str]) -> None:
    namespace = run(CODE[2])
    factory = SessionKitChatMessageHistory.factory(SessionManager(), keys=("user_id", "conversation_id"))
    named = namespace["session_id"](Runtime(context=namespace["Who"](*values)))
    assert named == factory.session_id(user_id=values[0], conversation_id=values[1])
