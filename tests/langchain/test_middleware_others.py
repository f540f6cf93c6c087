"""Our middleware beside LangChain's own, structured output, and agents within agents and graphs."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from typing import Any

import pytest
from langchain.agents import create_agent, middleware
from langchain.agents.middleware import (
    AgentMiddleware,
    ContextEditingMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
    hook_config,
)
from langchain.agents.middleware.context_editing import ClearToolUsesEdit
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

from sessionkit_integrations import InMemoryStore, SessionManager
from sessionkit_integrations.langchain import SessionKitMiddleware
from tests.langchain.agents import RUN, Scripted, agent, calls, check, look, said, stored, texts, thread

LISTED = pytest.mark.parametrize("listed", ["before", "after"])
IS_OLD = tuple(map(int, version("langchain").split(".")[:3])) < (1, 2, 5)
NEWER = pytest.mark.skipif(IS_OLD, reason="this LangChain has no such middleware, or none of this behaviour")
BOTH = pytest.mark.parametrize("run", ["invoke", "ainvoke"])


class Counting(InMemoryStore):
    """Counts its operations."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def append(self, *args: Any, **options: Any) -> Any:
        self.operations += 1
        return super().append(*args, **options)

    def read(self, *args: Any, **options: Any) -> Any:
        self.operations += 1
        return super().read(*args, **options)


@pytest.mark.pairwise
@pytest.mark.parametrize("strategy", ["redact", "mask", "hash"])
@BOTH
@LISTED
def test_what_is_redacted_is_stored_redacted(listed: str, run: str, strategy: Any) -> None:
    sessions = SessionManager()
    pii = PIIMiddleware("email", strategy=strategy, apply_to_tool_results=True)
    options: Any = {listed: [pii]}

    @tool
    def find() -> str:
        """Find an address."""
        return "it is ada@example.com"

    graph, model = agent(sessions, calls("1", name="find"), "done", tools=[find], **options)
    result = RUN[run](graph, said("I am bob@example.com"), thread())
    assert "@example.com" not in f"{sessions.get_session('s')}{model.prompts}".replace("****@example.com", "")
    assert stored(sessions) == texts(result["messages"])


@BOTH
def test_replies_are_stored_redacted_if_ours_is_listed_first(run: str) -> None:
    sessions = SessionManager()
    pii = PIIMiddleware("email", apply_to_output=True)
    graph, _ = agent(sessions, "write to ada@example.com", after=[pii])
    RUN[run](graph, said("I am bob@example.com"), thread())
    assert stored(sessions) == [("human", "I am [REDACTED_EMAIL]"), ("ai", "write to [REDACTED_EMAIL]")]


@LISTED
def test_a_question_that_is_blocked_is_not_stored(listed: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [PIIMiddleware("email", strategy="block")]}
    graph, model = agent(sessions, **options)
    with pytest.raises(Exception, match="email"):
        graph.invoke(said("I am bob@example.com"), thread())
    assert (stored(sessions), model.prompts) == ([], [])


@NEWER
@pytest.mark.pairwise
@pytest.mark.parametrize("checkpointer", [False, True])
@pytest.mark.parametrize("save", ["step", "run"])
@BOTH
@LISTED
def test_summaries_of_the_state_are_not_stored(listed: str, run: str, save: str, checkpointer: bool) -> None:
    sessions = SessionManager()
    options: Any = {
        listed: [SummarizationMiddleware(Scripted(answers=["sum"] * 9), trigger=("messages", 4), keep=("messages", 2))]
    }
    saver = InMemorySaver() if checkpointer else None
    script = [answer for number in range(6) for answer in (calls(f"c{number}"), calls(f"d{number}"), f"a{number}")]
    graph, model = agent(sessions, *script, save=save, checkpointer=saver, **options)
    expected: list[tuple[str, str]] = []
    for number in range(6):
        RUN[run](graph, said(f"q{number}"), thread())
        steps = [("ai", f"c{number}"), ("tool", "seen"), ("ai", f"d{number}"), ("tool", "seen")]
        expected += [("human", f"q{number}"), *steps, ("ai", f"a{number}")]
        check(model.prompts[-3])
        assert texts(model.prompts[-3]) == expected[:-5]
    assert stored(sessions) == expected
    for prompt in model.prompts:
        check(prompt)
        assert "sum" not in f"{texts(prompt)[:-5]}"


@NEWER
@pytest.mark.parametrize("save", ["step", "run"])
def test_a_run_that_was_summarised_is_resumed(save: str) -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "hello")
    summarizing = SummarizationMiddleware(Scripted(answers=["sum"] * 9), trigger=("messages", 4), keep=("messages", 2))
    script = [calls("c0"), calls("c1"), RuntimeError("down"), calls("c2"), "done"]
    graph, model = agent(sessions, *script, save=save, after=[summarizing], checkpointer=InMemorySaver())
    with pytest.raises(RuntimeError, match="down"):
        graph.invoke(said("a"), thread())
    graph.invoke(None, thread())
    steps = [each for number in range(3) for each in (("ai", f"c{number}"), ("tool", "seen"))]
    assert stored(sessions) == [("human", "hello"), ("human", "a"), *steps, ("ai", "done")]
    for prompt in model.prompts:
        check(prompt)
    progress = graph.get_state(thread()).values["sessionkit"]
    graph.invoke(said("b"), thread())
    again = graph.get_state(thread()).values["sessionkit"]
    assert len(again["stored"]) < len(progress["stored"])


@NEWER
@pytest.mark.parametrize("save", ["step", "run"])
def test_an_input_that_is_summarised_at_once_is_stored_whole(save: str) -> None:
    sessions = SessionManager()
    summarizing = SummarizationMiddleware(Scripted(answers=["sum"]), trigger=("messages", 4), keep=("messages", 2))
    graph, model = agent(sessions, after=[summarizing], save=save)
    shots = [HumanMessage("1?"), AIMessage("1!"), HumanMessage("2?"), AIMessage("2!"), HumanMessage("3?")]
    graph.invoke({"messages": shots}, thread())
    assert texts(model.prompts[0]) == texts(shots)
    assert stored(sessions) == [*texts(shots), ("ai", "5 seen")]


class Removes(AgentMiddleware[Any, Any]):
    """Removes the first message before the model is asked."""

    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return {"messages": [RemoveMessage(id=state["messages"][0].id)]}


@LISTED
def test_what_other_middleware_removes_from_an_input_is_not_stored(listed: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [Removes()]}
    graph, model = agent(sessions, **options)
    graph.invoke({"messages": [HumanMessage("secret"), HumanMessage("a")]}, thread())
    assert texts(model.prompts[0]) == [("human", "a")]
    assert stored(sessions) == [("human", "a"), ("ai", "1 seen")]


@NEWER
def test_a_long_run_is_summarised_for_the_model_and_stored_whole() -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "hello")
    summarizing = SummarizationMiddleware(Scripted(answers=["sum"] * 9), trigger=("messages", 4), keep=("messages", 2))
    graph, model = agent(sessions, *(calls(f"c{number}") for number in range(4)), "done", after=[summarizing])
    graph.invoke(said("a"), thread())
    last = texts(model.prompts[-1])
    assert [kind for kind, _ in last] == ["human", "human", "ai", "tool"]
    assert last[0] == ("human", "hello")
    assert "sum" in last[1][1]
    steps = [each for number in range(4) for each in (("ai", f"c{number}"), ("tool", "seen"))]
    assert stored(sessions) == [("human", "hello"), ("human", "a"), *steps, ("ai", "done")]


@NEWER
@pytest.mark.pairwise
@BOTH
@LISTED
def test_another_model_may_answer_or_the_same_one_later(listed: str, run: str) -> None:
    store = Counting()
    sessions = SessionManager(store=store)
    other = Scripted(answers=["from another"])
    options: Any = {listed: [ModelFallbackMiddleware(other)]}
    graph, _ = agent(sessions, RuntimeError("down"), **options)
    RUN[run](graph, said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "from another")]
    check(other.prompts[0])
    retrying: Any = {listed: [middleware.ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)]}
    graph, model = agent(sessions, RuntimeError("down"), RuntimeError("down"), "again", **retrying)
    store.operations = 0
    RUN[run](graph, said("b"), thread())
    assert store.operations == 2
    assert stored(sessions)[2:] == [("human", "b"), ("ai", "again")]
    for prompt in model.prompts:
        assert texts(prompt) == [("human", "a"), ("ai", "from another"), ("human", "b")]


def test_tools_may_be_tried_again() -> None:
    sessions = SessionManager()
    attempts: list[int] = []

    @tool
    def find() -> str:
        """Find it at the second attempt."""
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("not now")
        return "found"

    retrying = ToolRetryMiddleware(initial_delay=0, jitter=False)
    graph, _ = agent(sessions, calls("1", name="find"), "done", tools=[find], after=[retrying])
    graph.invoke(said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "found"), ("ai", "done")]


@pytest.mark.pairwise
@BOTH
@LISTED
@pytest.mark.parametrize("save", ["step", "run"])
def test_a_run_that_a_limit_ends_is_stored(save: str, listed: str, run: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [ModelCallLimitMiddleware(run_limit=1)]}
    graph, model = agent(sessions, calls("1"), save=save, **options)
    result = RUN[run](graph, said("a"), thread())
    assert [message.type for message in result["messages"]] == ["human", "ai", "tool", "ai"]
    assert stored(sessions) == texts(result["messages"])
    assert len(model.prompts) == 1


@NEWER
def test_calls_that_a_limit_refuses_are_answered_in_the_session() -> None:
    sessions = SessionManager()
    limit = ToolCallLimitMiddleware(run_limit=1, exit_behavior="continue")
    graph, model = agent(sessions, calls("1", "2"), "done", after=[limit])
    result = graph.invoke(said("a"), thread())
    assert stored(sessions) == texts(result["messages"])
    assert len(result["messages"]) == 5
    check(model.prompts[-1])


class Ends(AgentMiddleware[Any, Any]):
    """Ends a run at one of the hooks, with an answer of its own."""

    def __init__(self, hook: str) -> None:
        super().__init__()
        self.hook = hook

    def _end(self, hook: str) -> dict[str, Any] | None:
        return {"messages": [AIMessage("enough")], "jump_to": "end"} if hook == self.hook else None

    @hook_config(can_jump_to=["end"])
    def before_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return self._end("before_agent")

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return self._end("before_model")

    @hook_config(can_jump_to=["end"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return self._end("after_model")


@pytest.mark.pairwise
@BOTH
@LISTED
@pytest.mark.parametrize("checkpointer", [False, True])
@pytest.mark.parametrize("hook", ["before_agent", "before_model", "after_model"])
def test_a_run_may_end_early_at_any_hook(hook: str, checkpointer: bool, listed: str, run: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [Ends(hook)]}
    graph, _ = agent(sessions, "yes", "yes", checkpointer=InMemorySaver() if checkpointer else None, **options)
    once = [("human", "a"), *([("ai", "yes")] if hook == "after_model" else []), ("ai", "enough")]
    for _ in range(2):
        RUN[run](graph, said("a"), thread())
    assert stored(sessions) == once * 2


class Again(AgentMiddleware[Any, Any]):
    """Asks the model again, once, with a message of its own."""

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        if len(state["messages"]) > 2:
            return None
        return {"messages": [HumanMessage("are you sure?")], "jump_to": "model"}


@LISTED
def test_the_model_may_be_asked_again(listed: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [Again()]}
    graph, model = agent(sessions, "yes", "no", **options)
    graph.invoke(said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "yes"), ("human", "are you sure?"), ("ai", "no")]
    assert texts(model.prompts[-1]) == stored(sessions)[:-1]


class Cached(AgentMiddleware[Any, Any]):
    """Answers a question in place of the model."""

    def __init__(self, answer: AIMessage) -> None:
        super().__init__()
        self.answer = answer

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return self.answer if request.messages[-1].type == "human" else handler(request)


def test_an_answer_that_no_model_gave_is_stored_with_its_question() -> None:
    sessions = SessionManager()
    graph, model = agent(sessions, before=[Cached(AIMessage("from the cache"))])
    graph.invoke(said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "from the cache")]
    assert model.prompts == []


@pytest.mark.parametrize("ids", [["1"], ["1", "2"]])
def test_a_model_may_be_asked_for_the_first_time_in_the_middle(ids: list[str]) -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "hello")
    graph, model = agent(sessions, "done", before=[Cached(calls(*ids))])
    result = graph.invoke(said("a"), thread())
    assert stored(sessions) == [("human", "hello"), *texts(result["messages"])]
    assert texts(model.prompts[0]) == stored(sessions)[:-1]
    check(model.prompts[0])


class Noted(AgentMiddleware[Any, Any]):
    """Adds messages to a request, as LangChain's documentation does."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return handler(request.override(messages=[HumanMessage("first"), *request.messages, HumanMessage("last")]))


@LISTED
def test_messages_of_a_request_are_seen_and_not_stored(listed: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [Noted()]}
    graph, model = agent(sessions, checkpointer=InMemorySaver(), **options)
    for text in ("a", "b"):
        graph.invoke(said(text), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "3 seen"), ("human", "b"), ("ai", "5 seen")]
    seen = [text for _, text in texts(model.prompts[-1])]
    assert sorted(seen) == sorted(["first", "a", "3 seen", "b", "last"])


class Asks(AgentMiddleware[Any, Any]):
    """Asks in place of the caller."""

    def before_model(self, state: Any, runtime: Any) -> dict[str, Any]:
        return {"messages": [HumanMessage(f"question {len(state['messages'])}")]}


def test_the_question_may_come_from_a_hook() -> None:
    sessions = SessionManager(memory_window=2)
    graph, model = agent(sessions, after=[Asks()], checkpointer=InMemorySaver())
    for _ in range(3):
        graph.invoke({"messages": []}, thread())
    assert texts(model.prompts[-1]) == [("human", "question 2"), ("ai", "3 seen"), ("human", "question 4")]
    assert stored(sessions) == [*texts(model.prompts[-1]), ("ai", "3 seen")]


def test_what_is_edited_for_the_model_is_stored_whole() -> None:
    sessions = SessionManager()
    editing = ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=1, keep=0)])
    graph, model = agent(sessions, calls("1"), "done", after=[editing])
    graph.invoke(said("a"), thread())
    assert ("tool", "[cleared]") in texts(model.prompts[-1])
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "seen"), ("ai", "done")]


class Weather(BaseModel):
    """The weather."""

    sky: str


@BOTH
def test_structured_answers_are_stored_with_their_result(run: str) -> None:
    sessions = SessionManager()
    wrong, right = calls("1", name="Weather"), calls("2", name="Weather", sky="grey")
    graph, model = agent(sessions, calls("0"), wrong, right, "done", response_format=ToolStrategy(Weather))
    result = RUN[run](graph, said("a"), thread())
    assert result["structured_response"] == Weather(sky="grey")
    assert stored(sessions) == texts(result["messages"])
    assert [message.type for message in result["messages"]] == ["human", *["ai", "tool"] * 3]
    RUN[run](graph, said("b"), thread())
    for prompt in model.prompts:
        check(prompt)


def test_calls_that_cannot_be_read_are_answered() -> None:
    sessions = SessionManager()
    broken: Any = {"name": "look", "args": "{", "id": "1", "error": "not JSON", "type": "invalid_tool_call"}
    answer = AIMessage("hm", invalid_tool_calls=[broken])
    graph, model = agent(sessions, answer, "b", "c", checkpointer=InMemorySaver())
    for text in ("a", "b", "c"):
        graph.invoke(said(text), thread())
    for prompt in model.prompts:
        check(prompt)
    assert [kind for kind, _ in texts(model.prompts[-1])] == ["human", "ai", "tool", "human", "ai", "human"]


@pytest.mark.pairwise
@BOTH
@pytest.mark.parametrize("own", [False, True])
def test_an_agent_in_a_tool_writes_in_a_session_of_its_own_or_in_none(
    own: bool, run: str, caplog: pytest.LogCaptureFixture
) -> None:
    if IS_OLD and sys.version_info < (3, 11) and run == "ainvoke" and not own:
        pytest.skip("this LangGraph hands no configuration down to asynchronous tools")
    sessions = SessionManager()
    inner, inner_model = agent(sessions, calls("i"), "inner")
    config: Any = thread("inner") if own else None

    @tool
    def ask() -> str:
        """Ask another agent."""
        return str(inner.invoke(said("asked"), config)["messages"][-1].text)

    @tool("ask")
    async def aask() -> str:
        """Ask another agent."""
        return str((await inner.ainvoke(said("asked"), config))["messages"][-1].text)

    graph, model = agent(sessions, calls("1", name="ask"), "done", tools=[ask if run == "invoke" else aask])
    with caplog.at_level(logging.WARNING, "sessionkit_integrations"):
        RUN[run](graph, said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "inner"), ("ai", "done")]
    asked = [("human", "asked"), ("ai", "i"), ("tool", "seen"), ("ai", "inner")]
    assert stored(sessions, "inner") == (asked if own else [])
    assert texts(inner_model.prompts[-1]) == asked[:-1]
    assert ("no thread_id of its own" in caplog.text) == (not own)
    check(model.prompts[-1])


def test_an_agent_in_a_tool_sees_what_its_own_checkpointer_kept() -> None:
    inner, inner_model = agent(SessionManager(), checkpointer=True)

    @tool
    def ask() -> str:
        """Ask another agent."""
        return str(inner.invoke(said("asked"))["messages"][-1].text)

    graph, _ = agent(
        SessionManager(),
        calls("1", name="ask"),
        "one",
        calls("2", name="ask"),
        tools=[ask],
        checkpointer=InMemorySaver(),
    )
    graph.invoke(said("a"), thread())
    graph.invoke(said("b"), thread())
    assert [texts(prompt) for prompt in inner_model.prompts] == [
        [("human", "asked")],
        [("human", "asked"), ("ai", "1 seen"), ("human", "asked")],
    ]


@BOTH
def test_agents_of_one_graph_share_a_session(run: str) -> None:
    sessions = SessionManager()
    first, first_model = agent(sessions, calls("1"), "first", calls("2"), "first again", name="first")
    second, second_model = agent(sessions, "second", "second again", name="second")
    builder = StateGraph(MessagesState)
    builder.add_node("first", first)
    builder.add_node("second", second)
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    graph = builder.compile()
    RUN[run](graph, said("a"), thread())
    RUN[run](graph, said("b"), thread())
    a = [("human", "a"), ("ai", "1"), ("tool", "seen"), ("ai", "first"), ("ai", "second")]
    b = [("human", "b"), ("ai", "2"), ("tool", "seen"), ("ai", "first again"), ("ai", "second again")]
    assert stored(sessions) == [*a, *b]
    assert texts(first_model.prompts[-1]) == [*a, *b[:3]]
    assert texts(second_model.prompts[-1]) == [*a, *b[:4]]


def test_type_checkers_take_other_middleware_in_the_same_list() -> None:
    sessions = SessionManager()
    graph = create_agent(Scripted(), [], middleware=[SessionKitMiddleware(sessions), PIIMiddleware("email")])
    graph.invoke({"messages": [HumanMessage("a")]}, thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1 seen")]


def test_an_agent_without_tools_gets_no_node_for_them() -> None:
    graph, _ = agent(SessionManager(), tools=[])
    assert "tools" not in graph.nodes
    assert "tools" in agent(SessionManager(), tools=[look])[0].nodes


@NEWER
def test_a_reply_of_a_run_that_was_summarised_may_be_asked_for_again() -> None:
    sessions = SessionManager()
    summarizing = SummarizationMiddleware(Scripted(answers=["sum"] * 9), trigger=("messages", 4), keep=("messages", 2))
    graph, model = agent(sessions, calls("1"), "one", after=[summarizing], checkpointer=InMemorySaver())
    graph.invoke(said("a"), thread())
    reply = graph.invoke(said("b"), thread())["messages"][-1]
    graph.invoke({"messages": [RemoveMessage(id=reply.id)]}, thread())
    assert [text for _, text in texts(model.prompts[-1])] == ["a", "1", "seen", "one", "b"]
    assert stored(sessions)[-3:] == [("human", "b"), ("ai", "5 seen"), ("ai", "5 seen")]


@NEWER
def test_a_run_whose_question_was_summarised_is_seen_once() -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "hello")
    summarizing = SummarizationMiddleware(Scripted(answers=["sum"] * 9), trigger=("messages", 4), keep=("messages", 2))
    script = [calls("1"), calls("2"), "done", "again"]
    graph, model = agent(sessions, *script, after=[summarizing], checkpointer=InMemorySaver())
    graph.invoke(said("a"), thread())
    before_tools = next(each for each in graph.get_state_history(thread()) if each.next == ("tools",))
    reply = graph.invoke(None, before_tools.config)["messages"][-1]
    graph.invoke({"messages": [RemoveMessage(id=reply.id)]}, thread())
    for prompt in model.prompts:
        check(prompt)
    assert [kind for kind, _ in texts(model.prompts[-1])][-4:] == ["ai", "human", "ai", "tool"]
