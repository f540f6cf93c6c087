"""Agents whose runs have their session one at a time."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from sessionkit_integrations import SessionBusyError, SessionManager
from sessionkit_integrations.langchain import SessionKitMiddleware, exclusive
from tests.langchain.agents import RUN, Scripted, agent, calls, look, said, stored, texts, thread

if TYPE_CHECKING:
    from langchain_core.outputs import ChatResult

    from tests.backends import Backends

BOTH = pytest.mark.parametrize("run", ["invoke", "ainvoke"])
SAVE = pytest.mark.parametrize("save", ["step", "run"])
NO_INTERRUPT = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="LangGraph's interrupts need Python 3.11 in a loop"
)


def is_free(sessions: SessionManager) -> bool:
    """Return whether nobody has the session, without waiting."""
    free = sessions.store.lease("s", "turn", "somebody", 60)
    sessions.store.lease("s", "turn", "somebody", 0)
    return free


class Slow(Scripted):
    """Lets others have the loop while it answers."""

    async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(0.05)
        return self._generate(messages)


@pytest.mark.parametrize("backend", ["memory", "sqlite", "redis-8.2"])
async def test_two_runs_follow_each_other(backends: Backends, backend: str) -> None:
    async with SessionManager(store=backends.maker(backend)()) as sessions:
        model = Slow(answers=[calls("1"), "one", calls("2"), "two"])
        graph: Any = create_agent(model, [look], middleware=[SessionKitMiddleware(sessions, exclusive=True)])
        await asyncio.gather(graph.ainvoke(said("a"), thread()), graph.ainvoke(said("b"), thread()))
        first, second = ("a", "b") if texts(model.prompts[0]) == [("human", "a")] else ("b", "a")
        done = [("human", first), ("ai", "1"), ("tool", "seen"), ("ai", "one")]
        assert texts(model.prompts[2]) == [*done, ("human", second)]
        assert stored(sessions) == [*done, ("human", second), ("ai", "2"), ("tool", "seen"), ("ai", "two")]
        assert is_free(sessions)


@pytest.mark.pairwise
@BOTH
@SAVE
@pytest.mark.parametrize("where", ["model", "later", "tool"])
def test_a_run_that_raises_gives_the_session_back(run: str, save: str, where: str) -> None:
    sessions = SessionManager()
    answers = {"model": [KeyError()], "later": [calls("1"), KeyError()], "tool": [calls("1", name="stumble")]}
    graph, _ = agent(sessions, *answers[where], save=save, exclusive=True)  # type: ignore[misc]
    with pytest.raises((KeyError, RuntimeError)):
        RUN[run](graph, said("a"), thread())
    assert is_free(sessions)
    RUN[run](graph, said("b"), thread())
    assert stored(sessions)[-2][1] == "b"
    assert is_free(sessions)


async def test_a_run_that_is_cancelled_while_it_takes_its_session_gives_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions = SessionManager()
    store, lease, taken = sessions.store, sessions.store.alease, asyncio.Event()

    async def lease_and_wait(*arguments: Any) -> bool:
        answer = await lease(*arguments)
        if arguments[-1]:
            taken.set()
            await asyncio.sleep(100)
        return answer

    monkeypatch.setattr(store, "alease", lease_and_wait)
    graph, model = agent(sessions, exclusive=True)
    task = asyncio.create_task(graph.ainvoke(said("a"), thread()))
    await taken.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_free(sessions)
    assert model.prompts == []


@BOTH
def test_a_busy_session_is_an_error_before_the_model_is_called(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "TTL", 0.05)
    sessions = SessionManager()
    graph, model = agent(sessions, exclusive=True)
    assert sessions.store.lease("s", "turn", "another", 60)
    with pytest.raises(SessionBusyError, match=r"session 's' is in another turn, and was for 0.05 s"):
        RUN[run](graph, said("a"), thread())
    assert model.prompts == []
    assert stored(sessions) == []


@BOTH
@SAVE
def test_a_run_that_lost_its_session_stores_nothing_more(run: str, save: str) -> None:
    sessions = SessionManager()

    def answer(_messages: Any) -> str:
        sessions.store._leases._held.clear()  # type: ignore[attr-defined]  # as if the process had been frozen
        assert sessions.store.lease("s", "turn", "another", 60)
        return "too late"

    graph, _ = agent(sessions, answer, save=save, exclusive=True)
    with pytest.raises(SessionBusyError, match="this one is over"):
        RUN[run](graph, said("a"), thread())
    assert stored(sessions) == [("human", "a")]
    assert not is_free(sessions)


@pytest.mark.parametrize("run", ["invoke", pytest.param("ainvoke", marks=NO_INTERRUPT)])
def test_a_run_that_goes_on_has_its_session_at_once(run: str) -> None:
    sessions = SessionManager()
    graph, _ = agent(
        sessions,
        calls("1"),
        "done",
        checkpointer=InMemorySaver(),
        after=[HumanInTheLoopMiddleware(interrupt_on={"look": True})],
        exclusive=True,
    )
    assert "__interrupt__" in RUN[run](graph, said("a"), thread())
    assert not is_free(sessions)
    RUN[run](graph, Command(resume={"decisions": [{"type": "approve"}]}), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "seen"), ("ai", "done")]
    assert is_free(sessions)


@tool
def ask() -> str:
    """Ask the user."""
    return str(interrupt("Really?"))


@pytest.mark.parametrize("run", ["invoke", pytest.param("ainvoke", marks=NO_INTERRUPT)])
def test_a_run_that_a_tool_interrupts_keeps_its_session(run: str) -> None:
    sessions = SessionManager()
    graph, _ = agent(
        sessions, calls("1", name="ask"), "done", tools=[ask], checkpointer=InMemorySaver(), exclusive=True
    )
    assert "__interrupt__" in RUN[run](graph, said("a"), thread())
    assert not is_free(sessions)
    RUN[run](graph, Command(resume="yes"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "yes"), ("ai", "done")]
    assert is_free(sessions)


class Asking(AgentMiddleware):
    """Asks the user before the model is called."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        interrupt("May I?")
        return handler(request)


def test_a_run_that_is_interrupted_before_its_model_keeps_its_session() -> None:
    sessions = SessionManager()
    graph, _ = agent(sessions, "done", after=[Asking()], checkpointer=InMemorySaver(), exclusive=True)
    assert "__interrupt__" in graph.invoke(said("a"), thread())
    assert not is_free(sessions)
    graph.invoke(Command(resume="yes"), thread())
    assert stored(sessions) == [("human", "a"), ("ai", "done")]
    assert is_free(sessions)


@BOTH
def test_a_run_inside_a_turn_of_its_session_is_part_of_it(run: str) -> None:
    sessions = SessionManager()
    graph, _ = agent(sessions, calls("1"), "done", exclusive=True)
    with sessions.turn("s"):
        RUN[run](graph, said("a"), thread())
        assert not is_free(sessions)
        sessions.add_user_message("s", "b")
    assert stored(sessions) == [("human", "a"), ("ai", "1"), ("tool", "seen"), ("ai", "done"), ("human", "b")]
    assert is_free(sessions)


def test_it_is_off_by_default() -> None:
    """Not even a hook is there: LangChain calls each that a class has."""
    off, on = SessionKitMiddleware(SessionManager()), SessionKitMiddleware(SessionManager(), exclusive=True)
    assert type(off) is SessionKitMiddleware
    assert SessionKitMiddleware.wrap_tool_call is AgentMiddleware.wrap_tool_call
    assert isinstance(on, SessionKitMiddleware)
    assert off.name == on.name == "SessionKitMiddleware"


def test_a_class_of_ones_own() -> None:
    class Mine(SessionKitMiddleware):
        pass

    assert type(Mine(SessionManager())) is Mine
    mine = Mine(SessionManager(), exclusive=True)
    assert isinstance(mine, Mine)
    assert type(mine) is type(Mine(SessionManager(), exclusive=True))
    assert type(mine).wrap_tool_call is exclusive.Exclusive.wrap_tool_call
    assert mine.name == "Mine"
