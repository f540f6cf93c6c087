"""Each turn that leaves is in exactly one committed summary, in order, whatever happens while a model writes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from llama_index.core.base.llms.types import ChatMessage

from sessionkit_integrations import SessionKitChatStore, SessionManager, Summary, SummaryError, Window
from sessionkit_integrations.records.record import decode, role_of
from sessionkit_integrations.records.summaries import summary_of
from sessionkit_integrations.window.turns import number_turns
from tests.sessions.scripted import contents

if TYPE_CHECKING:
    from sessionkit_integrations import Store
    from tests.backends import Backends

CLOCK = 0.002
"""Seconds in which the clock of records goes on, by which a session is told from an earlier one."""

sessions = st.sampled_from(["s", "t"])
batches = st.lists(st.sampled_from(["user", "user", "assistant"]), min_size=1, max_size=4)
writers = st.sampled_from(["eager", "by hand", "tokens", "plain"])
meanwhile = st.lists(
    st.sampled_from(["fail", "append", "append plain", "summarize", "delete", "insert", "set", "pin", "reset"]),
    max_size=4,
)
"""Events in the model calls of a step, one after the other; those that follow answer at once."""


class SummariesMachine(RuleBasedStateMachine):
    """Managers on one store, two of which summarise by themselves; what a summary says names what it covers.

    Attributes:
        expected: The contents that are to be in the summary, waiting for one, or active, in this order.
    """

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.expected: dict[str, list[str]] = {"s": [], "t": []}
        self.turns: dict[str | None, int] = {None: 0}
        self.number = 0
        self.session, self.script = "s", list[str]()
        self.managers = {
            "eager": self._manager(2, every=2, background=False),
            "by hand": self._manager(1, every=None),
            "tokens": self._manager(Window(3, trigger_turns=4, tokens=30), every=1, background=False),
            "plain": SessionManager(1, self.store),
        }
        for session in self.expected:
            self.store.delete(session)

    def _manager(self, window: int | Window, **options: Any) -> SessionManager:
        def count(message: Any) -> int:
            return len(message["content"])

        return SessionManager(window, self.store, summary=Summary(self._summarize, **options), count_tokens=count)

    def _summarize(self, previous: str | None, messages: list[Any]) -> str:
        what, session = self.script.pop(0) if self.script else "answer", self.session
        if what == "reset":
            self._reset(session)
        elif what == "append":
            self._append("eager", session, ["user", "assistant", "user"])
        elif what == "append plain":
            self._append("plain", session, ["assistant", "user", "user"])
        elif what == "summarize":
            self._summarize_all("by hand", session)
        elif what == "fail":
            raise ZeroDivisionError
        elif what != "answer":
            self._edit("eager", session, what)
        text = " ".join([*([previous] if previous else []), *contents(messages)])
        roles = [message["role"] for message in messages]
        self.turns[text] = self.turns[previous] + number_turns(roles)[-1]
        return text

    def _call(self, manager: SessionManager, method: str, *args: Any, native: bool) -> Any:
        if native:
            return self.loop.run_until_complete(getattr(manager, f"a{method}")(*args))
        return getattr(manager, method)(*args)

    def _append(self, writer: str, session: str, roles: list[str], *, native: bool = False) -> None:
        messages = []
        for role in roles:
            self.number += 1
            messages.append({"role": role, "content": f"{self.number}"})
        waits = self._waits(session, writer)
        self.expected[session] += contents(messages)
        self._call(self.managers[writer], "send_messages", session, messages, native=native)
        if not waits:
            self.expected[session] = self._active(session)

    def _edit(self, writer: str, session: str, what: str) -> None:
        manager, waits = self.managers[writer], self._waits(session, writer)
        store, there = SessionKitChatStore(sessions=manager), manager.get_session(session)
        if what == "pin":
            manager.set_system_message(session, f"pinned {self.number}")
        elif what == "set":
            store.set_messages(session, store.get_messages(session))
        elif there and there[-1]["role"] != "system":
            if what == "delete":
                self.expected[session].pop()
                store.delete_last_message(session)
            else:
                self.number += 1
                self.expected[session].insert(-1, f"{self.number}")
                store.add_message(session, ChatMessage(role="user", content=f"{self.number}"), -1)
        if not waits:
            self.expected[session] = self._active(session)

    def _reset(self, session: str) -> None:
        time.sleep(CLOCK)
        self.managers["plain"].reset_session(session)
        self.expected[session] = []

    def _summarize_all(self, writer: str, session: str, *, native: bool = False) -> None:
        fails = "fail" in self.script
        try:
            self._call(self.managers[writer], "summarize", session, native=native)
        except SummaryError:
            assert fails

    def _waits(self, session: str, writer: str) -> bool:
        info = self.store.describe(session)
        return writer != "plain" or (info is not None and info.waiting + info.summarized > 0)

    def _active(self, session: str) -> list[str]:
        return [each for each in contents(map(decode, self.store.read(session).records)) if each.isdigit()]

    @rule(writer=writers, session=sessions, roles=batches, native=st.booleans(), script=meanwhile)
    def append(self, writer: str, session: str, roles: list[str], native: bool, script: list[str]) -> None:
        self.session, self.script = session, script.copy()
        self._append(writer, session, roles, native=native)

    @rule(writer=st.sampled_from(["eager", "tokens"]), session=sessions, native=st.booleans())
    def prompt(self, writer: str, session: str, native: bool) -> None:
        self.session, self.script, self.number = session, [], self.number + 1
        self.expected[session].append(f"{self.number}")
        manager = self.managers[writer]
        prompt = self._call(manager, "prompt", session, f"{self.number}", native=native)
        assert prompt == manager.get_session(session)

    @rule(
        writer=st.sampled_from(["eager", "by hand", "tokens"]),
        session=sessions,
        native=st.booleans(),
        script=meanwhile,
    )
    def summarize(self, writer: str, session: str, native: bool, script: list[str]) -> None:
        self.session, self.script = session, script.copy()
        self._summarize_all(writer, session, native=native)

    @rule(writer=writers, session=sessions, what=st.sampled_from(["delete", "insert", "set", "pin"]), script=meanwhile)
    def edit(self, writer: str, session: str, what: str, script: list[str]) -> None:
        self.session, self.script = session, script.copy()
        self._edit(writer, session, what)

    @rule(session=sessions)
    def reset(self, session: str) -> None:
        self._reset(session)

    @invariant()
    def every_turn_is_in_one_place(self) -> None:
        for session, expected in self.expected.items():
            active, archived = (
                self.store.read(session).records,
                contents(map(decode, self.store.read(session, archived=True).records)),
            )
            info, summary = self.store.describe(session), self.managers["plain"].get_summary(session)
            covered = [] if summary is None else summary.text.split()
            waiting = archived[len(archived) - info.waiting :] if info else []
            assert [*covered, *waiting, *self._active(session)] == expected
            if info is None:
                continue
            assert info.summarized == len(covered)
            if self.store.archive:
                assert archived[len(archived) - len(waiting) - len(covered) :] == [*covered, *waiting]
            else:
                assert archived == waiting
            if summary is not None:
                assert (summary.messages, summary.turns) == (len(covered), self.turns[summary.text])
                system = [record for record in active if role_of(record) == "system"]
                assert [summary_of(record) for record in system] == [None] * (len(system) - 1) + [summary]

    def teardown(self) -> None:
        self.loop.run_until_complete(self.store.aclose())
        self.loop.close()


def prove(store: Store, examples: int, steps: int) -> None:
    class Machine(SummariesMachine):
        pass

    Machine.store = store
    store.timeout = 0  # who summarises within a model call does not wait for it
    Machine.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Machine, settings=Machine.TestCase.settings)


@pytest.mark.parametrize("archive", [False, True])
def test_exactly_once_in_memory(backends: Backends, archive: bool) -> None:
    prove(backends.maker("memory")(archive=archive), examples=40, steps=40)


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("backend", ["sqlite", "redis-8.2", "upstash"])
def test_exactly_once_on_disk_and_on_servers(backends: Backends, backend: str, archive: bool) -> None:
    with backends.maker(backend)(archive=archive) as store:
        prove(store, examples=2 if backend == "upstash" else 4, steps=20)
