"""LangChain's trap: a run that begins with one history and ends with another.

Without ``history_messages_key`` the wrapped runnable's input is the history and the new messages. To store only the
new ones, LangChain reads the history again when the run ends and takes as many messages off the front of that input
as it then finds: too many or too few, if the session has changed meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from sessionkit_integrations import InMemoryStore, SessionManager
from sessionkit_integrations.langchain import SessionKitChatMessageHistory
from tests.langchain.runs import RUN, Parrot, answering, session, with_history

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessionkit_integrations import Store
    from tests.backends import StoreMaker

CALL = {"name": "look", "args": {}, "id": "1", "type": "tool_call"}
LONG_TURN = [HumanMessage("U1"), AIMessage("", tool_calls=[CALL]), ToolMessage("T1", tool_call_id="1"), AIMessage("A1")]
CONCURRENT = 32


def new_turn(sessions: SessionManager) -> None:
    """Write as another run, through a history of its own."""
    with_history(answering(lambda value: "meanwhile A"), sessions).invoke("meanwhile U", session())


def evict(sessions: SessionManager) -> None:
    SessionManager(memory_window=1, store=sessions.store).add_user_message("s", "meanwhile U")


def shrink(sessions: SessionManager) -> None:
    sessions.memory_window = 1


def reset(sessions: SessionManager) -> None:
    sessions.reset_session("s")


# What happens during the call, and how many turns the window keeps of the two that are there before it.
MEANWHILE: dict[str, tuple[Callable[[SessionManager], None], int]] = {
    "another run wrote": (new_turn, 10),
    "another run wrote and the window moved": (new_turn, 2),
    "another manager evicted": (evict, 2),
    "the window shrank": (shrink, 2),
    "the session was reset": (reset, 10),
}
# The question goes to the runnable alone or in a dict.
INPUTS: dict[str, tuple[Any, dict[str, str]]] = {
    "string": ("question", {}),
    "messages": ([HumanMessage("question")], {}),
    "dict": ({"messages": [HumanMessage("question")]}, {"input_messages_key": "messages"}),
}


def new_sessions(window: int) -> SessionManager:
    sessions = SessionManager(memory_window=window, store=InMemoryStore(archive=True))
    SessionKitChatMessageHistory("s", sessions).add_messages([*LONG_TURN, HumanMessage("U2"), AIMessage("A2")])
    return sessions


def all_ever_written(store: Store) -> list[str]:
    """The contents of all messages of the session, evicted or not, oldest first."""
    records = (*store.read("s", archived=True).records, *store.read("s").records)
    return [json.loads(record)["content"] for record in records]


def naive(sessions: SessionManager, runnable: Runnable[Any, Any], **options: Any) -> RunnableWithMessageHistory:
    """Return what `with_history` returns, but with histories that read afresh at every access."""
    return RunnableWithMessageHistory(
        runnable, lambda session_id: SessionKitChatMessageHistory(session_id, sessions), **options
    )


def run_while(name: str, run: str, input_: str, wrap: Callable[..., Runnable[Any, Any]]) -> tuple[list[str], list[str]]:
    """Run a question while something else happens; return what is stored, and what should be."""
    change, window = MEANWHILE[name]
    sessions = new_sessions(window)
    expected: list[str] = []

    def meanwhile() -> None:
        change(sessions)
        expected.extend([*all_ever_written(sessions.store), "question", "answer"])

    value, options = INPUTS[input_]
    RUN[run](wrap(answering(lambda value: AIMessage("answer"), meanwhile), sessions, **options), value, session())
    return all_ever_written(sessions.store), expected


@pytest.mark.parametrize("input_", INPUTS)
@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize("name", MEANWHILE)
def test_a_run_stores_its_own_messages_once_whatever_happens_meanwhile(name: str, run: str, input_: str) -> None:
    stored, expected = run_while(name, run, input_, with_history)
    assert stored == expected


@pytest.mark.parametrize("run", RUN)
@pytest.mark.parametrize("name", MEANWHILE)
def test_histories_that_read_afresh_do_fail_there(name: str, run: str) -> None:
    stored, expected = run_while(name, run, "string", lambda runnable, sessions: naive(sessions, runnable))
    assert stored != expected


@pytest.mark.parametrize("run", ["stream", "astream"])
def test_a_stream_is_stored_once_if_the_session_changes_meanwhile(run: str) -> None:
    sessions = new_sessions(10)
    chain = with_history(Parrot(), sessions)
    if run == "stream":
        for number, _ in enumerate(chain.stream("question", session())):
            sessions.add_user_message("s", f"meanwhile {number}")
    else:

        async def astream() -> None:
            number = 0
            async for _ in chain.astream("question", session()):
                await sessions.aadd_user_message("s", f"meanwhile {number}")
                number += 1

        asyncio.run(astream())
    stored = all_ever_written(sessions.store)[6:]
    assert stored[:2] == ["meanwhile 0", "meanwhile 1"]
    assert [text for text in stored if not text.startswith("meanwhile")] == ["question", "7 question"]


def test_a_run_within_a_run_of_the_same_session_stores_both_once() -> None:
    sessions = new_sessions(2)
    inner = with_history(answering(lambda value: "inner answer"), sessions)
    outer = with_history(answering(lambda value: inner.invoke("inner question", session())), sessions)
    outer.invoke("outer question", session())
    assert all_ever_written(sessions.store)[6:] == ["inner question", "inner answer", "outer question", "inner answer"]


def test_a_retried_runnable_stores_its_messages_once() -> None:
    sessions = new_sessions(10)
    attempts: list[int] = []

    def meanwhile() -> None:
        attempts.append(1)
        sessions.add_user_message("s", f"meanwhile {len(attempts)}")
        if len(attempts) < 3:
            raise ZeroDivisionError

    flaky = answering(lambda value: "answer", meanwhile).with_retry(wait_exponential_jitter=False)
    with_history(flaky, sessions).invoke("question", session())
    assert all_ever_written(sessions.store)[6:] == [
        *("meanwhile 1", "meanwhile 2", "meanwhile 3"),
        *("question", "answer"),
    ]


def overlapping() -> Runnable[Any, Any]:
    """Return a runnable whose answers come when all the concurrent questions have been put."""
    barrier = threading.Barrier(CONCURRENT)
    asked: list[object] = []
    everyone = asyncio.Event()

    def run(value: Sequence[Any]) -> str:
        barrier.wait(timeout=20)
        return f"re: {value[-1].content}"

    async def arun(value: Sequence[Any]) -> str:
        asked.append(value)
        if len(asked) == CONCURRENT:
            everyone.set()
        await asyncio.wait_for(everyone.wait(), timeout=20)
        return f"re: {value[-1].content}"

    return RunnableLambda(run, arun)


def ask_at_once(chain: Runnable[Any, Any], questions: list[str], how: str) -> None:
    async def gather() -> None:
        await asyncio.gather(*(chain.ainvoke(question, session()) for question in questions))

    if how == "threads":
        chain.batch(questions, {**session(), "max_concurrency": CONCURRENT})
    elif how == "gather":
        asyncio.run(gather())
    else:
        asyncio.run(chain.abatch(questions, session()))


@pytest.mark.parametrize("how", ["threads", "gather", "abatch"])
def test_concurrent_runs_on_one_session_store_each_message_once(make_store: StoreMaker, how: str) -> None:
    sessions = SessionManager(memory_window=100, store=make_store())
    sessions.add_user_message("s", "before")
    questions = [f"question {number}" for number in range(CONCURRENT)]
    ask_at_once(with_history(overlapping(), sessions), questions, how)
    stored = [message["content"] for message in sessions.get_session("s")]
    turns = list(zip(stored[1::2], stored[2::2], strict=True))
    assert stored[0] == "before"
    assert sorted(turns) == sorted((question, f"re: {question}") for question in questions)


@pytest.mark.parametrize("how", ["threads", "gather", "abatch"])
def test_concurrent_runs_with_histories_that_read_afresh_lose_messages(how: str) -> None:
    sessions = SessionManager(memory_window=100)
    questions = [f"question {number}" for number in range(CONCURRENT)]
    ask_at_once(naive(sessions, overlapping()), questions, how)
    stored = [message["content"] for message in sessions.get_session("s")]
    assert sum(question in stored for question in questions) < CONCURRENT
