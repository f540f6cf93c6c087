"""Threads in which models, tools and the store fail, humans decide or say something else, and runs are resumed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from sessionkit_integrations import InMemoryStore, SessionManager, StoreError
from tests.langchain.agents import RUN, agent, calls, check, said, stored, texts, thread

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = (StoreError, ConnectionError, RuntimeError)


class Unreliable(InMemoryStore):
    """Fails now and then, before or after it has written."""

    def __init__(self, fails: Callable[[], bool]) -> None:
        super().__init__()
        self.fails = fails

    def append(self, *args: Any, **options: Any) -> Any:
        self._fail()
        appended = super().append(*args, **options)
        self._fail()
        return appended

    def read(self, *args: Any, **options: Any) -> Any:
        self._fail()
        return super().read(*args, **options)

    def _fail(self) -> None:
        if self.fails():
            raise StoreError("the store is down")


class Walk:
    """A thread of an agent with a checkpointer, whose state says what the session has to hold."""

    def __init__(self, random: Random, window: int) -> None:
        self.random = random
        self.said = 0
        self.is_over = False
        self.sessions = SessionManager(window, Unreliable(lambda: not self.is_over and self.chance(0.03)))
        human = [HumanInTheLoopMiddleware(interrupt_on={"look": True})] if self.chance(0.5) else []
        listed: Any = {random.choice(["before", "after"]): human}
        save = random.choice(["step", "run"])
        answers = [self.answer] * 1000
        self.graph, self.model = agent(self.sessions, *answers, save=save, checkpointer=InMemorySaver(), **listed)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def text(self) -> str:
        self.said += 1
        return f"text {self.said}"

    def answer(self, prompt: list[BaseMessage]) -> AIMessage:
        check(prompt)
        if self.is_over or self.chance(0.3):
            return AIMessage(self.text())
        if self.chance(0.3):
            raise ConnectionError
        name = "stumble" if self.chance(0.1) else "look"
        return calls(*(self.text() for _ in range(self.random.randint(1, 3))), name=name)

    def do(self, value: Any) -> str:
        """Run the agent, and return how that ended."""
        try:
            result = RUN[self.random.choice(["invoke", "stream"])](self.graph, value, thread())
        except FAULTS:
            return "failed"
        return "asked" if "__interrupt__" in result else "done"

    def decisions(self) -> Any:
        (task,) = self.graph.get_state(thread()).tasks
        requests = task.interrupts[0].value["action_requests"]
        return Command(resume={"decisions": [{"type": self.random.choice(["approve", "reject"])} for _ in requests]})

    def go(self, steps: int) -> list[tuple[str, str]]:
        """Go a number of steps and end well, and return the messages of the state."""
        ended = "done"
        for _ in range(steps):
            if ended == "failed" and self.chance(0.6):
                ended = self.do(None)
            elif ended == "asked" and self.chance(0.7):
                ended = self.do(self.decisions())
            else:
                ended = self.do(said(self.text()))
        self.is_over = True
        assert self.do(said(self.text())) == "done"
        return texts(self.graph.get_state(thread()).values["messages"])


@pytest.mark.parametrize("window", [2, 100])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_each_message_is_stored_once_and_in_order(seed: int, window: int) -> None:
    walk = Walk(Random(seed), window)  # noqa: S311 - chance with a seed
    state = walk.go(8)
    kept = stored(walk.sessions)
    info = walk.sessions.describe("s")
    assert info is not None
    assert info.appended == len(state)
    assert kept == (state if window == 100 else state[-len(kept) :])
