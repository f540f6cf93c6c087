"""Runs of agents that break off, are interrupted, repeated and resumed: nothing is lost and nothing is stored twice."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware, hook_config
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, RetryPolicy, interrupt

from sessionkit_integrations import InMemoryStore, InvalidMessageError, SessionManager, StoreError
from sessionkit_integrations.langchain import SessionKitMiddleware
from tests.langchain.agents import RUN, Scripted, agent, calls, check, look, said, stored, texts, thread

if TYPE_CHECKING:
    from langchain_core.outputs import ChatResult

SAVE = pytest.mark.parametrize("save", ["step", "run"])
BOTH = pytest.mark.parametrize("run", ["invoke", "ainvoke"])
NO_INTERRUPT = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="LangGraph's interrupts need Python 3.11 in a loop"
)


class BrokenError(Exception):
    """Raised by the model."""


class Broken(InMemoryStore):
    """Fails at each append whose number is in `fails`."""

    def __init__(self, *fails: int) -> None:
        super().__init__()
        self.fails = fails
        self.appends = 0

    def append(self, *args: Any, **options: Any) -> Any:
        self.appends += 1
        if self.appends in self.fails:
            raise StoreError("the store is down")
        return super().append(*args, **options)


def all_valid(model: Any) -> None:
    for prompt in model.prompts:
        check(prompt)


@pytest.mark.pairwise
@SAVE
@BOTH
def test_a_model_that_raises_at_once_leaves_the_question(run: str, save: str) -> None:
    sessions = SessionManager()
    graph, model = agent(sessions, BrokenError(), save=save)
    with pytest.raises(BrokenError):
        RUN[run](graph, said("a"), thread())
    assert stored(sessions) == [("human", "a")]
    RUN[run](graph, said("b"), thread())
    assert stored(sessions) == [("human", "a"), ("human", "b"), ("ai", "2 seen")]
    all_valid(model)


@pytest.mark.pairwise
@SAVE
@BOTH
def test_a_model_that_raises_in_the_middle_leaves_the_steps_before(run: str, save: str) -> None:
    sessions = SessionManager()
    graph, model = agent(sessions, calls("1", "2"), BrokenError(), save=save)
    with pytest.raises(BrokenError):
        RUN[run](graph, said("a"), thread())
    steps = [("human", "a"), ("ai", "1,2"), ("tool", "seen"), ("tool", "seen")]
    assert stored(sessions) == steps
    RUN[run](graph, said("b"), thread())
    assert stored(sessions) == [*steps, ("human", "b"), ("ai", "5 seen")]
    all_valid(model)


@SAVE
async def test_a_run_that_is_cancelled_leaves_the_steps_before(save: str) -> None:
    sessions = SessionManager()
    asked = asyncio.Event()

    class Slow(Scripted):
        async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
            if len(messages) > 1:
                asked.set()
                await asyncio.sleep(100)
            return self._generate(messages)

    ours = SessionKitMiddleware(sessions, save=save)  # type: ignore[arg-type]
    graph: Any = create_agent(Slow(answers=[calls("1")]), [look], middleware=[ours])
    task = asyncio.create_task(graph.ainvoke(said("a"), thread()))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "seen")]


@BOTH
def test_a_tool_that_raises_leaves_its_call_which_is_shown_as_interrupted(run: str) -> None:
    sessions = SessionManager()
    graph, model = agent(sessions, calls("1", name="stumble"))
    with pytest.raises(RuntimeError, match="stumbled"):
        RUN[run](graph, said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1")]
    RUN[run](graph, said("b"), thread())
    interrupted: Any = model.prompts[-1][2]
    assert (interrupted.status, interrupted.tool_call_id) == ("error", "1")
    all_valid(model)


def test_parallel_calls_of_which_one_raises_are_all_answered_later() -> None:
    sessions = SessionManager()
    both = AIMessage("", tool_calls=[*calls("1").tool_calls, *calls("2", name="stumble").tool_calls])
    graph, model = agent(sessions, both)
    with pytest.raises(RuntimeError, match="stumbled"):
        graph.invoke(said("a"), thread())
    graph.invoke(said("b"), thread())
    assert [message.type for message in model.prompts[-1]] == ["human", "ai", "tool", "tool", "human"]
    all_valid(model)


@pytest.mark.pairwise
@SAVE
@BOTH
def test_a_checkpointer_that_returns_every_run_changes_nothing(run: str, save: str) -> None:
    """The state has more messages than a session remembers operations."""
    sessions = SessionManager(memory_window=2)
    graph, model = agent(sessions, checkpointer=InMemorySaver(), save=save)
    results = [RUN[run](graph, said(f"q{number}"), thread()) for number in range(20)]
    assert len(results[-1]["messages"]) == 40
    assert stored(sessions) == [("human", "q18"), ("ai", "3 seen"), ("human", "q19"), ("ai", "3 seen")]
    info = sessions.describe("s")
    assert info is not None
    assert info.appended == 40
    assert [len(prompt) for prompt in model.prompts] == [1, *[3] * 19]
    all_valid(model)


@pytest.mark.pairwise
@SAVE
@BOTH
@pytest.mark.parametrize("fault", ["model", "later", "tool"])
def test_after_a_run_that_failed_a_checkpointer_repeats_nothing(fault: str, run: str, save: str) -> None:
    sessions = SessionManager()
    script: dict[str, Any] = {
        "model": [BrokenError()],
        "later": [calls("1"), BrokenError()],
        "tool": [calls("1", name="stumble")],
    }
    graph, model = agent(sessions, *script[fault], checkpointer=InMemorySaver(), save=save)
    with pytest.raises((BrokenError, RuntimeError)):
        RUN[run](graph, said("a"), thread())
    for text in ("b", "c"):
        RUN[run](graph, said(text), thread())
    kept = {"model": [], "later": [("ai", "1"), ("tool", "seen")], "tool": [("ai", "1")]}[fault]
    shown = len(kept) + (fault == "tool") + 2
    assert stored(sessions) == [
        ("human", "a"),
        *kept,
        ("human", "b"),
        ("ai", f"{shown} seen"),
        ("human", "c"),
        ("ai", f"{shown + 2} seen"),
    ]
    all_valid(model)


@pytest.mark.pairwise
@SAVE
@BOTH
@pytest.mark.parametrize("fault", ["model", "later"])
def test_a_run_that_failed_is_resumed_where_it_was(fault: str, run: str, save: str) -> None:
    sessions = SessionManager()
    script = [BrokenError(), "done"] if fault == "model" else [calls("1"), BrokenError(), "done"]
    graph, model = agent(sessions, *script, checkpointer=InMemorySaver(), save=save)
    RUN[run](agent(sessions, "nice")[0], said("hello"), thread())
    with pytest.raises(BrokenError):
        RUN[run](graph, said("a"), thread())
    RUN[run](graph, None, thread())
    step = [] if fault == "model" else [("ai", "1"), ("tool", "seen")]
    assert stored(sessions) == [("human", "hello"), ("ai", "nice"), ("human", "a"), *step, ("ai", "done")]
    assert texts(model.prompts[-1]) == [("human", "hello"), ("ai", "nice"), ("human", "a"), *step]
    all_valid(model)


@BOTH
def test_a_run_whose_store_was_down_is_resumed(run: str) -> None:
    store = Broken(1)
    sessions = SessionManager(store=store)
    graph, model = agent(sessions, "done", checkpointer=InMemorySaver())
    with pytest.raises(StoreError):
        RUN[run](graph, said("a"), thread())
    assert model.prompts == []
    RUN[run](graph, None, thread())
    assert stored(sessions) == [("human", "a"), ("ai", "done")]
    all_valid(model)


def test_the_error_of_the_model_is_raised_where_the_store_fails_too() -> None:
    graph, _ = agent(SessionManager(store=Broken(3)), calls("1"), BrokenError())
    with pytest.raises(BrokenError):
        graph.invoke(said("a"), thread())


def human(**options: Any) -> HumanInTheLoopMiddleware:
    return HumanInTheLoopMiddleware(interrupt_on={"look": True}, **options)


DECISIONS: dict[str, Any] = {
    "approve": {"type": "approve"},
    "edit": {"type": "edit", "edited_action": {"name": "look", "args": {}}},
    "reject": {"type": "reject", "message": "no"},
}


@pytest.mark.pairwise
@SAVE
@pytest.mark.parametrize("run", ["invoke", pytest.param("ainvoke", marks=NO_INTERRUPT)])
@pytest.mark.parametrize("listed", ["before", "after"])
@pytest.mark.parametrize("decision", DECISIONS)
def test_a_human_may_be_asked_in_between(decision: str, listed: Any, run: str, save: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [human()]}
    graph, model = agent(sessions, "nice", calls("1"), "done", checkpointer=InMemorySaver(), save=save, **options)
    RUN[run](graph, said("hello"), thread())
    asked = RUN[run](graph, said("a"), thread())
    assert "__interrupt__" in asked
    result = RUN[run](graph, Command(resume={"decisions": [DECISIONS[decision]]}), thread())
    assert [message.type for message in result["messages"]][2:] == ["human", "ai", "tool", "ai"]
    assert stored(sessions) == texts(result["messages"])
    assert texts(model.prompts[-1]) == texts(result["messages"][:-1])
    all_valid(model)


def test_instead_of_a_decision_there_may_be_another_question() -> None:
    sessions = SessionManager()
    graph, model = agent(sessions, calls("1"), "done", after=[human()], checkpointer=InMemorySaver())
    graph.invoke(said("a"), thread())
    graph.invoke(said("b"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("human", "b"), ("ai", "done")]
    all_valid(model)


@pytest.mark.pairwise
@pytest.mark.parametrize("node", ["interrupt_before", "interrupt_after"])
@pytest.mark.parametrize("place", ["model", "tools", "SessionKitMiddleware.before_model"])
def test_a_run_may_stop_at_any_node(place: str, node: str) -> None:
    sessions = SessionManager()
    options: Any = {node: [place]}
    graph, model = agent(sessions, "nice", calls("1"), "done", checkpointer=InMemorySaver(), **options)
    for text in ("hello", "a"):
        graph.invoke(said(text), thread())
        for _ in range(3):
            graph.invoke(None, thread())
    step = [("ai", "1"), ("tool", "seen")]
    assert stored(sessions) == [("human", "hello"), ("ai", "nice"), ("human", "a"), *step, ("ai", "done")]
    assert texts(model.prompts[-1]) == [("human", "hello"), ("ai", "nice"), ("human", "a"), *step]
    all_valid(model)


@pytest.mark.pairwise
@BOTH
@pytest.mark.parametrize("fault", ["model", "later"])
def test_a_node_that_is_tried_again_stores_its_input_once(fault: str, run: str) -> None:
    """The agent is a node of another graph, and each attempt is a run of the same messages."""
    sessions = SessionManager()
    script = [BrokenError(), "done"] if fault == "model" else [calls("1"), BrokenError(), "done"]
    graph, model = agent(sessions, "nice", *script)
    outer = StateGraph(MessagesState)
    outer.add_node("agent", graph, retry_policy=RetryPolicy(max_attempts=2, initial_interval=0, jitter=False))
    outer.add_edge(START, "agent")
    compiled = outer.compile()
    RUN[run](compiled, said("hello"), thread())
    RUN[run](compiled, said("a"), thread())
    step = [] if fault == "model" else [("ai", "1"), ("tool", "seen")]
    assert stored(sessions) == [("human", "hello"), ("ai", "nice"), ("human", "a"), *step, ("ai", "done")]
    assert texts(model.prompts[-1]) == [("human", "hello"), ("ai", "nice"), ("human", "a")]
    all_valid(model)


@pytest.mark.pairwise
@SAVE
@pytest.mark.parametrize("checkpointer", [False, True])
def test_models_and_callers_may_use_an_id_again(checkpointer: bool, save: str) -> None:
    sessions = SessionManager()
    answer = AIMessage("yes", id="same")
    saver = InMemorySaver() if checkpointer else None
    graph, model = agent(sessions, answer, answer, answer, checkpointer=saver, save=save)
    question = HumanMessage("really?")
    for _ in range(3):
        graph.invoke({"messages": [question] if not checkpointer else [HumanMessage("really?")]}, thread())
    assert stored(sessions) == [("human", "really?"), ("ai", "yes")] * 3
    assert [len(prompt) for prompt in model.prompts] == [1, 3, 5]


def test_a_model_may_use_an_id_again_within_a_run() -> None:
    sessions = SessionManager()
    first, second = calls("1"), AIMessage("done", id="same")
    first.id = "same"
    graph, _ = agent(sessions, first, second)
    graph.invoke(said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "seen"), ("ai", "done")]


class Twice(AgentMiddleware[Any, Any]):
    """Asks the model again, once, with the same messages."""

    asked = 0

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        self.asked += 1
        return {"jump_to": "model"} if self.asked == 1 else None


def test_a_model_may_use_an_id_again_for_the_same_question() -> None:
    sessions = SessionManager()
    graph, _ = agent(sessions, AIMessage("no", id="same"), AIMessage("yes", id="same"), before=[Twice()])
    graph.invoke(said("a"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "no"), ("ai", "yes")]


class Interrupts(AgentMiddleware[Any, Any]):
    """Asks a human before the model is asked a second time."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        if request.messages[-1].type == "tool":
            interrupt("go on?")
        return handler(request)


@pytest.mark.pairwise
@SAVE
@pytest.mark.parametrize("listed", ["before", "after"])
def test_a_human_may_be_asked_within_a_call_of_the_model(listed: str, save: str) -> None:
    sessions = SessionManager()
    options: Any = {listed: [Interrupts()]}
    graph, model = agent(sessions, calls("1"), "done", checkpointer=InMemorySaver(), save=save, **options)
    assert "__interrupt__" in graph.invoke(said("a"), thread())
    graph.invoke(Command(resume="yes"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "seen"), ("ai", "done")]
    all_valid(model)


@pytest.mark.parametrize("fails", [False, True])
def test_the_result_of_a_call_may_be_the_input(fails: bool) -> None:
    sessions = SessionManager()
    sessions.add_user_message("s", "a")
    graph, model = agent(sessions, *([BrokenError()] if fails else []), "done", checkpointer=InMemorySaver())
    asked: Any = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    other: Any = {**asked, "id": "2"}
    sessions.send_message("s", {"role": "assistant", "content": None, "tool_calls": [asked, other]})
    result: Any = {"messages": [ToolMessage("seen", tool_call_id="1")]}
    if fails:
        with pytest.raises(BrokenError):
            graph.invoke(result, thread())
    graph.invoke(None if fails else result, thread())
    assert [message.type for message in model.prompts[-1]] == ["human", "ai", "tool", "tool"]
    all_valid(model)
    assert stored(sessions) == [("human", "a"), ("ai", "1,2"), ("tool", "seen"), ("ai", "done")]


def test_a_client_may_send_all_messages_with_each_run() -> None:
    sessions = SessionManager(memory_window=2)
    graph, model = agent(sessions)
    kept: list[Any] = []
    for number in range(5):
        kept = graph.invoke({"messages": [*kept, HumanMessage(f"q{number}", id=f"q{number}")]}, thread())["messages"]
    info = sessions.describe("s")
    assert info is not None
    assert info.appended == 10
    assert texts(model.prompts[-1]) == [("human", "q3"), ("ai", "3 seen"), ("human", "q4")]
    all_valid(model)


def test_a_client_may_repeat_a_question_that_was_not_answered() -> None:
    sessions = SessionManager()
    graph, model = agent(sessions, BrokenError())
    first, second = HumanMessage("a", id="1"), HumanMessage("b", id="2")
    with pytest.raises(BrokenError):
        graph.invoke({"messages": [first]}, thread())
    graph.invoke({"messages": [first, second]}, thread())
    assert stored(sessions) == [("human", "a"), ("human", "b"), ("ai", "2 seen")]
    all_valid(model)


def test_a_thread_with_a_checkpointer_moves_to_a_session() -> None:
    sessions, saver = SessionManager(memory_window=2), InMemorySaver()
    before, _ = agent(SessionManager(), tools=[look], checkpointer=saver)
    for text in ("a", "b"):
        before.invoke(said(text), thread())
    state = before.get_state(thread()).values["messages"]
    other = InMemorySaver()
    graph, model = agent(sessions, checkpointer=other)
    graph.update_state(thread(), {"messages": state})
    graph.invoke(said("c"), thread())
    assert stored(sessions) == [("human", "b"), ("ai", "3 seen"), ("human", "c"), ("ai", "3 seen")]
    graph.invoke(said("d"), thread())
    assert texts(model.prompts[0]) == [("human", "b"), ("ai", "3 seen"), ("human", "c")]
    assert texts(model.prompts[1]) == [("human", "c"), ("ai", "3 seen"), ("human", "d")]


def test_a_model_may_be_asked_again_where_its_reply_was_removed() -> None:
    sessions = SessionManager(memory_window=2)
    graph, model = agent(sessions, checkpointer=InMemorySaver())
    for text in ("a", "b", "c"):
        reply = graph.invoke(said(text), thread())["messages"][-1]
    graph.invoke({"messages": [RemoveMessage(id=reply.id)]}, thread())
    assert texts(model.prompts[-1]) == [("human", "b"), ("ai", "3 seen"), ("human", "c")]
    assert stored(sessions)[-2:] == [("ai", "3 seen"), ("ai", "3 seen")]
    all_valid(model)


def test_a_result_that_is_too_large_is_not_in_the_way_of_the_next_question(caplog: pytest.LogCaptureFixture) -> None:
    @tool
    def shout() -> str:
        """Say more than may be stored."""
        return "x" * 2000

    sessions = SessionManager(max_message_bytes=1000)
    script = [calls("1", name="shout"), "told", "nice"]
    graph, model = agent(sessions, *script, tools=[shout], checkpointer=InMemorySaver())
    with pytest.raises(InvalidMessageError, match="max_message_bytes is 1,000"):
        graph.invoke(said("a"), thread())
    graph.invoke(said("b"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("human", "b"), ("ai", "nice")]
    assert "max_message_bytes is 1,000" in caplog.text
    with pytest.raises(InvalidMessageError):
        graph.invoke(said("x" * 2000), thread())
    all_valid(model)


def test_an_id_may_be_that_of_a_question_that_left_the_window() -> None:
    sessions = SessionManager(memory_window=2)
    graph, model = agent(sessions, "A", "B", "C", "D")
    for number, text in (("0", "a"), ("1", "b"), ("2", "c"), ("0", "d")):
        graph.invoke({"messages": [HumanMessage(text, id=number)]}, thread())
    assert texts(model.prompts[-1]) == [("human", "c"), ("ai", "C"), ("human", "d")]
    assert stored(sessions) == [("human", "c"), ("ai", "C"), ("human", "d"), ("ai", "D")]


def test_a_question_without_an_answer_may_be_before_one_asked_again() -> None:
    sessions = SessionManager(memory_window=1)
    graph, model = agent(sessions, BrokenError(), "done", "again", checkpointer=InMemorySaver())
    with pytest.raises(BrokenError):
        graph.invoke(said("a"), thread())
    reply = graph.invoke(said("b"), thread())["messages"][-1]
    graph.invoke({"messages": [RemoveMessage(id=reply.id)]}, thread())
    assert texts(model.prompts[-1]) == [("human", "b")]


def test_a_run_may_be_repeated_whose_first_question_left_the_window() -> None:
    sessions = SessionManager(memory_window=1)
    graph, model = agent(sessions, BrokenError(), "done", "again", checkpointer=InMemorySaver())
    with pytest.raises(BrokenError):
        graph.invoke(said("a"), thread())
    graph.invoke(said("b"), thread())
    asked = next(each for each in graph.get_state_history(thread()) if each.next == ("model",))
    graph.invoke(None, asked.config)
    assert texts(model.prompts[-1]) == [("human", "a"), ("human", "b")]
    assert stored(sessions) == [("human", "b"), ("ai", "done"), ("ai", "again")]
